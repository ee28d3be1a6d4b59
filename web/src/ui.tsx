// The parts that views are made of.
import type { ComponentChildren, JSX } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { words } from "./format";
import { wordsOf } from "./state";

const ICONS = {
  overview: "M3 12h4l3 8 4-16 3 8h4",
  sockets: "M5 12a7 7 0 0 1 14 0M8.5 12a3.5 3.5 0 0 1 7 0M12 12v8",
  rooms: "M4 5h7v6H4zM13 5h7v6h-7zM4 13h7v6H4zM13 13h7v6h-7z",
  journal: "M5 4h14v16H5zM9 8h6M9 12h6M9 16h4",
  deals: "M8 11l3 3 5-6M4 5h16v14H4z",
  payments: "M3 7h18v11H3zM3 11h18M7 15h3",
  payouts: "M12 4v12M7 11l5 5 5-5M4 20h16",
  disputes: "M12 4l9 16H3zM12 10v4M12 17v.5",
  ledger: "M6 4h12v16H6zM10 4v16M13 9h3M13 13h3",
  webhooks: "M7 17a4 4 0 1 1 3-6.6M17 17a4 4 0 1 0-4-4M12 6a3 3 0 1 1 3 4l2 4",
  demo: "M7 5v14l12-7z",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M19 5l-2 2M7 17l-2 2",
  moon: "M20 14A8 8 0 0 1 10 4a8 8 0 1 0 10 10z",
  menu: "M4 7h16M4 12h16M4 17h16",
  out: "M14 5h5v14h-5M4 12h10M11 8l4 4-4 4",
  cut: "M4 4l16 16M8.5 8.8A7 7 0 0 0 5 12M12 8a8 8 0 0 1 7 4M9 15a4 4 0 0 1 6 0M12 19h.01",
  refresh: "M20 11a8 8 0 1 0-2 6M20 5v6h-6",
  send: "M4 12l16-8-6 16-3-7z",
};
export type IconName = keyof typeof ICONS;

export function Icon({ name }: { name: IconName }): JSX.Element {
  return (
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      <path d={ICONS[name]} />
    </svg>
  );
}

export function Logo(): JSX.Element {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="#0f6f5c" />
      <path d="M8 22V13a8 8 0 0 1 16 0v9M12.5 22v-8.5a3.5 3.5 0 0 1 7 0V22" fill="none" stroke="#fff" stroke-width="2.4" stroke-linecap="round" />
    </svg>
  );
}

/** Which look a state has. */
const LOOKS: Record<string, string> = {
  active: "info", received_offers: "info", pending: "info", queued: "info", open: "info", partial: "warn",
  payment: "warn", pending_payment: "warn", processing: "accent", delivery: "accent", delivered: "accent",
  submitting: "accent", submitted: "accent", broadcast: "accent", funded: "accent", releasable: "accent",
  releasing: "accent", confirmed: "accent", completed: "ok", released: "ok", accepted: "ok", delivered_ok: "ok",
  resolved: "ok", websocket: "accent", polling: "warn", cancelled: "bad", failed: "bad", rejected: "bad",
  disputed: "bad", unknown: "bad", expired: "bad", refunded: "warn", refunding: "warn", dead: "bad", withdrawn: "bad",
  buyer: "buyer", seller: "seller", admin: "accent",
};

export function Badge({ text, look }: { text: string | undefined; look?: string }): JSX.Element {
  return text === undefined ? <span class="muted">–</span> : <span class={`badge ${look ?? LOOKS[text] ?? ""}`}>{words(text)}</span>;
}

export function Panel(props: { title: string; tools?: ComponentChildren; children: ComponentChildren; flush?: boolean; class?: string }): JSX.Element {
  return (
    <section class={`panel ${props.class ?? ""}`} aria-label={props.title}>
      <header class="between">
        <h2 class="grow">{props.title}</h2>
        {props.tools}
      </header>
      <div class={props.flush ? "" : "body"}>{props.children}</div>
    </section>
  );
}

export function Head({ title, children, tools }: { title: string; children?: ComponentChildren; tools?: ComponentChildren }): JSX.Element {
  return (
    <div class="page-head">
      <div>
        <h1>{title}</h1>
        {children && <p>{children}</p>}
      </div>
      {tools}
    </div>
  );
}

export interface Column<T> {
  head: string;
  cell: (row: T) => ComponentChildren;
  right?: boolean;
}

/** A table that scrolls sideways by itself where the screen is narrow. */
export function Table<T>({ label, columns, rows, id, empty }: { label: string; columns: Column<T>[]; rows: readonly T[]; id: (row: T) => string; empty: string }): JSX.Element {
  if (rows.length === 0) return <p class="empty">{empty}</p>;
  return (
    <div class="table" tabIndex={0} role="region" aria-label={label}>
      <table>
        <thead>
          <tr>{columns.map(({ head, right }) => <th key={head} scope="col" class={right ? "right" : ""}>{head}</th>)}</tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={id(row)}>
              {columns.map(({ head, cell, right }) => <td key={head} class={right ? "right number" : ""}>{cell(row)}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function Json({ value }: { value: unknown }): JSX.Element {
  return <pre class="json" tabIndex={0} aria-label="Payload">{JSON.stringify(value, null, 2)}</pre>;
}

/** What was fetched, what went wrong, and how to fetch it again. With `every` it fetches by itself. */
export function useFetched<T>(fetch: () => Promise<T>, key: string, every?: number) {
  const [value, setValue] = useState<T>();
  const [error, setError] = useState<string>();
  const latest = useRef(fetch);
  latest.current = fetch;
  const load = useCallback(async () => {
    try {
      setValue(await latest.current());
      setError(undefined);
    } catch (failure) {
      setError(wordsOf(failure));
    }
  }, []);
  useEffect(() => {
    setValue(undefined);
    void load();
    if (every === undefined) return;
    const timer = setInterval(() => document.hidden || void load(), every);
    return () => clearInterval(timer);
  }, [key, every]);
  return { value, error, load };
}

export function Problem({ text }: { text: string | undefined }): JSX.Element | null {
  return text ? <p class="alert" role="alert">{text}</p> : null;
}

/** A button whose work takes a moment; what goes wrong is shown beside it. */
export function Act(props: { label: string; work: () => Promise<unknown>; class?: string; icon?: IconName; confirm?: string; disabled?: boolean }): JSX.Element {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const run = async () => {
    if (props.confirm && !confirm(props.confirm)) return;
    setBusy(true);
    setError(undefined);
    try {
      await props.work();
    } catch (failure) {
      setError(wordsOf(failure));
    }
    setBusy(false);
  };
  return (
    <>
      <button type="button" class={`button ${props.class ?? ""}`} disabled={busy || props.disabled} onClick={() => void run()}>
        {props.icon && <Icon name={props.icon} />}
        {props.label}
      </button>
      <Problem text={error} />
    </>
  );
}
