import type { JSX } from "preact";
import { Chart } from "../chart";
import { age, bytes, number } from "../format";
import { get } from "../types";
import type { Stats } from "../types";
import { Head, Panel, Problem, Table, useFetched } from "../ui";

export function Overview(): JSX.Element {
  const { value: stats, error } = useFetched(() => get<Stats>("/api/console/stats"), "stats", 2000);
  if (!stats) return <><Head title="Overview" /><Problem text={error} /></>;
  const samples = stats.samples;
  const span = samples.length > 1 ? age((Date.parse(samples.at(-1)!.at) - Date.parse(samples[0]!.at)) / 1000) : "moments";
  const up = (Date.now() - Date.parse(stats.startedAt)) / 1000;
  const closed = Object.entries(stats.closed).filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]);
  const lag = stats.journalHead - stats.journalHandedOn;
  return (
    <div class="stack">
      <Head title="Overview">This node, Souk {stats.version}, up for {age(up)}.</Head>
      <Problem text={error} />
      <dl class="tiles">
        <Tile label="Live sockets" value={number(stats.sockets)} note={`${stats.websocket} WebSocket, ${stats.polling} polling`} />
        <Tile label="Packets sent" value={number(stats.packetsSent)} note={bytes(stats.bytesSent)} />
        <Tile label="Packets received" value={number(stats.packetsReceived)} note={`${number(stats.opened)} sessions so far`} />
        <Tile label="Journal" value={number(stats.journalHead)} note={lag > 0 ? `${lag} not handed on yet` : "all handed on"} />
        <Tile label="Commit to client" value={`${number(stats.latencyMs.p50)} ms`} note={`p95 ${number(stats.latencyMs.p95)} ms, max ${number(stats.latencyMs.max)} ms`} />
      </dl>
      <div class="charts">
        <Chart title="Connections" unit="sockets" span={span} points={samples.map(({ sockets }) => sockets)} />
        <Chart title="Deliveries" unit="per second" span={span} points={samples.map(({ deliveriesPerSecond }) => deliveriesPerSecond)} />
        <Chart title="Commit to client" unit="ms" span={span} points={samples.map(({ latencyMs }) => latencyMs)} />
      </div>
      <Panel title="Why sessions ended" flush>
        <Table
          label="Why sessions ended"
          rows={closed}
          id={([reason]) => reason}
          empty="No session has ended since the start."
          columns={[
            { head: "Reason", cell: ([reason]) => <code>{reason}</code> },
            { head: "Sessions", right: true, cell: ([, count]) => number(count) },
          ]}
        />
      </Panel>
    </div>
  );
}

function Tile({ label, value, note }: { label: string; value: string; note: string }): JSX.Element {
  return (
    <div class="panel tile">
      <dt>{label}</dt>
      <dd class="number">{value}<br /><small>{note}</small></dd>
    </div>
  );
}
