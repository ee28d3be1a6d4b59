// A buyer and a seller side by side, from the first wish to the payout.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { wordsOf } from "../state";
import { ThemeButton } from "../app";
import { Icon, Logo, Problem } from "../ui";
import { Party } from "./party";
import type { Stage } from "./party";
import { Side } from "./side";
import { STEPS, WISH, accept, confirmDelivery, enterCode, makeCode, offer, pay, progress, publish, ship, turn } from "./steps";

interface Pair {
  buyer: Party;
  seller: Party;
}

export function Demo(): JSX.Element {
  const [pair, setPair] = useState<Pair>();
  const [error, setError] = useState<string>();
  const [round, setRound] = useState(0);
  useEffect(() => {
    document.title = "Demo · Souk console";
    let ended = false;
    let made: Pair | undefined;
    setPair(undefined);
    const stage: Stage = {};
    Promise.all([Party.join("buyer", "Ada", stage), Party.join("seller", "Ben", stage)]).then(
      ([buyer, seller]) => {
        made = { buyer, seller };
        if (ended) close(made);
        else setPair(made);
      },
      (failure) => setError(wordsOf(failure)),
    );
    return () => {
      ended = true;
      if (made) close(made);
    };
  }, [round]);
  return (
    <div class="demo">
      <header class="demo-head">
        <a class="brand" href="#/"><Logo />Souk</a>
        <div class="grow">
          <h1>One deal, two sides</h1>
          <p class="muted">Two real accounts, two sockets, play money.</p>
        </div>
        <div class="row">
          {pair && <Play pair={pair} />}
          <button type="button" class="button" onClick={() => setRound(round + 1)}><Icon name="refresh" />New deal</button>
          <ThemeButton />
        </div>
      </header>
      <main class="demo-main">
        <Problem text={error} />
        {pair ? <Stagefront pair={pair} key={round} /> : !error && <p class="empty" role="status">Two people sign in…</p>}
      </main>
    </div>
  );
}

function close({ buyer, seller }: Pair): void {
  buyer.close();
  seller.close();
}

function Stagefront({ pair: { buyer, seller } }: { pair: Pair }): JSX.Element {
  const done = progress(buyer, seller);
  const next = turn(done, seller.code.value !== undefined || buyer.code.value !== undefined);
  return (
    <>
      <ol class="stepper" aria-label="The deal">
        {STEPS.map((step, index) => (
          <li key={step} class={index < done ? "done" : index === done ? "now" : ""} aria-current={index === done ? "step" : undefined}>
            <span class="mark" aria-hidden="true">{index < done ? "✓" : index + 1}</span>
            {step}
            <span class="hidden">{index < done ? ", done" : ""}</span>
          </li>
        ))}
      </ol>
      <div class="sides">
        <Side party={buyer} other={seller} done={done} turn={next?.role === "buyer" ? next.label : undefined} />
        <Side party={seller} other={buyer} done={done} turn={next?.role === "seller" ? next.label : undefined} />
      </div>
    </>
  );
}

/** Plays the rest of the deal by itself, at a pace that eyes can follow. */
function Play({ pair: { buyer, seller } }: { pair: Pair }): JSX.Element {
  const [plays, setPlays] = useState(false);
  const [error, setError] = useState<string>();
  const stop = useRef(false);
  useEffect(() => () => void (stop.current = true), []);
  const pause = () => new Promise((done) => setTimeout(done, 1300));
  const act = async (done: number): Promise<void> => {
    switch (done) {
      case 0: return publish(buyer, seller, WISH);
      case 1: return offer(seller, "180.00", "Both in stock, tested, with a spare cable.");
      case 2: return accept(buyer, buyer.offers.value[0]?._id ?? "");
      case 3: return pay(buyer);
      case 4: return ship(seller, "RR123456785PT");
      case 5: return seller.code.value ? enterCode(buyer, seller.code.value) : makeCode(seller);
      case 6: return confirmDelivery(buyer);
    }
  };
  const play = async () => {
    stop.current = false;
    setPlays(true);
    setError(undefined);
    try {
      for (let turns = 0; turns < 40 && !stop.current && progress(buyer, seller) < 7; turns += 1) {
        await act(progress(buyer, seller));
        if (turns === 2) await seller.say("Thank you! They go out today.");
        await pause();
      }
    } catch (failure) {
      setError(wordsOf(failure));
    }
    setPlays(false);
  };
  return (
    <>
      <Problem text={error} />
      {plays
        ? <button type="button" class="button" onClick={() => (stop.current = true)}>Stop</button>
        : <button type="button" class="button primary" disabled={progress(buyer, seller) >= 7} onClick={() => void play()}><Icon name="demo" />Play it for me</button>}
    </>
  );
}
