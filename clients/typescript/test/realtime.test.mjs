// The live connection by the package: cuts, restarts, tokens that end.
import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import { test } from "node:test";
import { CATCHING_UP } from "souk-client";
import { WANTED, join, start, state, until, within } from "./client.mjs";

const FAST = { socket: { reconnectionDelay: 20, reconnectionDelayMax: 50 } };

test("events of both directions, and how to stop listening", async (t) => {
  const souk = await start(t);
  const [buyer, seller] = [await join(t, souk, "buyer"), await join(t, souk, "seller")];
  assert.deepEqual(await seller.realtime.join("join-seller-room", seller.id), { ok: true, room: `seller-${seller.id}` });
  const refused = await seller.realtime.join("join-buyer-room", buyer.id);
  assert.deepEqual([refused.ok, refused.error.code], [false, "forbidden"]);
  const heard = [];
  const stop = seller.realtime.on("new-purchase-request", (...args) => heard.push(args));
  const next = () => within("the request", seller.realtime.once("new-purchase-request"));
  const [first] = await Promise.all([next(), buyer.api("POST /api/marketplace/purchase-requests", { body: WANTED })]);
  assert.deepEqual(heard, [[first]], "the payload alone");
  stop();
  const second = seller.realtime.once("new-purchase-request", ({ title }) => title === "Another");
  await buyer.api("POST /api/marketplace/purchase-requests", { body: { ...WANTED, title: "Another" } });
  await within("the other request", second);
  assert.equal(heard.length, 1);
  assert.deepEqual(await seller.realtime.leave("join-seller-room", seller.id), { ok: true, room: `seller-${seller.id}` });
});

test("after a reconnect that did not recover: joins, re-fetches, catching up for 5 s", async (t) => {
  const souk = await start(t);
  const buyer = await join(t, souk, "buyer", FAST);
  const seller = await join(t, souk, "seller");
  const request = await buyer.api("POST /api/marketplace/purchase-requests", { body: WANTED });
  await buyer.realtime.join("join-request-room", request._id);
  await buyer.realtime.join("join-buyer-room", buyer.id);
  souk.network.cut();
  await state(buyer.realtime, ({ status }) => status !== "connected");
  // It comes back as one who was never here: nothing to recover.
  delete buyer.realtime.socket._pid;
  buyer.fetched.length = 0;
  const caughtUp = within("the re-fetches", new Promise((done) => buyer.realtime.onCatchUp(done)));
  souk.network.mend();
  const back = await state(buyer.realtime, ({ status }) => status === "connected");
  const since = performance.now();
  assert.deepEqual([back.recovered, back.catchingUp], [false, true]);
  const what = await caughtUp;
  assert.deepEqual(what.requests, [request]);
  assert.equal(what.unreadCount, 0);
  assert.ok(buyer.fetched.includes("GET /api/notifications/unread-count"));
  assert.ok(buyer.fetched.includes(`GET /api/marketplace/purchase-requests/${request._id}`));
  // In its rooms again, without having asked for it.
  const offer = within("the offer", buyer.realtime.once("new-offer"));
  await until("the seller is back", () => seller.realtime.socket.connected);
  await seller.api("POST /api/marketplace/purchase-requests/{id}/offers", {
    path: { id: request._id },
    body: { price: { amount: "30.00", currency: "USD" }, deliveryTime: { amount: 3, unit: "days" }, message: "Here" },
  });
  assert.equal((await offer).requestId, request._id);
  await state(buyer.realtime, ({ catchingUp }) => !catchingUp);
  const took = performance.now() - since;
  assert.ok(took > CATCHING_UP - 50, `it was caught up after ${took} ms`);
});

test("after a reconnect that recovered: what was missed, once and in order, and nothing of the rest", async (t) => {
  const souk = await start(t);
  const [buyer, seller] = [await join(t, souk, "buyer"), await join(t, souk, "seller", FAST)];
  await seller.realtime.join("join-seller-room", seller.id);
  const heard = [];
  seller.realtime.on("new-purchase-request", ({ title }) => heard.push(title));
  const publish = (title) => souk.call("/api/marketplace/purchase-requests", {
    method: "POST",
    token: buyer.session.token(),
    body: { ...WANTED, title },
  });
  const { id } = seller.realtime.socket;
  for (const round of [1, 2, 3]) {
    const titles = [`First of ${round}`, `Second of ${round}`];
    souk.network.cut();
    await state(seller.realtime, ({ status }) => status !== "connected");
    for (const title of titles) await publish(title);
    seller.fetched.length = heard.length = 0;
    const sent = [];
    seller.realtime.socket.onAnyOutgoing((event) => sent.push(event));
    souk.network.mend();
    const back = await state(seller.realtime, ({ status }) => status === "connected");
    assert.deepEqual([back.recovered, back.catchingUp], [true, false]);
    assert.equal(seller.realtime.socket.id, id);
    assert.deepEqual(heard, titles, "missed events come before the connect");
    const live = within("a live event", seller.realtime.once("new-purchase-request"));
    await publish(`Third of ${round}`);
    assert.equal((await live).title, `Third of ${round}`);
    assert.deepEqual([sent, seller.fetched], [[], []], "nothing was joined or fetched");
    seller.realtime.socket.offAnyOutgoing();
  }
});

test("chat history is re-fetched by ?before=<lastSeen>, and what came since", async (t) => {
  const souk = await start(t);
  const [buyer, seller] = [await join(t, souk, "buyer", FAST), await join(t, souk, "seller")];
  const chat = await buyer.api("POST /api/chat", { body: { participantIds: [seller.id], type: "direct" } });
  const say = (content) => seller.api("POST /api/chat/{id}/messages", { path: { id: chat._id }, body: { content } });
  await buyer.realtime.join("join-chat-room", chat._id);
  const heard = within("the message", buyer.realtime.once("new-message"));
  await say("One");
  const { message } = await heard;
  souk.network.cut();
  await state(buyer.realtime, ({ status }) => status !== "connected");
  delete buyer.realtime.socket._pid;
  buyer.fetched.length = 0;
  souk.network.mend();
  // Before the buyer is back.
  const missed = await souk.call(`/api/chat/${chat._id}/messages`, {
    method: "POST",
    token: seller.session.token(),
    body: { content: "Two" },
  });
  const what = await within("the re-fetches", new Promise((done) => buyer.realtime.onCatchUp(done)));
  const history = `GET /api/chat/${chat._id}/messages?`;
  const asked = buyer.fetched.filter((path) => path.startsWith(history)).map((path) => new URLSearchParams(path.slice(history.length)));
  assert.deepEqual(asked.map((query) => query.get("before")).filter(Boolean), [message.createdAt]);
  assert.ok(what.messages.get(chat._id).some(({ _id }) => _id === missed._id));
});

test("a kill and a restart of the server: back in the rooms", async (t) => {
  const souk = await start(t);
  const [buyer, seller] = [await join(t, souk, "buyer", FAST), await join(t, souk, "seller", FAST)];
  await seller.realtime.join("join-seller-room", seller.id);
  // A session is written down a little after it began, which nothing tells.
  await setTimeout(1000);
  for (const title of ["After one kill", "After two kills"]) {
    await souk.end("SIGKILL");
    await state(seller.realtime, ({ status }) => status !== "connected");
    await souk.begin();
    const back = await state(seller.realtime, ({ status }) => status === "connected");
    assert.equal(back.recovered, true);
    const heard = within(title, seller.realtime.once("new-purchase-request"));
    await buyer.api("POST /api/marketplace/purchase-requests", { body: { ...WANTED, title } });
    assert.equal((await heard).title, title);
  }
});

test("a socket outlives its tokens: each is replaced on the live socket", async (t) => {
  const souk = await start(t, { ACCESS_TOKEN_TTL: "3s" });
  const buyer = await join(t, souk, "buyer");
  const { id } = buyer.realtime.socket;
  const tokens = new Set([buyer.session.token()]);
  await within("three tokens", new Promise((done) => buyer.session.onToken((token) => tokens.add(token).size > 3 && done())));
  // Past the end of the first ones the server still knows the socket, and whose it is.
  assert.deepEqual(await buyer.realtime.join("join-buyer-room", buyer.id), { ok: true, room: `buyer-${buyer.id}` });
  assert.equal(buyer.realtime.socket.id, id);
  assert.deepEqual(buyer.disconnects, []);
});

test("a socket that was closed for its token comes back with another", async (t) => {
  const souk = await start(t, { ACCESS_TOKEN_TTL: "1s" });
  const buyer = await join(t, souk, "buyer", FAST);
  buyer.session.close(); // No timer: the token ends on the live socket.
  await state(buyer.realtime, ({ status }) => status !== "connected");
  assert.equal(buyer.disconnects.length, 1);
  await state(buyer.realtime, ({ status }) => status === "connected");
});

test("a sign-in that has ended stays so; the next one connects", async (t) => {
  const souk = await start(t);
  const buyer = await join(t, souk, "buyer", FAST);
  await buyer.session.logout();
  const ended = await state(buyer.realtime, ({ status }) => status === "disconnected");
  assert.equal(ended.reason, "token_missing");
  await buyer.session.register({ email: "next@shop.example", password: "correct horse battery", name: "Next", role: "buyer" });
  await state(buyer.realtime, ({ status }) => status === "connected");
});
