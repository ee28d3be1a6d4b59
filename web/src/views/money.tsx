import type { Page, Payment, Payout } from "souk-client";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { day, short, words } from "../format";
import { get, send } from "../types";
import { Act, Badge, Head, Json, Panel, Problem, Table, useFetched } from "../ui";
import type { Column } from "../ui";
import { Pager } from "./deals";

/** A list with a page, a status filter, and the chosen row beside it. */
function List<T extends { _id: string; status: string }>(props: {
  title: string;
  about: string;
  route: string;
  statuses: string[];
  columns: (choose: (row: T) => void) => Column<T>[];
  actions: (row: T, done: () => Promise<void>) => JSX.Element | null;
}): JSX.Element {
  const [status, setStatus] = useState("");
  const [page, setPage] = useState(1);
  const [chosen, setChosen] = useState<string>();
  const query = { page, limit: 25, ...(status && { status }) };
  const { value, error, load } = useFetched(() => get<Page<T>>(props.route, { query }), JSON.stringify(query), 3000);
  const row = value?.data.find(({ _id }) => _id === chosen);
  return (
    <div class="stack">
      <Head
        title={props.title}
        tools={
          <select class="input" aria-label="Status" value={status} style={{ width: "auto" }} onChange={(event) => (setStatus(event.currentTarget.value), setPage(1))}>
            <option value="">All states</option>
            {props.statuses.map((status) => <option key={status} value={status}>{words(status)}</option>)}
          </select>
        }
      >
        {props.about}
      </Head>
      <Problem text={error} />
      <div class="split">
        <Panel title={`${value?.pagination.total ?? 0} ${props.title.toLowerCase()}`} flush tools={<Pager page={page} more={value?.pagination.hasMore ?? false} go={setPage} />}>
          <Table label={props.title} rows={value?.data ?? []} id={({ _id }) => _id} empty="There is none." columns={props.columns(({ _id }) => setChosen(_id))} />
        </Panel>
        <Panel title={row ? `${props.title.slice(0, -1)} ${short(row._id)}` : "Details"}>
          {row ? (
            <div class="stack" key={row._id}>
              <div class="row">{props.actions(row, load)}</div>
              <Json value={row} />
            </div>
          ) : (
            <p class="muted">Choose one to see all of it, and what can be done.</p>
          )}
        </Panel>
      </div>
    </div>
  );
}

const chooser = <T extends { _id: string }>(choose: (row: T) => void): Column<T> => ({
  head: "",
  cell: (row) => <button type="button" class="button small" onClick={() => choose(row)}>Open<span class="hidden"> {short(row._id)}</span></button>,
});
const dealLink = (id: string | undefined) => (id ? <a href={`#/deals/${id}`}><code>{short(id)}</code></a> : <span class="muted">–</span>);
const key = () => crypto.randomUUID();

export function Payments(): JSX.Element {
  return (
    <List<Payment>
      title="Payments"
      about="The buyers' money, on its way into escrow and out of it."
      route="/api/payment"
      statuses={["pending", "processing", "confirmed", "completed", "failed", "cancelled", "expired", "refunded"]}
      columns={(choose) => [
        { head: "Payment", cell: ({ _id }) => <code>{short(_id)}</code> },
        { head: "Amount", right: true, cell: ({ amount, currency }) => <strong>{amount} {currency}</strong> },
        { head: "State", cell: ({ status, exception }) => <span class="row"><Badge text={status} />{exception && <Badge text={exception} look="warn" />}</span> },
        { head: "Escrow", cell: ({ escrowState }) => <Badge text={escrowState} /> },
        { head: "Rail", cell: ({ provider }) => provider },
        { head: "Deal", cell: ({ shares }) => dealLink(shares[0]?.requestId) },
        { head: "Updated", cell: ({ updatedAt }) => <span class="nowrap">{day(updatedAt)}</span> },
        chooser(choose),
      ]}
      actions={(payment, done) => {
        const path = { id: payment._id };
        const held = ["funded", "releasable", "disputed", "partial"].includes(payment.escrowState);
        return (
          <>
            <Act label="Release" class="primary small" disabled={!held} confirm="Release this escrow to the seller?" work={async () => (await send("POST /api/payment/{id}/release", { path, body: {}, idempotencyKey: key() }), await done())} />
            <Act label="Refund" class="danger small" disabled={!held} confirm="Give the money back to the buyer?" work={async () => (await send("POST /api/payment/{id}/refund", { path, body: { reason: "Refunded by an administrator" }, idempotencyKey: key() }), await done())} />
          </>
        );
      }}
    />
  );
}

export function Payouts(): JSX.Element {
  return (
    <List<Payout>
      title="Payouts"
      about="The sellers' money, on its way to their wallets. One that is unknown is looked up before anything is sent again."
      route="/api/payment/payouts"
      statuses={["queued", "submitting", "submitted", "broadcast", "completed", "failed", "unknown"]}
      columns={(choose) => [
        { head: "Payout", cell: ({ _id }) => <code>{short(_id)}</code> },
        { head: "Amount", right: true, cell: ({ amount, currency }) => <strong>{amount} {currency}</strong> },
        { head: "State", cell: ({ status }) => <Badge text={status} /> },
        { head: "To", cell: ({ crypto, address }) => <>{crypto}<br /><code class="muted">{address.slice(0, 14)}…</code></> },
        { head: "Tries", right: true, cell: ({ attempt }) => attempt },
        { head: "Deal", cell: ({ requestId }) => dealLink(requestId) },
        { head: "Updated", cell: ({ updatedAt }) => <span class="nowrap">{day(updatedAt)}</span> },
        chooser(choose),
      ]}
      actions={({ _id, status }, done) => (
        <Act label="Retry" class="primary small" disabled={!["failed", "unknown", "queued"].includes(status)} confirm="Hand this payout to its rail again?" work={async () => (await send("POST /api/payment/payouts/{id}/retry", { path: { id: _id }, body: {}, idempotencyKey: key() }), await done())} />
      )}
    />
  );
}

interface Dispute {
  _id: string;
  status: string;
  purchaseRequestId: string;
  category: string;
  description: string;
  outcome?: string;
  createdAt: string;
}

export function Disputes(): JSX.Element {
  return (
    <List<Dispute>
      title="Disputes"
      about="Deals that went wrong, and wait for a decision."
      route="/api/disputes"
      statuses={["open", "resolved"]}
      columns={(choose) => [
        { head: "Dispute", cell: ({ category, description }) => <><strong>{words(category)}</strong><br /><span class="muted">{description.slice(0, 80)}</span></> },
        { head: "State", cell: ({ status }) => <Badge text={status} /> },
        { head: "Outcome", cell: ({ outcome }) => <Badge text={outcome} /> },
        { head: "Deal", cell: ({ purchaseRequestId }) => dealLink(purchaseRequestId) },
        { head: "Opened", cell: ({ createdAt }) => <span class="nowrap">{day(createdAt)}</span> },
        chooser(choose),
      ]}
      actions={(dispute, done) => <Resolve dispute={dispute} done={done} />}
    />
  );
}

function Resolve({ dispute, done }: { dispute: Dispute; done: () => Promise<void> }): JSX.Element | null {
  const [outcome, setOutcome] = useState("release");
  const [amount, setAmount] = useState("");
  if (dispute.status === "resolved") return null;
  const body = { outcome, ...(outcome === "split" && { amount }) };
  return (
    <div class="stack grow">
      <label class="field">Outcome
        <select value={outcome} onChange={(event) => setOutcome(event.currentTarget.value)}>
          <option value="release">Release to the seller</option>
          <option value="refund">Refund to the buyer</option>
          <option value="split">Split</option>
        </select>
      </label>
      {outcome === "split" && <label class="field">To the seller<input inputMode="decimal" value={amount} onInput={(event) => setAmount(event.currentTarget.value)} /></label>}
      <Act label="Decide" class="primary" confirm="Decide this dispute? It is final." work={async () => (await send("POST /api/disputes/{id}/resolve", { path: { id: dispute._id }, body, idempotencyKey: key() }), await done())} />
    </div>
  );
}
