// The built package against a running Souk.
import { Realtime, Session, createApi } from "souk-client";
import { launch, within } from "../../../tests/support/souk.mjs";
import { network } from "./network.mjs";

export { until, within } from "../../../tests/support/souk.mjs";

/** Starts Souk behind a network that can be cut. */
export async function start(t, settings) {
  const souk = await launch(t, settings);
  return Object.assign(souk, { network: await network(t, souk.url) });
}

/** A signed-in user of the package, with the paths that it has fetched. */
export async function join(t, souk, role, options = {}) {
  const fetched = [];
  const recording = (input, init) => {
    fetched.push(`${init?.method ?? "GET"} ${String(input).slice(souk.network.url.length)}`);
    return fetch(input, init);
  };
  const session = new Session({ url: souk.network.url, fetch: recording });
  const email = `${role}-${crypto.randomUUID()}@example.com`;
  const user = await session.register({ email, password: "correct horse battery", name: `The ${role}`, role });
  const api = createApi({ url: souk.network.url, tokens: session, fetch: recording });
  const realtime = new Realtime({ url: souk.network.url, tokens: session, api, ...options });
  t.after(() => {
    realtime.close();
    session.close();
  });
  const states = [];
  realtime.onState((state) => states.push(state));
  const disconnects = [];
  realtime.socket.on("disconnect", (reason) => disconnects.push(reason));
  await within("connected", new Promise((done) => realtime.socket.once("connect", done)));
  return { id: user._id, session, api, realtime, fetched, states, disconnects };
}

/** A purchase request's body. */
export const WANTED = {
  title: "A red lamp",
  description: "For a desk",
  productType: "physical",
  quantity: 1,
  budget: { min: "20.00", max: "35.00", currency: "USD" },
  urgency: "medium",
};

/** The next state of the connection that matches, from now on or as it is. */
export function state(realtime, matches) {
  return within("the state", new Promise((done) => {
    if (matches(realtime.state)) return done(realtime.state);
    const stop = realtime.onState((now) => {
      if (!matches(now)) return;
      stop();
      done(now);
    });
  }));
}
