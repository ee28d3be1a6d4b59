// The limits of a socket and of a user.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, gone, received, start, until } from "./souk.mjs";

test("too many events are refused, and long past it the socket is closed", async (t) => {
  const souk = await start(t, { SOCKET_EVENTS_PER_SECOND: "1", SOCKET_EVENTS_BURST: "3" });
  const buyer = await souk.register("buyer");
  const socket = await buyer.connect(t);
  const answers = [];
  for (let n = 0; n < 5; n++) answers.push(await ask(socket, "join-user-room", buyer.id));
  assert.deepEqual(answers.slice(0, 3).map((answer) => answer.ok), [true, true, true]);
  assert.ok(answers.slice(3).some((answer) => answer.error?.code === "rate_limited"));
  socket.emit("leave-user-room", buyer.id);
  assert.equal((await received(socket, "room-error")).code, "rate_limited");
  const closed = gone(socket);
  for (let n = 0; n < 40; n++) socket.emit("leave-user-room", buyer.id);
  await closed;
  await until("a log line", () => souk.log.some((line) => line.includes("too many events")));
});

test("a socket is in so many rooms at most", async (t) => {
  const souk = await start(t, { SOCKET_ROOMS_MAX: "3", REALTIME_ACCESS: "open" });
  const socket = await souk.connect(t);
  for (const id of ["a", "b", "c", "c"]) assert.ok((await ask(socket, "join-chat-room", id)).ok);
  const refused = await ask(socket, "join-chat-room", "d");
  assert.equal(refused.error.code, "too_many_rooms");
  assert.equal((await ask(socket, "join-seller-room", "s")).error.code, "too_many_rooms");
  await ask(socket, "leave-chat-room", "a");
  assert.ok((await ask(socket, "join-chat-room", "d")).ok);
});

test("the oldest socket of a user makes room for the newest", async (t) => {
  const souk = await start(t, { SOCKETS_PER_USER: "2" });
  const [buyer, other] = await Promise.all([souk.register("buyer"), souk.register("buyer")]);
  const oldest = await buyer.connect(t);
  const second = await buyer.connect(t);
  await other.connect(t);
  const closed = gone(oldest);
  const newest = await buyer.connect(t);
  assert.equal(await closed, "io server disconnect", "so that it does not come back by itself");
  for (const socket of [second, newest]) {
    assert.ok((await ask(socket, "join-user-room", buyer.id)).ok);
  }
});

test("a message that is too large closes the socket", async (t) => {
  const souk = await start(t, { SOCKET_MESSAGE_MAX: "1KiB" });
  const buyer = await souk.register("buyer");
  const socket = await buyer.connect(t);
  const closed = gone(socket);
  socket.emit("join-user-room", "x".repeat(2000));
  await closed;
  await until("a log line", () => souk.log.some((line) => line.includes("payload too large")));
});
