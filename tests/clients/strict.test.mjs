// `REALTIME_ACCESS=strict`: who gets in, who may join what, who sees which event.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FRONTEND, ask, gone, names, received, start, until, within } from "./souk.mjs";

const FORBIDDEN = /not a member/;

test("a token is taken from auth, from the header and from the cookie, on every transport", async (t) => {
  const souk = await start(t);
  const buyer = await souk.register("buyer");
  const ways = {
    auth: { auth: { token: buyer.token } },
    header: { extraHeaders: { authorization: `Bearer ${buyer.token}` } },
    cookie: { extraHeaders: { cookie: buyer.cookie, origin: FRONTEND } },
  };
  const transports = [["websocket"], ["polling"], ["polling", "websocket"]];
  for (const [way, options] of Object.entries(ways)) {
    for (const list of transports) {
      const socket = await souk.connect(t, { ...options, transports: list });
      assert.notEqual(socket.id, socket.io.engine.id, "the public id opens no session");
      const answer = await ask(socket, "join-user-room", buyer.id);
      assert.deepEqual(answer, { ok: true, room: `user-${buyer.id}` }, `${way} ${list}`);
    }
  }
});

test("without a valid token there is a connect_error with a code", async (t) => {
  const souk = await start(t);
  for (const transport of ["websocket", "polling"]) {
    const refused = (options) => souk.refused(t, { transports: [transport], ...options });
    const cases = [
      [{}, "token_missing"],
      [{ auth: { token: "" } }, "token_missing"],
      [{ auth: { token: "a.b.c" } }, "token_invalid"],
      [{ extraHeaders: { authorization: "Bearer a.b.c" } }, "token_invalid"],
      [{ extraHeaders: { cookie: "accessToken=a.b.c" } }, "token_invalid"],
    ];
    for (const [options, code] of cases) {
      const error = await refused(options);
      assert.equal(error.message, "unauthorized");
      assert.equal(error.data.code, code);
    }
  }
});

test("a page of a foreign origin is refused on both transports", async (t) => {
  const souk = await start(t);
  const buyer = await souk.register("buyer");
  const from = (origin, transport) => ({
    auth: { token: buyer.token },
    transports: [transport],
    extraHeaders: { origin },
  });
  for (const transport of ["polling", "websocket"]) {
    await souk.connect(t, from(FRONTEND, transport));
    for (const origin of ["http://evil.example", `${FRONTEND}.evil.example`, "null"]) {
      const error = await souk.refused(t, from(origin, transport));
      assert.equal(error.type, "TransportError", `${origin} by ${transport}`);
    }
  }
  const polling = (origin) =>
    fetch(`${souk.url}/socket.io/?EIO=4&transport=polling`, { headers: { origin } });
  const foreign = await polling("http://evil.example");
  assert.equal(foreign.status, 403);
  assert.equal(foreign.headers.get("access-control-allow-origin"), null);
  const own = await polling(FRONTEND);
  assert.equal(own.status, 200);
  assert.equal(own.headers.get("access-control-allow-origin"), FRONTEND);
  assert.equal(own.headers.get("access-control-allow-credentials"), "true");
});

test("rooms are for their members", async (t) => {
  const souk = await start(t);
  const [buyer, seller, other, admin] = await Promise.all([
    souk.register("buyer"),
    souk.register("seller"),
    souk.register("seller"),
    souk.admin(),
  ]);
  const request = await buyer.publish();
  const sockets = {
    buyer: await buyer.connect(t),
    seller: await seller.connect(t),
    admin: await admin.connect(t),
  };
  const cases = [
    // event, id, room, who may
    ["join-user-room", buyer.id, `user-${buyer.id}`, ["buyer", "admin"]],
    ["join-buyer-room", buyer.id, `buyer-${buyer.id}`, ["buyer", "admin"]],
    ["join-seller-room", seller.id, `seller-${seller.id}`, ["seller", "admin"]],
    ["join-seller-room", buyer.id, `seller-${buyer.id}`, ["admin"]],
    ["join-seller-room", other.id, `seller-${other.id}`, ["admin"]],
    ["join-request-room", request._id, `request-${request._id}`, ["buyer", "admin"]],
    ["join-request-room", "no-such-request", "request-no-such-request", ["admin"]],
    ["join-chat-room", "c1", "chat-c1", ["admin"]],
    ["join-template-checkout-room", "t1", "template-checkout-t1", ["admin"]],
  ];
  for (const [event, id, room, may] of cases) {
    for (const [who, socket] of Object.entries(sockets)) {
      const answer = await ask(socket, event, id);
      if (may.includes(who)) {
        assert.deepEqual(answer, { ok: true, room }, `${who} ${event} ${id}`);
        assert.deepEqual(await ask(socket, event, id), { ok: true, room }, "again");
        const left = await ask(socket, event.replace("join-", "leave-"), id);
        assert.deepEqual(left, { ok: true, room });
      } else {
        assert.equal(answer.ok, false, `${who} ${event} ${id}`);
        assert.equal(answer.error.code, "forbidden");
        assert.match(answer.error.message, FORBIDDEN);
      }
    }
  }
  // Without an ack the refusal is an event.
  sockets.buyer.emit("join-seller-room", seller.id);
  const refused = await received(sockets.buyer, "room-error");
  assert.equal(refused.event, "join-seller-room");
  assert.equal(refused.room, `seller-${seller.id}`);
  assert.equal(refused.code, "forbidden");
  assert.match(refused.message, FORBIDDEN);
});

test("malformed events are refused and hurt nothing", async (t) => {
  const souk = await start(t, { SOCKET_EVENTS_PER_SECOND: "0" });
  const buyer = await souk.register("buyer");
  const socket = await buyer.connect(t);
  const events = ["join-user-room", "leave-request-room", "user-online", "typing-start", "authenticate"];
  const bad = [[], [null], [1], [["x"]], [{}], [Buffer.from("x")], [{ chatId: {} }]];
  for (const event of events) {
    for (const args of bad) {
      const { ok, error } = await ask(socket, event, ...args);
      assert.deepEqual([ok, error.code], [false, "bad_request"], `${event} ${JSON.stringify(args)}`);
    }
  }
  for (const id of ["", "a b", "x".repeat(65), "../x", "*"]) {
    const { error } = await ask(socket, "join-request-room", id);
    assert.equal(error.code, "bad_request", id);
  }
  assert.equal((await ask(socket, "no-such-event", 1)).error.code, "unknown_event");
  socket.emit("no-such-event");
  assert.equal((await received(socket, "room-error")).code, "unknown_event");
  assert.deepEqual(await ask(socket, "join-user-room", buyer.id), { ok: true, room: `user-${buyer.id}` });
});

test("a deal is seen by those whom it concerns, as it happens", async (t) => {
  const souk = await start(t);
  const [buyer, stranger, winner, loser, outsider] = await Promise.all(
    ["buyer", "buyer", "seller", "seller", "seller"].map((role) => souk.register(role)),
  );
  const buys = await buyer.connect(t);
  const watches = await stranger.connect(t);
  const wins = await winner.connect(t);
  const loses = await loser.connect(t);
  const waits = await outsider.connect(t);
  for (const [socket, actor, role] of [
    [buys, buyer, "buyer"],
    [watches, stranger, "buyer"],
    [wins, winner, "seller"],
    [loses, loser, "seller"],
    [waits, outsider, "seller"],
  ]) {
    assert.ok((await ask(socket, "join-user-room", actor.id)).ok);
    assert.ok((await ask(socket, `join-${role}-room`, actor.id)).ok);
  }

  const request = await buyer.publish();
  const room = `request-${request._id}`;
  for (const socket of [wins, loses, waits]) {
    const seen = await received(socket, "new-purchase-request");
    assert.equal(seen._id, request._id);
    assert.equal(seen.title, "A red lamp");
    assert.match(seen.createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  }
  assert.deepEqual(await ask(buys, "join-request-room", request._id), { ok: true, room });

  // A seller is let into the request's room once there is an offer.
  assert.equal((await ask(wins, "join-request-room", request._id)).error.code, "forbidden");
  const offer = await winner.offer(request._id);
  const offered = await received(buys, "new-offer");
  assert.deepEqual([offered.requestId, offered.sellerId], [request._id, winner.id]);
  assert.equal(offered.offer._id, offer._id);
  assert.equal(offered.offer.price.amount, "30.00");
  await received(buys, "purchase-request-update", (update) => update.type === "offer_received");
  assert.deepEqual(await ask(wins, "join-request-room", request._id), { ok: true, room });

  await loser.offer(request._id, { price: { amount: "31.00", currency: "USD" } });
  await received(buys, "new-offer", (offered) => offered.sellerId === loser.id);
  assert.deepEqual(await ask(loses, "join-request-room", request._id), { ok: true, room });
  assert.equal((await ask(waits, "join-request-room", request._id)).error.code, "forbidden");

  await buyer.post(`/api/marketplace/offers/${offer._id}/accept`);
  const accepted = await received(wins, "seller-offer-update");
  assert.deepEqual([accepted.eventType, accepted.data.isSelected], ["offer-accepted", true]);
  const rejected = await received(loses, "seller-offer-update");
  assert.equal(rejected.eventType, "offer-rejected");
  assert.ok(rejected.data.reason);
  const toPayment = (update) => update.status === "payment";
  await received(buys, "purchase-request-update", toPayment);
  await received(wins, "purchase-request-update", toPayment);

  // The loser is out of the room before the room hears of it, and does not get back in.
  await names(loses);
  assert.ok(!loses.seen.some((event) => event.name === "purchase-request-update" && toPayment(event.payload)));
  assert.equal((await ask(loses, "join-request-room", request._id)).error.code, "forbidden");

  await buyer.post(`/api/marketplace/purchase-requests/${request._id}/cancel`, { reason: "Found one" });
  for (const socket of [buys, wins]) {
    const cancelled = await received(socket, "request-cancelled");
    assert.deepEqual(cancelled, { requestId: request._id, reason: "Found one" });
  }

  assert.deepEqual(await names(watches), [], "a stranger sees nothing");
  assert.deepEqual(await names(waits), ["new-purchase-request"], "a seller without an offer sees no more");
  assert.ok(!(await names(loses)).includes("request-cancelled"));
});

test("a private request reaches the preferred sellers only", async (t) => {
  const souk = await start(t);
  const [buyer, preferred, other] = await Promise.all(
    ["buyer", "seller", "seller"].map((role) => souk.register(role)),
  );
  const chosen = await preferred.connect(t);
  const left = await other.connect(t);
  await ask(chosen, "join-seller-room", preferred.id);
  await ask(left, "join-seller-room", other.id);
  const hidden = await buyer.publish({ title: "A secret", preferredSellerIds: [preferred.id] });
  const open = await buyer.publish({ title: "For all" });
  assert.equal((await received(chosen, "new-purchase-request"))._id, hidden._id);
  assert.equal((await received(left, "new-purchase-request"))._id, open._id, "the first that it sees");
  const invited = await ask(chosen, "join-request-room", hidden._id);
  assert.ok(invited.ok, "invited sellers may watch");
});

test("a logout closes the sockets of that sign-in within a second", async (t) => {
  const souk = await start(t);
  const buyer = await souk.register("buyer");
  const again = await souk.call("/api/auth/login", {
    method: "POST",
    body: { email: buyer.email, password: buyer.password },
  });
  const closes = await buyer.connect(t);
  const stays = await souk.connect(t, { auth: { token: again.accessToken } });
  const closed = gone(closes);
  await buyer.post("/api/auth/logout");
  await within("closed", closed, 1000);
  assert.ok((await ask(stays, "join-user-room", buyer.id)).ok, "the other sign-in goes on");
  const error = await souk.refused(t, { auth: { token: buyer.token } });
  assert.equal(error.data.code, "token_revoked");
});

test("a token that expires closes its socket, unless a fresh one is presented", async (t) => {
  const souk = await start(t, { ACCESS_TOKEN_TTL: "2s" });
  const buyer = await souk.register("buyer");
  const until = JSON.parse(Buffer.from(buyer.token.split(".")[1], "base64url")).exp * 1000;
  const closes = await buyer.connect(t);
  const stays = await buyer.connect(t);
  const { accessToken } = await souk.call("/api/auth/refresh-token", {
    method: "POST",
    body: { refreshToken: buyer.refreshToken },
  });
  const refreshed = JSON.parse(Buffer.from(accessToken.split(".")[1], "base64url")).exp * 1000;
  const stranger = await souk.register("buyer");
  assert.equal((await ask(stays, "authenticate", stranger.token)).error.code, "forbidden");
  assert.equal((await ask(stays, "authenticate", "a.b.c")).error.code, "unauthorized");
  assert.deepEqual(await ask(stays, "authenticate", accessToken), { ok: true });
  const ends = await Promise.all([closes, stays].map(async (socket) => {
    await gone(socket);
    return Date.now();
  }));
  for (const [end, expiry] of [[ends[0], until], [ends[1], refreshed]]) {
    assert.ok(end >= expiry - 50 && end <= expiry + 1000, `closed ${end - expiry} ms after its end`);
  }
  const error = await souk.refused(t, { auth: { token: buyer.token } });
  assert.equal(error.data.code, "token_expired");
});

test("presence: several tabs, reconnects and a restart within the grace are no event", async (t) => {
  const souk = await start(t, { PRESENCE_GRACE: "1s" });
  const [buyer, watcher] = await Promise.all(["buyer", "seller"].map((role) => souk.register(role)));
  let watches = await watcher.connect(t);
  const changes = () => watches.seen.filter((event) => event.name === "user-status-change");
  const state = async () => {
    const [entry] = await watcher.call(`/api/users/presence?ids=${buyer.id}`);
    return entry;
  };
  assert.deepEqual(await state(), { userId: buyer.id, status: "offline" });

  const tab = await buyer.connect(t);
  assert.equal((await ask(tab, "user-online", watcher.id)).error.code, "forbidden");
  assert.deepEqual(await ask(tab, "user-online", buyer.id), { ok: true, room: `user-${buyer.id}` });
  const online = await received(watches, "user-status-change");
  assert.deepEqual([online.userId, online.status], [buyer.id, "online"]);
  assert.equal((await state()).status, "online");

  const second = await buyer.connect(t);
  await ask(second, "user-online", buyer.id);
  tab.disconnect();
  second.disconnect();
  const back = await buyer.connect(t);
  await ask(back, "user-online", buyer.id);
  await names(watches);
  assert.equal(changes().length, 1);

  await souk.end();
  await souk.begin();
  watches = await watcher.connect(t);
  const returned = await buyer.connect(t);
  await ask(returned, "user-online", buyer.id);
  const before = Date.now();
  returned.disconnect();
  const offline = await received(watches, "user-status-change");
  assert.deepEqual([offline.userId, offline.status], [buyer.id, "offline"], "the first since the restart");
  assert.ok(Date.now() - before >= 950, "not before the grace is over");
  assert.ok(Math.abs(Date.parse(offline.lastSeen) - before) < 2000);
  assert.deepEqual(await state(), offline);

  // After a restart that took longer than the grace, it is told once.
  const last = await buyer.connect(t);
  await ask(last, "user-online", buyer.id);
  await until("online is told again", () => changes().at(-1).payload.status === "online");
  await souk.end("SIGKILL");
  await souk.begin();
  watches = await watcher.connect(t);
  assert.equal((await received(watches, "user-status-change")).status, "offline");
});

test("a stop closes the sockets and takes no longer than its grace", async (t) => {
  const souk = await start(t, { SHUTDOWN_GRACE: "5s" });
  const buyer = await souk.register("buyer");
  const sockets = await Promise.all(
    [["websocket"], ["polling"]].map((transports) => buyer.connect(t, { transports })),
  );
  const closed = Promise.all(sockets.map(gone));
  const ended = souk.end();
  await closed;
  assert.deepEqual(await ended, { code: 0, signal: null });
  const lines = souk.log.filter((line) => /🔌 User (dis)?connected: /.test(line));
  for (const word of ["connected", "disconnected"]) {
    const logged = lines.filter((line) => line.includes(`🔌 User ${word}: `));
    assert.equal(logged.length, 2, lines.join("\n"));
    assert.ok(logged.every((line) => line.includes(buyer.id)));
  }
  assert.ok(lines.some((line) => line.includes("server shutting down")), lines.join("\n"));
});
