import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { clock } from "../format";
import { wordsOf } from "../state";
import { get } from "../types";
import type { JournalEntry } from "../types";
import { Head, Json, Panel, Problem } from "../ui";

/** How many entries the page keeps. */
const KEPT = 500;
const EVERY = 1000;

interface Page {
  entries: JournalEntry[];
  next: number;
}

export function Journal(): JSX.Element {
  const [entries, setEntries] = useState<JournalEntry[]>([]);
  const [filter, setFilter] = useState("");
  const [runs, setRuns] = useState(true);
  const [chosen, setChosen] = useState<JournalEntry>();
  const [error, setError] = useState<string>();
  const next = useRef<number>();
  /** The newest entry of the first page: what comes after it is new. */
  const first = useRef(Infinity);
  useEffect(() => {
    if (!runs) return;
    let ended = false;
    let timer: ReturnType<typeof setTimeout>;
    const load = async () => {
      try {
        const query = next.current === undefined ? { limit: 200 } : { after: next.current, limit: 200 };
        const page = await get<Page>("/api/console/journal", { query });
        if (ended) return;
        if (next.current === undefined) first.current = page.next;
        next.current = page.next;
        if (page.entries.length > 0) setEntries((known) => [...page.entries.toReversed(), ...known].slice(0, KEPT));
        setError(undefined);
      } catch (failure) {
        setError(wordsOf(failure));
      }
      if (!ended) timer = setTimeout(load, EVERY);
    };
    void load();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, [runs]);
  const text = filter.trim().toLowerCase();
  const shown = entries.filter((entry) => text === "" || `${entry.name} ${entry.rooms.join(" ")} ${JSON.stringify(entry.payload)}`.toLowerCase().includes(text));
  return (
    <div class="stack">
      <Head
        title="Journal"
        tools={
          <div class="filters">
            <input class="input" type="search" placeholder="Event, room, id, any value…" aria-label="Filter the journal" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
            <button type="button" class="button" aria-pressed={runs} onClick={() => setRuns(!runs)}>{runs ? "Pause" : "Go on"}</button>
          </div>
        }
      >
        Every event in commit order, as it is written.
      </Head>
      <Problem text={error} />
      <div class="split">
        <Panel title={`${shown.length} entries`} flush tools={<span class={`badge ${runs ? "ok" : ""}`}><span class="dot" />{runs ? "live" : "paused"}</span>}>
          {shown.length === 0 && <p class="empty">Nothing here{text ? " matches" : " yet"}.</p>}
          <div class="scroll">
            {shown.map((entry) => (
              <button key={entry.position} type="button" class={`journal-row ${entry.position > first.current ? "fresh" : ""}`} aria-pressed={chosen?.position === entry.position} onClick={() => setChosen(entry)}>
                <span class="muted number">{entry.position}</span>
                <strong>{entry.name}</strong>
                <span class="rooms">{entry.rooms.join(", ")}</span>
                <span class="muted number">{clock(entry.createdAt)}</span>
              </button>
            ))}
          </div>
        </Panel>
        <Panel title={chosen ? chosen.name : "Payload"} tools={chosen && <DealLink entry={chosen} />}>
          {chosen ? (
            <div class="stack">
              <p class="row">{chosen.rooms.map((room) => <span key={room} class="badge">{room}</span>)}</p>
              <Json value={chosen.payload} />
              <p class="muted mono">{chosen.eventId}</p>
            </div>
          ) : (
            <p class="muted">Choose an entry to see what it carries.</p>
          )}
        </Panel>
      </div>
    </div>
  );
}

function DealLink({ entry }: { entry: JournalEntry }): JSX.Element | null {
  const payload = (entry.payload ?? {}) as Record<string, unknown>;
  const room = entry.rooms.find((room) => room.startsWith("request-"))?.slice(8);
  const own = entry.name === "new-purchase-request" ? payload["_id"] : undefined;
  const id = payload["requestId"] ?? payload["purchaseRequestId"] ?? room ?? own;
  return typeof id === "string" ? <a class="button small" href={`#/deals/${id}`}>Open the deal</a> : null;
}
