// `REALTIME_ACCESS=open`: the reference to the letter.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FRONTEND, ask, gone, names, received, start, until, within } from "./souk.mjs";

const OPEN = { REALTIME_ACCESS: "open" };

test("nobody needs a token, and the server says so", async (t) => {
  const souk = await start(t, OPEN);
  const warnings = () => souk.log.filter((line) => line.includes("REALTIME_ACCESS=open"));
  await until("the warning", () => warnings().length > 0);
  for (const options of [{}, { auth: { token: "a.b.c" } }, { transports: ["polling"] }]) {
    await souk.connect(t, options);
  }
  await souk.refused(t, { extraHeaders: { origin: "http://evil.example" } });
  await souk.connect(t, { extraHeaders: { origin: FRONTEND } });
  assert.equal(warnings().length, 1);
});

test("every client event of the reference does what the reference says", async (t) => {
  const souk = await start(t, { ...OPEN, SOCKET_EVENTS_PER_SECOND: "0" });
  const socket = await souk.connect(t);
  for (const [event, room] of [
    ["join-user-room", "user-x1"],
    ["join-request-room", "request-x1"],
    ["leave-request-room", "request-x1"],
    ["join-seller-room", "seller-x1"],
    ["leave-seller-room", "seller-x1"],
    ["join-buyer-room", "buyer-x1"],
    ["leave-buyer-room", "buyer-x1"],
    ["join-chat-room", "chat-x1"],
    ["leave-chat-room", "chat-x1"],
    ["join-template-checkout-room", "template-checkout-x1"],
    ["leave-template-checkout-room", "template-checkout-x1"],
    ["leave-user-room", "user-x1"],
    ["user-online", "user-x1"],
  ]) {
    assert.deepEqual(await ask(socket, event, "x1"), { ok: true, room }, event);
  }
});

test("typing is told to the others in the chat", async (t) => {
  const souk = await start(t, OPEN);
  const [types, reads, elsewhere] = await Promise.all([1, 2, 3].map(() => souk.connect(t)));
  await ask(types, "join-chat-room", "c1");
  await ask(reads, "join-chat-room", "c1");
  await ask(elsewhere, "join-chat-room", "c2");
  types.emit("typing-start", { chatId: "c1", userId: "u1", userName: " Ada " });
  types.emit("typing-stop", { chatId: "c1", userId: "u1" });
  await received(reads, "user-typing", (typing) => !typing.isTyping);
  const typing = reads.seen.filter((event) => event.name === "user-typing");
  assert.deepEqual(typing.map((event) => event.payload), [
    { chatId: "c1", userId: "u1", userName: "Ada", isTyping: true },
    { chatId: "c1", userId: "u1", isTyping: false },
  ]);
  assert.deepEqual(await names(types), [], "not back to the sender");
  assert.deepEqual(await names(elsewhere), []);
});

test("user-online is broadcast for the user who is named", async (t) => {
  const souk = await start(t, { ...OPEN, PRESENCE_GRACE: "100ms" });
  const [socket, watches] = await Promise.all([souk.connect(t), souk.connect(t)]);
  await ask(socket, "user-online", "u1");
  const online = await received(watches, "user-status-change");
  assert.deepEqual([online.userId, online.status], ["u1", "online"]);
  assert.match(online.lastSeen, /Z$/);
  socket.disconnect();
  await received(watches, "user-status-change", (change) => change.status === "offline");
});

test("requests and offers reach whoever joined", async (t) => {
  const souk = await start(t, OPEN);
  const [buyer, seller] = await Promise.all(["buyer", "seller"].map((role) => souk.register(role)));
  const anyone = await souk.connect(t);
  await ask(anyone, "join-seller-room", "anyone");
  const request = await buyer.publish();
  assert.equal((await received(anyone, "new-purchase-request"))._id, request._id);
  await ask(anyone, "join-buyer-room", buyer.id);
  await ask(anyone, "join-request-room", request._id);
  const offer = await seller.offer(request._id);
  assert.equal((await received(anyone, "new-offer")).offer._id, offer._id);
  await received(anyone, "purchase-request-update", (update) => update.type === "offer_received");
  await ask(anyone, "join-seller-room", seller.id);
  await buyer.post(`/api/marketplace/offers/${offer._id}/accept`);
  assert.equal((await received(anyone, "seller-offer-update")).eventType, "offer-accepted");
  await received(anyone, "purchase-request-update", (update) => update.status === "payment");
  await ask(anyone, "join-user-room", buyer.id);
  await buyer.post(`/api/marketplace/purchase-requests/${request._id}/cancel`, { reason: "No" });
  assert.equal((await received(anyone, "request-cancelled")).reason, "No");
});

test("a logout closes the sockets that used the token", async (t) => {
  const souk = await start(t, OPEN);
  const buyer = await souk.register("buyer");
  const [named, nameless] = [await buyer.connect(t), await souk.connect(t)];
  const closed = gone(named);
  await buyer.post("/api/auth/logout");
  await within("closed", closed, 1000);
  assert.ok((await ask(nameless, "join-user-room", "x")).ok);
});
