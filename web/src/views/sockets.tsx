import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { age, bytes, short } from "../format";
import { get } from "../types";
import type { LiveNode, LiveSocket, LiveSockets } from "../types";
import { Badge, Head, Panel, Problem, Table, useFetched } from "../ui";

const fetchSockets = () => get<LiveSockets>("/api/console/sockets");
const NOBODY: LiveSockets = { nodes: [], sockets: [] };

export function Sockets(): JSX.Element {
  const { value: { nodes, sockets } = NOBODY, error } = useFetched(fetchSockets, "sockets", 2000);
  const [filter, setFilter] = useState("");
  const fits = (socket: LiveSocket) =>
    [socket.id, socket.node, socket.userId, socket.name, socket.role, ...socket.rooms].some((text) => text?.toLowerCase().includes(filter.toLowerCase()));
  const rows = sockets.filter(fits);
  return (
    <div class="stack">
      <Head title="Sockets" tools={<input class="input" type="search" placeholder="User, room, id…" aria-label="Filter sockets" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />}>
        Who is connected now.
      </Head>
      <Problem text={error} />
      <Nodes nodes={nodes} />
      <Panel title={`${rows.length} sockets`} flush>
        <Table
          label="Live sockets"
          rows={rows}
          id={({ id }) => id}
          empty="No socket is connected."
          columns={[
            { head: "User", cell: ({ name, userId }) => <><strong>{name ?? "Nobody"}</strong><br /><span class="muted mono">{short(userId)}</span></> },
            { head: "Role", cell: ({ role }) => <Badge text={role} /> },
            { head: "Transport", cell: ({ transport }) => <Badge text={transport} /> },
            { head: "Rooms", cell: ({ rooms }) => <RoomLinks rooms={rooms} /> },
            { head: "Queue", right: true, cell: ({ queuedBytes }) => bytes(queuedBytes) },
            { head: "Age", right: true, cell: ({ ageSeconds }) => age(ageSeconds) },
            { head: "Socket", cell: ({ id }) => <code>{id}</code> },
            ...(nodes.length > 1 ? [{ head: "Node", cell: ({ node }: LiveSocket) => <code>{shortNode(node)}</code> }] : []),
          ]}
        />
      </Panel>
    </div>
  );
}

/** Of several nodes: how many sockets each has, and which did not answer. */
function Nodes({ nodes }: { nodes: LiveNode[] }): JSX.Element | null {
  if (nodes.length < 2) return null;
  const silent = nodes.filter(({ answered }) => !answered);
  return (
    <>
      <Problem text={silent.length > 0 ? `Without what did not answer: ${silent.map(({ id }) => shortNode(id)).join(", ")}` : undefined} />
      <p class="row" aria-label="Nodes">
        {nodes.map(({ id, answered, sockets }) => <span key={id} class="badge">{shortNode(id)}: {answered ? `${sockets} sockets` : "no answer"}</span>)}
      </p>
    </>
  );
}

/** Enough of a node's name to tell it from the others. */
const shortNode = (node: string): string => node.slice(0, 8);

function RoomLinks({ rooms }: { rooms: string[] }): JSX.Element {
  return (
    <span class="row">
      {rooms.map((room) => <a key={room} class="badge" href={`#/rooms/${encodeURIComponent(room)}`}>{shortRoom(room)}</a>)}
    </span>
  );
}

/** `request-0193…-2a` is `request-…00002a`. */
const shortRoom = (room: string): string => room.replace(/-[0-9a-f]{8}-[0-9a-f-]{18,}([0-9a-f]{6})$/, "-…$1");

export function Rooms(): JSX.Element {
  const { value: { nodes, sockets: all } = NOBODY, error } = useFetched(fetchSockets, "rooms", 2000);
  const [filter, setFilter] = useState("");
  const members = new Map<string, LiveSocket[]>();
  for (const socket of all) for (const room of socket.rooms) members.set(room, [...(members.get(room) ?? []), socket]);
  const rows = [...members].filter(([room]) => room.includes(filter.trim())).sort((a, b) => b[1].length - a[1].length || a[0].localeCompare(b[0]));
  return (
    <div class="stack">
      <Head title="Rooms" tools={<input class="input" type="search" placeholder="request-…, sellers" aria-label="Filter rooms" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />}>
        Who hears what: every room that has a member.
      </Head>
      <Problem text={error} />
      <Nodes nodes={nodes} />
      <Panel title={`${rows.length} rooms`} flush>
        <Table
          label="Rooms"
          rows={rows}
          id={([room]) => room}
          empty="Nobody is in a room."
          columns={[
            { head: "Room", cell: ([room]) => (room.startsWith("request-") ? <a href={`#/deals/${room.slice(8)}`}><code>{room}</code></a> : <code>{room}</code>) },
            { head: "Members", right: true, cell: ([, sockets]) => sockets.length },
            { head: "Who", cell: ([, sockets]) => <span class="row">{sockets.map(({ id, name, role }) => <span key={id} class={`badge ${role ?? ""}`}>{name ?? "nobody"}</span>)}</span> },
          ]}
        />
      </Panel>
    </div>
  );
}
