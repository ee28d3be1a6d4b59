// One side's screen: its step, its view of the deal, its talk, what it heard.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { clock } from "../format";
import { wordsOf } from "../state";
import { Badge, Icon, Problem } from "../ui";
import { isCut } from "./party";
import type { Party } from "./party";
import { WISH, accept, confirmDelivery, enterCode, makeCode, offer, pay, publish, saying, ship } from "./steps";

interface Props {
  party: Party;
  other: Party;
  done: number;
  turn: string | undefined;
}

export function Side(props: Props): JSX.Element {
  const { party } = props;
  const { role, name } = party;
  return (
    <section class={`side-screen panel ${role} ${party.network.value ? "" : "cut"}`} aria-label={`${name}, the ${role}`} data-role={role}>
      <header>
        <span class="avatar" aria-hidden="true">{name[0]}</span>
        <div class="grow">
          <h2>{name} <span class={`badge ${role}`}>{role}</span></h2>
          <span class="row tight">
            <Connection party={party} />
            {party.unread.value > 0 && <span class="badge info">{party.unread.value} unread</span>}
          </span>
        </div>
        {party.network.value
          ? <button type="button" class="button small danger" onClick={() => party.cut()}><Icon name="cut" />Cut network</button>
          : <button type="button" class="button small primary" onClick={() => party.mend()}>Reconnect</button>}
      </header>
      <div role="status" aria-live="polite">
        {!party.network.value && <p class="alert warn">No network. What happens meanwhile waits in the journal.</p>}
        {party.network.value && party.note.value && <p class="alert ok note">{party.note.value}</p>}
      </div>
      <div class="body stack">
        <Step {...props} />
        <DealCard party={party} />
        <Chat {...props} />
        <Feed party={party} />
      </div>
    </section>
  );
}

function Connection({ party }: { party: Party }): JSX.Element {
  const { status, catchingUp } = party.state.value;
  const look = status === "connected" ? (catchingUp ? "warn" : "ok") : "bad";
  const text = status === "connected" ? (catchingUp ? "catching up" : "live") : "offline";
  return <span class={`badge ${look}`}><span class="dot" />{text}</span>;
}

/** The one thing that this side can do now. */
function Step({ party, other, done, turn }: Props): JSX.Element {
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  const run = (work: (fields: FormData) => Promise<unknown>) => async (event: SubmitEvent) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    setError(undefined);
    await work(fields).catch((failure) => setError(isCut(failure) ? "No network: reconnect this side first." : wordsOf(failure)));
    setBusy(false);
  };
  const text = (fields: FormData, name: string) => String(fields.get(name) ?? "");
  const other_ = other.name;
  const form = (content: JSX.Element | null, work: (fields: FormData) => Promise<unknown>) => (
    <form class="step mine" onSubmit={(event) => void run(work)(event)}>
      {content}
      <Problem text={error} />
      <button class="button primary" disabled={busy}>{turn}</button>
    </form>
  );
  if (!party.network.value) return <div class="step"><p class="muted">Waits for the network.</p></div>;
  if (turn === undefined) {
    const waits = done >= 8 ? "The deal is done, and the money has arrived." : done === 7 ? "The escrow is released; the payout is on its way." : `${other_}'s turn.`;
    return <div class="step"><p class="muted">{waits}</p></div>;
  }
  switch (done) {
    case 0:
      return form(
        <>
          <label class="field">What do you want?<input name="title" required minLength={3} defaultValue={WISH.title} /></label>
          <label class="field">In detail<textarea name="description" required>{WISH.description}</textarea></label>
          <label class="field">At most, in USD<input name="max" inputMode="decimal" required defaultValue={WISH.max} /></label>
        </>,
        (fields) => publish(party, other, { title: text(fields, "title"), description: text(fields, "description"), max: text(fields, "max") }),
      );
    case 1:
      return form(
        <>
          <label class="field">Your price, in USD<input name="amount" inputMode="decimal" required defaultValue="180.00" /></label>
          <label class="field">A word to the buyer<input name="message" required defaultValue="Both in stock, tested, with a spare cable." /></label>
        </>,
        (fields) => offer(party, text(fields, "amount"), text(fields, "message")),
      );
    case 2: {
      const { price, message, _id } = party.offers.value[0] ?? {};
      return form(<p>{other_} offers it for <strong>{price?.amount} {price?.currency}</strong>: “{message}”</p>, () => accept(party, _id ?? ""));
    }
    case 3:
      return form(<p><strong>{party.offer.value?.price.amount} {party.offer.value?.price.currency}</strong> go into escrow. {other_} gets them when you have the goods.</p>, () => pay(party));
    case 4:
      return form(<label class="field">Tracking number<input name="number" required defaultValue="RR123456785PT" /></label>, (fields) => ship(party, text(fields, "number")));
    case 5:
      return party.role === "seller"
        ? form(<p>The buyer enters a code that you show when the parcel is handed over.</p>, () => makeCode(party))
        : form(
            <label class="field">The code on {other_}'s screen<input name="code" inputMode="numeric" pattern="[0-9]{6}" required autocomplete="off" placeholder="6 digits" /></label>,
            (fields) => enterCode(party, text(fields, "code")),
          );
    default:
      return form(<p>All as agreed? Then the escrow is released to {other_}.</p>, () => confirmDelivery(party));
  }
}

function DealCard({ party }: { party: Party }): JSX.Element | null {
  const request = party.request.value;
  if (!request) return null;
  const { payment, payout, code, offer } = party;
  const rows: [string, JSX.Element | string][] = [["Request", <Badge text={request.status} />]];
  if (offer.value) rows.push(["Offer", <span class="row"><strong>{offer.value.price.amount} {offer.value.price.currency}</strong><Badge text={offer.value.status} /></span>]);
  if (payment.value) rows.push(["Escrow", <span class="row"><Badge text={payment.value.escrowState} /></span>]);
  if (code.value && request.status === "delivery") rows.push(["Delivery code", <strong class="code" data-code>{code.value}</strong>]);
  if (payout.value) rows.push(["Payout", <span class="row"><strong>{payout.value.amount} {payout.value.currency}</strong><Badge text={payout.value.status} /></span>]);
  return (
    <div class="deal-card">
      <h3>{request.title}</h3>
      <dl>{rows.map(([label, value]) => <div key={label}><dt>{label}</dt><dd>{value}</dd></div>)}</dl>
    </div>
  );
}

function Chat({ party, other }: Props): JSX.Element | null {
  const [text, setText] = useState("");
  const [error, setError] = useState<string>();
  if (!party.chatId.value) return null;
  const send = async (event: SubmitEvent) => {
    event.preventDefault();
    const content = text.trim();
    if (content === "") return;
    setError(undefined);
    try {
      await party.say(content);
      setText("");
    } catch (failure) {
      setError(isCut(failure) ? "No network: it was not sent." : wordsOf(failure));
    }
  };
  return (
    <div class="chat">
      <h3>Chat</h3>
      <ul class="bubbles" tabIndex={0} aria-label="Messages">
        {party.messages.value.slice(-8).map(({ _id, content, senderId }) => (
          <li key={_id} class={senderId === party.id ? "own" : ""}><span class="hidden">{senderId === party.id ? "You" : other.name}: </span>{content}</li>
        ))}
        {party.messages.value.length === 0 && <li class="none muted">Say something.</li>}
      </ul>
      <p class="typing muted">{party.otherTypes.value ? `${other.name} is writing…` : "\u00a0"}</p>
      <form class="row" onSubmit={(event) => void send(event)}>
        <input class="input grow" aria-label={`Message to ${other.name}`} value={text} placeholder={`Message to ${other.name}`} onInput={(event) => (setText(event.currentTarget.value), party.types())} />
        <button class="button" aria-label={`Send to ${other.name}`}><Icon name="send" /></button>
      </form>
      <Problem text={error} />
    </div>
  );
}

function Feed({ party }: { party: Party }): JSX.Element {
  return (
    <div class="feed">
      <h3>What {party.name} heard</h3>
      <ol tabIndex={0} aria-label={`Events that ${party.name} heard`}>
        {party.feed.value.length === 0 && <li class="muted">Nothing yet.</li>}
        {party.feed.value.map(({ id, at, name, payload, delay, late }) => (
          <li key={id} class="fresh" data-event={name} data-delay={delay?.toFixed(1)} data-late={late}>
            <time class="muted number" dateTime={new Date(at).toISOString()}>{clock(at)}</time>
            <span class="grow">{saying(name, payload)}</span>
            {late ? <span class="badge warn">replayed</span> : delay !== undefined && delay < 10_000 && <span class="badge">+{Math.max(1, Math.round(delay))} ms</span>}
          </li>
        ))}
      </ol>
    </div>
  );
}
