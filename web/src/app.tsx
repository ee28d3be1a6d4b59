// The frame of the console: sign-in, navigation, the view of the place.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Demo } from "./demo/demo";
import { operator, place, session, signIn, theme, toggleTheme, wordsOf } from "./state";
import { Icon, Logo, Problem } from "./ui";
import type { IconName } from "./ui";
import { Deal, Deals } from "./views/deals";
import { Journal } from "./views/journal";
import { Ledger } from "./views/ledger";
import { Disputes, Payments, Payouts } from "./views/money";
import { Overview } from "./views/overview";
import { Rooms, Sockets } from "./views/sockets";
import { Webhooks } from "./views/webhooks";

interface Entry {
  view: string;
  title: string;
  icon: IconName;
  show: () => JSX.Element;
}

const LIVE: Entry[] = [
  { view: "overview", title: "Overview", icon: "overview", show: Overview },
  { view: "sockets", title: "Sockets", icon: "sockets", show: Sockets },
  { view: "rooms", title: "Rooms", icon: "rooms", show: Rooms },
  { view: "journal", title: "Journal", icon: "journal", show: Journal },
];
const MARKET: Entry[] = [
  { view: "deals", title: "Deals", icon: "deals", show: Deals },
  { view: "payments", title: "Payments", icon: "payments", show: Payments },
  { view: "payouts", title: "Payouts", icon: "payouts", show: Payouts },
  { view: "disputes", title: "Disputes", icon: "disputes", show: Disputes },
  { view: "ledger", title: "Ledger", icon: "ledger", show: Ledger },
  { view: "webhooks", title: "Webhooks", icon: "webhooks", show: Webhooks },
];

export function App(): JSX.Element {
  const { view } = place.value;
  if (view === "demo") return <Demo />;
  if (!operator.value) return <Door />;
  return <Shell />;
}

function Shell(): JSX.Element {
  const { view, id } = place.value;
  const [open, setOpen] = useState(false);
  const entry = [...LIVE, ...MARKET].find((entry) => entry.view === (view || "overview"));
  const title = view === "deals" && id ? "Deal" : (entry?.title ?? "Not found");
  useEffect(() => {
    document.title = `${title} · Souk console`;
    setOpen(false);
  }, [title, id]);
  const links = (entries: Entry[]) =>
    entries.map(({ view, title, icon }) => (
      <a key={view} href={`#/${view}`} aria-current={entry?.view === view ? "page" : undefined}>
        <Icon name={icon} />
        {title}
      </a>
    ));
  const View = entry?.show;
  return (
    <div class="shell">
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), document.getElementById("main")?.focus())}>Skip to the content</a>
      <header class={`side ${open ? "open" : ""}`}>
        <a class="brand" href="#/overview"><Logo />Souk</a>
        <button type="button" class="button small menu" aria-expanded={open} onClick={() => setOpen(!open)}><Icon name="menu" />Menu</button>
        <nav class="nav" aria-label="Console">
          <span class="nav-title">Live</span>
          {links(LIVE)}
          <span class="nav-title">Market</span>
          {links(MARKET)}
          <span class="nav-title">Try</span>
          <a href="#/demo"><Icon name="demo" />Demo</a>
        </nav>
        <div class="foot">
          <span class="muted">{operator.value?.email}</span>
          <div class="row">
            <ThemeButton />
            <button type="button" class="button small" onClick={() => void session.logout().catch(() => undefined)}><Icon name="out" />Sign out</button>
          </div>
        </div>
      </header>
      <main class="main" id="main" tabIndex={-1}>
        {view === "deals" && id ? <Deal id={id} /> : View ? <View /> : <p class="empty">There is no such page.</p>}
      </main>
    </div>
  );
}

export function ThemeButton(): JSX.Element {
  const next = theme.value === "dark" ? "light" : "dark";
  return (
    <button type="button" class="button small" onClick={toggleTheme} aria-label={`Use the ${next} theme`}>
      <Icon name={theme.value === "dark" ? "sun" : "moon"} />
    </button>
  );
}

function Door(): JSX.Element {
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    document.title = "Souk console";
  }, []);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    setError(undefined);
    await signIn(String(form.get("email")), String(form.get("password"))).catch((failure) => setError(wordsOf(failure)));
    setBusy(false);
  };
  return (
    <main class="door">
      <div class="door-in">
        <header>
          <Logo />
          <div class="grow">
            <h1>Souk console</h1>
            <p class="muted">Every socket, every event, every coin, as it happens.</p>
          </div>
          <ThemeButton />
        </header>
        <div class="two">
          <section class="panel" aria-labelledby="operate">
            <div class="body">
              <form class="stack" onSubmit={(event) => void submit(event)}>
                <h2 id="operate">Operate</h2>
                <p class="muted">For administrators: make one with <code>souk admin create</code>.</p>
                <label class="field">Email<input name="email" type="email" autocomplete="username" required /></label>
                <label class="field">Password<input name="password" type="password" autocomplete="current-password" required /></label>
                <Problem text={error} />
                <button class="button primary" disabled={busy}>Sign in</button>
              </form>
            </div>
          </section>
          <section class="panel" aria-labelledby="try">
            <div class="body stack">
              <h2 id="try">See it work</h2>
              <p class="muted">
                A buyer and a seller side by side, from the first wish to the payout. Each sees the other's steps at once. Cut
                one side's network, let the other go on, and watch what was missed arrive in order.
              </p>
              <p class="row"><span class="badge buyer">buyer</span><span class="badge seller">seller</span><span class="badge accent">play money</span></p>
              <a class="button primary" href="#/demo"><Icon name="demo" />Open the demo</a>
              <p class="muted">Reference: <a href="/docs/">REST</a>, <a href="/docs/events">socket events</a></p>
            </div>
          </section>
        </div>
      </div>
    </main>
  );
}
