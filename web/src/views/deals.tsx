import type { Page, PurchaseRequest } from "souk-client";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { clock, day, short, words } from "../format";
import { get, send } from "../types";
import type { TimelineEntry } from "../types";
import { Act, Badge, Head, Json, Panel, Problem, Table, useFetched } from "../ui";

const STATUSES = ["active", "received_offers", "pending_payment", "payment", "processing", "delivery", "delivered", "completed", "cancelled"];

export function Deals(): JSX.Element {
  const [status, setStatus] = useState("");
  const [q, setQ] = useState("");
  const [page, setPage] = useState(1);
  const query = { page, limit: 25, ...(status && { status }), ...(q && { q }) };
  const { value, error } = useFetched(
    () => get<Page<PurchaseRequest>>("/api/marketplace/purchase-requests", { query }),
    JSON.stringify(query),
    4000,
  );
  return (
    <div class="stack">
      <Head
        title="Deals"
        tools={
          <div class="filters">
            <input class="input" type="search" placeholder="Title or description" aria-label="Search deals" onInput={(event) => (setQ(event.currentTarget.value), setPage(1))} />
            <select class="input" aria-label="Status" value={status} onChange={(event) => (setStatus(event.currentTarget.value), setPage(1))}>
              <option value="">All states</option>
              {STATUSES.map((status) => <option key={status} value={status}>{words(status)}</option>)}
            </select>
          </div>
        }
      >
        Every purchase request, newest first.
      </Head>
      <Problem text={error} />
      <Panel title={`${value?.pagination.total ?? 0} deals`} flush tools={<Pager page={page} more={value?.pagination.hasMore ?? false} go={setPage} />}>
        <Table
          label="Deals"
          rows={value?.data ?? []}
          id={({ _id }) => _id}
          empty="There is no such deal."
          columns={[
            { head: "Deal", cell: ({ _id, title }) => <><a href={`#/deals/${_id}`}><strong>{title}</strong></a><br /><span class="muted mono">{short(_id)}</span></> },
            { head: "State", cell: ({ status }) => <Badge text={status} /> },
            { head: "Budget", right: true, cell: ({ budget }) => `${budget.min}–${budget.max} ${budget.currency}` },
            { head: "Offers", right: true, cell: ({ offersCount }) => offersCount ?? "–" },
            { head: "Buyer", cell: ({ buyerId }) => <code>{short(buyerId)}</code> },
            { head: "Updated", cell: ({ updatedAt }) => <span class="nowrap">{day(updatedAt)}</span> },
          ]}
        />
      </Panel>
    </div>
  );
}

export function Pager({ page, more, go }: { page: number; more: boolean; go: (page: number) => void }): JSX.Element {
  return (
    <div class="row">
      <button type="button" class="button small" disabled={page === 1} onClick={() => go(page - 1)}>Newer</button>
      <span class="muted number">page {page}</span>
      <button type="button" class="button small" disabled={!more} onClick={() => go(page + 1)}>Older</button>
    </div>
  );
}

/** What kind of point on the line it is: a new state stands out. */
const look = (entry: TimelineEntry): string => {
  const detail = entry.detail as { type?: string } | null;
  return entry.kind === "ledger" ? "ledger" : entry.name === "purchase-request-update" && detail?.type === "status_changed" ? "state" : "event";
};

/** What a point says in a line. */
function saying({ kind, name, detail }: TimelineEntry): string {
  const fields = (detail ?? {}) as Record<string, unknown>;
  if (kind === "ledger") return `${words(name)}: ${fields["amount"]} ${fields["currency"]}, ${fields["from"]} → ${fields["to"]}`;
  const said = ["type", "status", "eventType", "escrowState", "reason"].map((field) => fields[field]).filter((value) => typeof value === "string");
  return `${name}${said.length > 0 ? `: ${said.map((text) => words(text as string)).join(", ")}` : ""}`;
}

export function Deal({ id }: { id: string }): JSX.Element {
  const { value: deal, error, load } = useFetched(() => get<PurchaseRequest>("/api/marketplace/purchase-requests/{id}", { path: { id } }), id, 3000);
  const timeline = useFetched(() => get<{ entries: TimelineEntry[] }>("/api/console/deals/{id}/timeline", { path: { id } }), id, 3000);
  const [chosen, setChosen] = useState<TimelineEntry>();
  const entries = timeline.value?.entries ?? [];
  const cancel = () => send("POST /api/marketplace/purchase-requests/{id}/cancel", { path: { id }, body: { reason: "Cancelled by an administrator" } });
  return (
    <div class="stack">
      <Head title={deal?.title ?? "Deal"} tools={<a class="button" href="#/deals">All deals</a>}>
        <span class="mono">{id}</span>
      </Head>
      <Problem text={error ?? timeline.error} />
      {deal && (
        <dl class="tiles">
          {([
            ["State", <Badge text={deal.status} />],
            ["Budget", `${deal.budget.min}–${deal.budget.max} ${deal.budget.currency}`],
            ["Buyer", <code>{short(deal.buyerId)}</code>],
            ["Made", day(deal.createdAt)],
          ] as const).map(([label, value]) => (
            <div class="panel tile" key={label}><dt>{label}</dt><dd style={{ fontSize: "1rem" }}>{value}</dd></div>
          ))}
        </dl>
      )}
      <div class="split">
        <Panel title="Timeline" tools={<span class="row"><span class="badge accent">state</span><span class="badge buyer">event</span><span class="badge seller">ledger</span></span>}>
          {entries.length === 0 && <p class="empty">Nothing has happened yet.</p>}
          <ol class="timeline">
            {entries.map((entry, index) => (
              <li key={index} class={look(entry)}>
                <button type="button" class="button plain small" onClick={() => setChosen(entry)}>{saying(entry)}</button>{" "}
                <time dateTime={entry.at}>{clock(entry.at)}</time>
              </li>
            ))}
          </ol>
        </Panel>
        <div class="stack panel">
          <header><h2 class="grow">{chosen ? chosen.name : "Details"}</h2></header>
          <div class="body stack">
            {chosen ? <Json value={chosen.detail} /> : deal && <Json value={deal} />}
            {deal && ["active", "received_offers", "payment", "pending_payment"].includes(deal.status) && (
              <Act label="Cancel the deal" class="danger" confirm="Cancel this deal?" work={async () => (await cancel(), await load())} />
            )}
          </div>
        </div>
      </div>
    </div>
  );
}
