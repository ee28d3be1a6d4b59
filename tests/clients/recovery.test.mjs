// Connection state recovery with the stock client, as it comes.
import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import { test } from "node:test";
import { ask, gone, received, start, until, within } from "./souk.mjs";

const KEY = "a key of the tests";
const SETTINGS = { SERVICE_KEY: KEY };
const RECONNECTS = { reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 50 };

/** Emits a numbered event as another process would. */
async function tell(souk, room, n) {
  const answer = await fetch(`${souk.url}/api/realtime/emit`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-service-key": KEY },
    body: JSON.stringify({ event: "told", room, data: { n } }),
  });
  assert.equal(answer.status, 202, await answer.text());
}

const numbers = (socket) => socket.seen.filter(({ name }) => name === "told").map(({ payload }) => payload.n);

/** A seller in the sellers' room. */
async function seller(t, souk, options = {}) {
  const actor = await souk.register("seller");
  const socket = await actor.connect(t, { ...RECONNECTS, ...options });
  assert.equal((await ask(socket, "join-seller-room", actor.id)).ok, true);
  return socket;
}

/** Waits for the next connection, after `act`. */
async function again(socket, act) {
  const back = new Promise((connected) => socket.once("connect", connected));
  await act();
  await within("back", back);
}

/** The next connection waits until `act` is done. */
async function whileAway(socket, act) {
  await again(socket, async () => {
    socket.io.reconnection(false);
    const left = gone(socket);
    socket.io.engine.transport.ws.terminate();
    await left;
    await act();
    socket.io.reconnection(true);
    socket.connect();
  });
}

for (const transports of [["websocket"], ["polling", "websocket"]]) {
  test(`a cut connection misses nothing (${transports})`, async (t) => {
    const souk = await start(t, SETTINGS);
    const socket = await seller(t, souk, { transports });
    if (transports.length > 1) {
      await until("upgraded", () => socket.io.engine.transport.name === "websocket");
    }
    const { id } = socket;
    assert.equal(socket.recovered, false);
    for (let n = 0; n < 12; n += 3) {
      await tell(souk, "sellers", n);
      await received(socket, "told", (told) => told.n === n);
      await whileAway(socket, async () => {
        await tell(souk, "sellers", n + 1);
        await tell(souk, "buyers", 100);
      });
      assert.equal(socket.recovered, true);
      assert.equal(socket.id, id);
      await tell(souk, "sellers", n + 2);
      await received(socket, "told", (told) => told.n === n + 2);
    }
    assert.deepEqual(numbers(socket), [...Array(12).keys()]);
  });
}

test("on long-polling alone", async (t) => {
  const souk = await start(t, SETTINGS);
  const socket = await seller(t, souk, { transports: ["polling"] });
  await again(socket, async () => {
    socket.io.reconnection(false);
    const left = gone(socket);
    socket.io.engine.close();
    await left;
    for (let n = 0; n < 40; n++) await tell(souk, "sellers", n);
    socket.io.reconnection(true);
    socket.connect();
  });
  assert.equal(socket.recovered, true);
  await received(socket, "told", (told) => told.n === 39);
  assert.deepEqual(numbers(socket), [...Array(40).keys()]);
});

test("a killed server goes on, again and again", async (t) => {
  const souk = await start(t, SETTINGS);
  const socket = await seller(t, souk);
  const { id } = socket;
  // A session is written down a little after it began, which nothing tells.
  await setTimeout(1000);
  for (let n = 0; n < 6; n += 2) {
    await tell(souk, "sellers", n);
    await again(socket, async () => {
      await souk.end("SIGKILL");
      await souk.begin();
      await tell(souk, "sellers", n + 1);
    });
    assert.equal(socket.recovered, true);
    assert.equal(socket.id, id);
    await received(socket, "told", (told) => told.n === n + 1);
  }
  assert.deepEqual(numbers(socket), [0, 1, 2, 3, 4, 5]);
});

test("a stop closes connections, and clients come back by themselves", async (t) => {
  const souk = await start(t, SETTINGS);
  const socket = await seller(t, souk);
  const left = gone(socket);
  await again(socket, async () => {
    await souk.end("SIGTERM");
    assert.equal(await left, "transport close", "not told to leave");
    await souk.begin();
  });
  assert.equal(socket.recovered, true);
  await tell(souk, "sellers", 1);
  await received(socket, "told", (told) => told.n === 1);
});

test("a client that saw no event yet", async (t) => {
  const souk = await start(t, SETTINGS);
  const actor = await souk.register("seller");
  const socket = await actor.connect(t, RECONNECTS);
  const greeting = await received(socket, "session");
  assert.equal(greeting.userId, actor.id);
  assert.match(greeting.serverTime, /Z$/);
  await whileAway(socket, () => tell(souk, "*", 1));
  assert.equal(socket.recovered, true);
  await received(socket, "told");
  assert.deepEqual(numbers(socket), [1]);
});

test("a half-open connection does not break the next one", async (t) => {
  const souk = await start(t, SETTINGS);
  const socket = await seller(t, souk);
  for (let n = 0; n < 3; n++) {
    // The client lets go, and the server is not told.
    const transport = socket.io.engine.transport.ws;
    const tcp = transport._socket;
    t.after(() => tcp.destroy());
    tcp.pause();
    await again(socket, async () => {
      socket.io.reconnection(false);
      const left = gone(socket);
      socket.io.engine._onClose("transport error");
      await left;
      await tell(souk, "sellers", n);
      socket.io.reconnection(true);
      socket.connect();
    });
    assert.equal(socket.recovered, true, `${n}`);
    await received(socket, "told", (told) => told.n === n);
  }
  assert.deepEqual(numbers(socket), [0, 1, 2]);
});

test("an ephemeral text is not taken for an offset", async (t) => {
  const souk = await start(t, SETTINGS);
  const socket = await seller(t, souk);
  await tell(souk, "sellers", 0);
  await received(socket, "told");
  const last = socket.seen.at(-1).args.at(-1);
  assert.match(last, /^[0-9a-f]{16}\.\d+$/, "a journaled event ends with its offset");
  const actor = await souk.register("buyer");
  await ask(await actor.connect(t), "user-online", actor.id);
  const status = await received(socket, "user-status-change");
  assert.equal(status.userId, actor.id);
  assert.equal(typeof socket.seen.at(-1).args.at(-1), "object", "an ephemeral one does not");
  await whileAway(socket, () => tell(souk, "sellers", 1));
  assert.equal(socket.recovered, true);
  await received(socket, "told", (told) => told.n === 1);
});

test("who left, or has no token any more, begins anew", async (t) => {
  const souk = await start(t, { ...SETTINGS, RECOVERY_MAX_EVENTS: "3" });
  const socket = await seller(t, souk);
  const { id } = socket;
  await again(socket, async () => {
    socket.disconnect();
    socket.connect();
  });
  assert.equal(socket.recovered, false);
  assert.notEqual(socket.id, id);
  const other = await seller(t, souk);
  await whileAway(other, async () => {
    for (let n = 0; n < 4; n++) await tell(souk, "sellers", n);
  });
  assert.equal(other.recovered, false, "too many");
  assert.deepEqual(numbers(other), [], "and no part of them");
});

test("a long replay that is cut off and begun anew by a killed server does not come twice", async (t) => {
  const souk = await start(t, SETTINGS);
  const socket = await seller(t, souk);
  const filler = "x".repeat(2000);
  let cuts = 0;
  // Ends the connection once a part of what was missed has come, and the server with it.
  const cut = ({ type }) => {
    if (type !== 2 || socket.connected || cuts > 0) return;
    cuts++;
    socket.io.reconnection(false);
    socket.io.engine.transport.ws.terminate();
  };
  socket.io.reconnection(false);
  let left = gone(socket);
  socket.io.engine.transport.ws.terminate();
  await left;
  for (let n = 0; n < 300; n++) {
    const answer = await fetch(`${souk.url}/api/realtime/emit`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-service-key": KEY },
      body: JSON.stringify({ event: "told", room: "sellers", data: { n, filler } }),
    });
    assert.equal(answer.status, 202);
  }
  socket.io.on("packet", cut);
  socket.connect();
  await until("a part of the replay", () => cuts > 0);
  assert.ok(socket.receiveBuffer.length > 0, "the client keeps what it got");
  await souk.end("SIGKILL");
  await souk.begin();
  await again(socket, async () => {
    socket.io.reconnection(true);
    socket.connect();
  });
  assert.equal(socket.recovered, false);
  await ask(socket, "leave-chat-room", "none");
  const seen = numbers(socket);
  assert.deepEqual(seen, [...new Set(seen)], "no event came twice");
});
