// Stock socket.io-client against the demo server.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { io } from "socket.io-client";
import { startServer } from "./server.mjs";

let server;

before(async () => {
  server = await startServer("demo");
});

after(async () => {
  await server.stop();
});

/** A client that is closed when `body` ends. */
async function withClients(count, options, body) {
  const sockets = Array.from({ length: count }, () =>
    io(server.url, { forceNew: true, reconnectionDelay: 10, ...options }),
  );
  try {
    await Promise.all(sockets.map((socket) => next(socket, "connect")));
    await body(...sockets);
  } finally {
    for (const socket of sockets) socket.close();
  }
}

/** The arguments of the next such event. */
function next(socket, event) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${event} came`)), 10_000);
    socket.once(event, (...args) => {
      clearTimeout(timer);
      resolve(args);
    });
  });
}

const transports = {
  "polling alone": { transports: ["polling"] },
  "WebSocket alone": { transports: ["websocket"] },
  "polling, then upgraded": {},
};

for (const [name, options] of Object.entries(transports)) {
  describe(name, () => {
    test("events and acknowledgements", () =>
      withClients(1, options, async (socket) => {
        assert.ok(!socket.recovered);
        const answer = await socket.timeout(5_000).emitWithAck("echo", 1, { a: ["ü", null] });
        assert.equal(answer, 1, "an acknowledgement's first argument");
        const all = await new Promise((resolve) =>
          socket.emit("echo", 1, "2", { three: [true] }, (...args) => resolve(args)),
        );
        assert.deepEqual(all, [1, "2", { three: [true] }]);
      }));

    test("the server asks", () =>
      withClients(1, options, async (socket) => {
        socket.on("question", (number, answer) => number > 0 && answer(number + 1));
        assert.equal(await socket.emitWithAck("ask", 41), 42);
        const silent = await socket.emitWithAck("ask", 0);
        assert.deepEqual(silent, { error: "no acknowledgement in time" });
      }));

    test("an acknowledgement that does not come", () =>
      withClients(1, options, async (socket) => {
        await assert.rejects(socket.timeout(100).emitWithAck("silence"), /timed out/);
        assert.equal(await socket.emitWithAck("echo", "still there"), "still there");
      }));

    test("bytes in both directions", () =>
      withClients(1, options, async (socket) => {
        const bytes = Buffer.from(Array.from({ length: 1_000 }, (_, i) => i % 256));
        const blob = next(socket, "blob");
        socket.emit("blob", bytes);
        assert.deepEqual(await blob, [1_000, bytes]);
        const nested = { list: [Buffer.from("a"), Buffer.from("bc")] };
        assert.deepEqual(await socket.emitWithAck("echo", nested), nested);
      }));

    test("3,000 rapid events come back in order", () =>
      withClients(1, options, async (socket) => {
        const seen = [];
        const done = new Promise((resolve) =>
          socket.on("ordered", (number) => seen.push(number) === 3_000 && resolve()),
        );
        for (let i = 0; i < 3_000; i++) socket.emit("order", i);
        await done;
        assert.deepEqual(seen, Array.from({ length: 3_000 }, (_, i) => i));
      }));

    test("rooms", () =>
      withClients(3, options, async (alice, bob, carol) => {
        await alice.emitWithAck("join", "a");
        await bob.emitWithAck("join", "a");
        carol.on("said", () => assert.fail("carol is not in the room"));
        alice.on("said", () => assert.fail("not back to the sender"));
        const said = next(bob, "said");
        alice.emit("say", "a", { hi: 1 });
        assert.deepEqual(await said, [{ hi: 1 }]);
        await bob.emitWithAck("leave", "a");
        bob.on("said", () => assert.fail("bob has left"));
        alice.emit("say", "a", "nobody");
        // Whatever was said before has been sent when this comes to all of them.
        const shouted = [alice, bob, carol].map((socket) => next(socket, "shouted"));
        alice.emit("shout", "all");
        assert.deepEqual(await Promise.all(shouted), [["all"], ["all"], ["all"]]);
      }));

    test("a cut connection is taken up again", () =>
      withClients(1, options, async (socket) => {
        const [first, ended] = [socket.id, next(socket, "disconnect")];
        socket.emit("cut");
        const [reason] = await ended;
        assert.match(reason, /^transport/);
        await next(socket, "connect");
        assert.notEqual(socket.id, first);
        assert.equal(await socket.emitWithAck("echo", 2), 2);
      }));

    test("a socket that the server ends stays ended", () =>
      withClients(1, options, async (socket) => {
        const ended = next(socket, "disconnect");
        socket.emit("kick");
        assert.equal((await ended)[0], "io server disconnect");
        assert.equal(socket.active, false);
        socket.connect();
        await next(socket, "connect");
        assert.equal(await socket.emitWithAck("echo", 3), 3);
      }));

    test("a refusal has a message and data", async () => {
      const socket = io(server.url, { forceNew: true, auth: { token: "wrong" }, ...options });
      try {
        const [error] = await next(socket, "connect_error");
        assert.equal(error.message, "unauthorized");
        assert.deepEqual(error.data, { code: "token_invalid" });
        socket.auth = { token: "right" };
        socket.connect();
        await next(socket, "connect");
      } finally {
        socket.close();
      }
    });
  });
}

test("nothing is lost or doubled by the upgrade", async () => {
  for (let round = 0; round < 10; round++) {
    const socket = io(server.url, { forceNew: true });
    try {
      const seen = [];
      let [sent, upgraded] = [0, false];
      const done = new Promise((resolve, reject) => {
        setTimeout(reject, 20_000, new Error("not all came back over an upgrade")).unref();
        socket.io.once("open", () => socket.io.engine.once("upgrade", () => (upgraded = true)));
        socket.on("ordered", (number) => {
          seen.push(number);
          // Each answer sends the next until some time after the upgrade, so that packets are
          // under way in both directions throughout.
          if (!upgraded || sent < 500) socket.emit("order", sent++);
          else if (seen.length >= sent) resolve();
        });
      });
      for (; sent < 20; sent++) socket.emit("order", sent);
      await done;
      assert.deepEqual(seen, Array.from({ length: sent }, (_, i) => i));
      assert.equal(socket.io.engine.transport.name, "websocket");
    } finally {
      socket.close();
    }
  }
});

test("an unknown namespace is refused", async () => {
  const socket = io(`${server.url}/none`, { forceNew: true });
  try {
    const [error] = await next(socket, "connect_error");
    assert.equal(error.message, "Invalid namespace");
  } finally {
    socket.close();
  }
});
