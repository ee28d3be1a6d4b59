import type { Page } from "souk-client";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { clock, day, short, words } from "../format";
import { get } from "../types";
import { Head, Panel, Problem, Table, useFetched } from "../ui";
import { Pager } from "./deals";

interface Account { _id?: string; id?: string; kind: string; owner?: string; currency: string; balance: string }
interface Entry { transferId: string; line: number; kind: string; reference: string; fromAccount: string; toAccount: string; amount: string; currency: string; createdAt: string }
interface Difference { check: string; subject: string; expected: string; found: string }
interface Reconciliation { sums: { currency: string; sum: string }[]; differences: Difference[]; checkedAt?: string }

const idOf = (account: Account): string => account._id ?? account.id ?? "";

export function Ledger(): JSX.Element {
  const [accountPage, setAccountPage] = useState(1);
  const [entryPage, setEntryPage] = useState(1);
  const found = useFetched(() => get<Reconciliation>("/api/ledger/reconciliation"), "reconciliation", 10_000);
  const accounts = useFetched(() => get<Page<Account>>("/api/ledger/accounts", { query: { page: accountPage, limit: 25 } }), `accounts ${accountPage}`, 5000);
  const entries = useFetched(() => get<Page<Entry>>("/api/ledger/entries", { query: { page: entryPage, limit: 25 } }), `entries ${entryPage}`, 5000);
  const names = new Map((accounts.value?.data ?? []).map((account) => [idOf(account), `${words(account.kind)}${account.owner ? ` ${short(account.owner)}` : ""}`]));
  const name = (id: string) => names.get(id) ?? short(id);
  const differences = found.value?.differences ?? [];
  return (
    <div class="stack">
      <Head title="Ledger">Double entry, append-only: the truth about money.</Head>
      <Problem text={found.error ?? accounts.error ?? entries.error} />
      {found.value && (
        <Panel title="Reconciliation" flush tools={<span class={`badge ${differences.length === 0 ? "ok" : "bad"}`}><span class="dot" />{differences.length === 0 ? "everything agrees" : `${differences.length} differences`}</span>}>
          {differences.length > 0 && (
            <Table
              label="Differences"
              rows={differences}
              id={({ check, subject }) => `${check} ${subject}`}
              empty=""
              columns={[
                { head: "Check", cell: ({ check }) => words(check) },
                { head: "Of", cell: ({ subject }) => <code>{subject}</code> },
                { head: "Expected", right: true, cell: ({ expected }) => expected },
                { head: "Found", right: true, cell: ({ found }) => found },
              ]}
            />
          )}
          <p class="body row">
            <span class="muted">The sum over all accounts, which is zero always:</span>
            {found.value.sums.map(({ currency, sum }) => <span key={currency} class={`badge ${Number(sum) === 0 ? "ok" : "bad"}`}>{sum} {currency}</span>)}
            {found.value.sums.length === 0 && <span class="badge">nothing booked yet</span>}
          </p>
        </Panel>
      )}
      <Panel title="Accounts" flush tools={<Pager page={accountPage} more={accounts.value?.pagination.hasMore ?? false} go={setAccountPage} />}>
        <Table
          label="Accounts"
          rows={accounts.value?.data ?? []}
          id={idOf}
          empty="No account has been opened yet."
          columns={[
            { head: "Account", cell: ({ kind }) => <strong>{words(kind)}</strong> },
            { head: "Owner", cell: ({ owner }) => <code>{short(owner)}</code> },
            { head: "Balance", right: true, cell: ({ balance, currency }) => <strong>{balance} {currency}</strong> },
          ]}
        />
      </Panel>
      <Panel title="Entries" flush tools={<Pager page={entryPage} more={entries.value?.pagination.hasMore ?? false} go={setEntryPage} />}>
        <Table
          label="Entries"
          rows={entries.value?.data ?? []}
          id={({ transferId, line }) => `${transferId} ${line}`}
          empty="Nothing has been booked yet."
          columns={[
            { head: "When", cell: ({ createdAt }) => <span class="nowrap">{day(createdAt)}:{clock(createdAt).slice(-2)}</span> },
            { head: "What", cell: ({ kind, reference }) => <>{words(kind)}<br /><span class="muted mono">{short(reference)}</span></> },
            { head: "From", cell: ({ fromAccount }) => name(fromAccount) },
            { head: "To", cell: ({ toAccount }) => name(toAccount) },
            { head: "Amount", right: true, cell: ({ amount, currency }) => <strong>{amount} {currency}</strong> },
          ]}
        />
      </Panel>
    </div>
  );
}
