import type { Page } from "souk-client";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { day } from "../format";
import { wordsOf } from "../state";
import { get, send } from "../types";
import { Act, Badge, Head, Panel, Problem, Table, useFetched } from "../ui";

interface Webhook { _id: string; url: string; events?: string[]; createdAt: string; secret?: string }
interface Attempt { _id: string; event?: string; eventName?: string; status: string; attempts?: number; attempt?: number; responseStatus?: number; lastStatus?: number; error?: string; lastError?: string; createdAt: string }

/** Lists come as a page or as they are. */
const rowsOf = <T,>(list: Page<T> | T[] | undefined): T[] => (Array.isArray(list) ? list : (list?.data ?? []));

export function Webhooks(): JSX.Element {
  const hooks = useFetched(() => get<Page<Webhook> | Webhook[]>("/api/webhooks"), "webhooks", 5000);
  const [chosen, setChosen] = useState<string>();
  const [made, setMade] = useState<Webhook>();
  const [error, setError] = useState<string>();
  const add = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const fields = new FormData(form);
    const events = String(fields.get("events")).split(/[\s,]+/).filter(Boolean);
    try {
      setMade(await send<Webhook>("POST /api/webhooks", { body: { url: String(fields.get("url")), ...(events.length > 0 && { events }) }, idempotencyKey: crypto.randomUUID() }));
      setError(undefined);
      form.reset();
      await hooks.load();
    } catch (failure) {
      setError(wordsOf(failure));
    }
  };
  return (
    <div class="stack">
      <Head title="Webhooks">Events by HTTP to other programs, signed, and tried again until they are taken.</Head>
      <Problem text={hooks.error ?? error} />
      {made?.secret && <p class="alert ok" role="status">Made. Its secret is shown this once: <code>{made.secret}</code></p>}
      <Panel title="Endpoints" flush>
        <Table
          label="Endpoints"
          rows={rowsOf(hooks.value)}
          id={({ _id }) => _id}
          empty="No endpoint is registered."
          columns={[
            { head: "Address", cell: ({ url }) => <code>{url}</code> },
            { head: "Events", cell: ({ events }) => (events?.length ? events.join(", ") : "all") },
            { head: "Since", cell: ({ createdAt }) => day(createdAt) },
            {
              head: "",
              cell: ({ _id, url }) => (
                <span class="row">
                  <button type="button" class="button small" aria-pressed={chosen === _id} onClick={() => setChosen(_id)}>Deliveries<span class="hidden"> of {url}</span></button>
                  <Act label="Delete" class="danger small" confirm="Delete this endpoint?" work={async () => (await send("DELETE /api/webhooks/{id}", { path: { id: _id } }), await hooks.load())} />
                </span>
              ),
            },
          ]}
        />
      </Panel>
      <Panel title="New endpoint">
        <form class="row" onSubmit={(event) => void add(event)}>
          <label class="field grow">Address<input name="url" type="url" placeholder="https://…" required /></label>
          <label class="field grow">Events<input name="events" placeholder="all" /></label>
          <button class="button primary" style={{ alignSelf: "end" }}>Add</button>
        </form>
      </Panel>
      {chosen && <Deliveries key={chosen} id={chosen} />}
    </div>
  );
}

function Deliveries({ id }: { id: string }): JSX.Element {
  const { value, error, load } = useFetched(() => get<Page<Attempt> | Attempt[]>("/api/webhooks/{id}/deliveries", { path: { id } }), id, 3000);
  return (
    <Panel title="Deliveries" flush>
      <Problem text={error} />
      <Table
        label="Deliveries"
        rows={rowsOf(value)}
        id={({ _id }) => _id}
        empty="Nothing has been sent there yet."
        columns={[
          { head: "Event", cell: ({ event, eventName }) => <strong>{event ?? eventName}</strong> },
          { head: "State", cell: ({ status }) => <Badge text={status} /> },
          { head: "Tries", right: true, cell: ({ attempts, attempt }) => attempts ?? attempt ?? "–" },
          { head: "Answer", cell: (row) => row.responseStatus ?? row.lastStatus ?? row.error ?? row.lastError ?? "–" },
          { head: "When", cell: ({ createdAt }) => day(createdAt) },
          { head: "", cell: ({ _id }) => <Act label="Retry" class="small" work={async () => (await send("POST /api/webhooks/deliveries/{id}/retry", { path: { id: _id } }), await load())} /> },
        ]}
      />
    </Panel>
  );
}
