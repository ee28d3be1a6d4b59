// Every row of the reference's tables, in both kinds of access: the event, its rooms, its payload,
// and the change that causes it. One history causes them all; each watcher is in one room, or in
// none, and what it saw is compared with what the tables say. The tables are the catalogue's own
// test data, written from the reference and from nothing else.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { ask, received, start, until } from "./souk.mjs";

const tables = JSON.parse(await readFile(new URL("../../crates/events/tests/reference.json", import.meta.url)));

/** "Global" events that carry money or parties (contract §1.2). */
const MONEY = /^(payment-|payout-|template-checkout-)|^seller-offer-update$/;

const SETTINGS = {
  PAYMENT_SANDBOX: "true",
  PAYOUT_POLL_EVERY: "100ms",
  PRESENCE_GRACE: "100ms",
  SOCKET_EVENTS_PER_SECOND: "0",
  SOCKETS_PER_USER: "0",
};

/** The names of the rows that concern a room of this kind, such as `user-<sellerId>`. */
function rowsOf(kind, access) {
  return tables.serverEvents.filter((row) => addressed(row, kind, access)).map((row) => row.event);
}

function addressed({ event, rooms }, kind, access) {
  if (rooms.includes("broadcast")) return true;
  const isGlobal = rooms.includes("global");
  if (isGlobal && (access === "open" || kind === "admins")) return true;
  const own = new Set(rooms);
  if (isGlobal && MONEY.test(event)) {
    // The parties' user rooms and the event's own room. What the seller is paid out is not the
    // buyer's matter.
    own.add("user-<sellerId>");
    if (!event.startsWith("payout-")) own.add("user-<buyerId>");
    if (event.startsWith("payment-")) own.add("request-<requestId>");
    if (event.startsWith("template-checkout-")) own.add("template-checkout-<id>");
  }
  if (event === "payment-update") own.add("request-<requestId>");
  // `user-<userId>` is whoever it is about: everybody here is told something.
  if (kind.startsWith("user-") && own.has("user-<userId>")) return true;
  return own.has(kind);
}

/** The payload has what the reference gives and nothing that it does not know. */
function check(name, payload, shape, beyond = []) {
  const fields = Object.entries(shape).map(([field, form]) => [field.replace(/\?$/, ""), form, field.endsWith("?")]);
  for (const [field, form, optional] of fields) {
    if (payload[field] === undefined && optional) continue;
    assert.notEqual(payload[field], undefined, `${name}: ${field} is missing in ${JSON.stringify(payload)}`);
    if (Array.isArray(form)) {
      const known = name === "user-status-change" ? [...form, "offline"] : form;
      assert.ok(known.includes(payload[field]), `${name}: ${field} is ${payload[field]}`);
    } else if (typeof form === "object" && Object.keys(form).length > 0) {
      check(`${name}.${field}`, payload[field], form, ["chatId", "senderId", "clientMessageId", "seq", "data"]);
    }
  }
  const known = [...fields.map(([field]) => field), ...beyond];
  const unknown = Object.keys(payload).filter((field) => !known.includes(field));
  assert.deepEqual(unknown, [], `${name} has fields that the reference does not know`);
}

/** Watchers: who they are, in which one room, and of what kind it is in the tables. */
class Watchers {
  constructor(t, souk, access) {
    Object.assign(this, { t, souk, access, all: [] });
  }

  /** A socket in one room; in `open` it needs no token. `join` is null for one in no room. */
  async watch(kind, actor, join, id) {
    const socket =
      this.access === "open" && kind !== "admins" ? await this.souk.connect(this.t) : await actor.connect(this.t);
    if (join) {
      const answer = await ask(socket, join, id);
      assert.equal(answer.ok, true, `${join} ${id}: ${JSON.stringify(answer)}`);
    }
    this.all.push({ kind, socket });
    return socket;
  }

  /** Whether a stranger gets into a room goes by the access. */
  async knock(actor, join, id) {
    const socket = await actor.connect(this.t);
    const answer = await ask(socket, join, id);
    assert.equal(answer.ok, this.access === "open", `${join} of a stranger`);
    if (answer.ok) await ask(socket, join.replace("join", "leave"), id);
  }
}

async function history(t, souk, watchers) {
  const [referrer, stranger] = [await souk.register("buyer"), await souk.register("buyer")];
  const [seller, rival, onlooker] = [
    await souk.register("seller"),
    await souk.register("seller"),
    await souk.register("seller"),
  ];
  const admin = await souk.admin();
  await watchers.watch("admins", admin, null);
  await watchers.watch("nothing", stranger, null);
  await watchers.watch("user-<referrerId>", referrer, "join-user-room", referrer.id);
  await watchers.watch("user-<sellerId>", seller, "join-user-room", seller.id);

  // Somebody signs up with a code.
  const { referralCode } = await referrer.post("/api/points/generate-referral-code");
  const email = `buyer-${crypto.randomUUID()}@example.com`;
  const password = "correct horse battery staple";
  const signedUp = await souk.call("/api/auth/register", {
    method: "POST",
    body: { email, password, name: "The buyer", role: "buyer", referralCode },
  });
  const buyer = Object.assign(Object.create(Object.getPrototypeOf(referrer)), {
    souk, email, password, id: signedUp.user._id, token: signedUp.accessToken,
  });
  const buyersOwn = await watchers.watch("user-<buyerId>", buyer, "join-user-room", buyer.id);
  await seller.call("/api/auth/me", {
    method: "PATCH",
    body: { payoutWallet: { crypto: "ETH-USDT", address: "0x8a24797afba34000be956201def75e46d520ad78" } },
  });
  // A role's own room and the common one are joined together.
  await watchers.watch("seller-<sellerId>+sellers", seller, "join-seller-room", seller.id);
  await watchers.watch("buyer-<buyerId>+buyers", buyer, "join-buyer-room", buyer.id);
  for (const [join, id] of [
    ["join-user-room", buyer.id],
    ["join-buyer-room", buyer.id],
    ["join-seller-room", seller.id],
  ]) {
    await watchers.knock(stranger, join, id);
  }
  // One who makes no offer, so that the own room is silent.
  await watchers.watch("sellers", onlooker, "join-seller-room", onlooker.id);

  // A deal from its request to its payout.
  const request = await buyer.publish();
  const requestRoom = await watchers.watch("request-<requestId>", buyer, "join-request-room", request._id);
  const offer = await seller.offer(request._id, { price: { amount: "150.00", currency: "USD" } });
  await rival.offer(request._id);
  await watchers.knock(stranger, "join-request-room", request._id);
  await buyer.post(`/api/marketplace/offers/${offer._id}/accept`);
  const intent = await buyer.post("/api/payment/sandbox/intents", {
    purchaseRequestId: request._id, sellerOfferId: offer._id,
  });
  await buyer.post(`/api/payment/sandbox/${intent._id}/pay`, { outcome: "paid" });
  const path = `/api/marketplace/purchase-requests/${request._id}`;
  const shipment = { status: "shipped", carrier: "CTT", trackingNumber: "RR123456785PT" };
  await seller.call(`${path}/delivery`, { method: "PUT", body: shipment });
  const holder = await watchers.watch("request-<requestId>", seller, "join-request-room", request._id);
  const { deliveryCode } = await seller.post(`${path}/delivery-code/generate`);
  await buyer.post(`${path}/delivery-code/verify`, { code: deliveryCode });
  await buyer.post(`${path}/confirm-delivery`);
  // Who may know the code: its holder, who is the seller here.
  const told = await received(holder, "delivery-code-generated");
  assert.equal(told.deliveryCode, deliveryCode);
  const buyerTold = await received(requestRoom, "delivery-code-generated");
  assert.equal(buyerTold.deliveryCode, watchers.access === "open" ? deliveryCode : undefined);

  // A request that is called off.
  const second = await buyer.publish();
  await seller.offer(second._id);
  await buyer.post(`/api/marketplace/purchase-requests/${second._id}/cancel`, { reason: "Not needed any more" });

  // Two checkouts of a template: one is paid, the other one fails.
  const template = await seller.post("/api/marketplace/request-templates", {
    title: "A red lamp", description: "For a desk", productType: "physical",
    price: { amount: "20.00", currency: "USD" }, deliveryTime: { amount: 3, unit: "days" },
  });
  for (const outcome of ["paid", "failed"]) {
    const checkout = await buyer.post("/api/marketplace/template-checkout", {
      items: [{ templateId: template._id, quantity: 1 }],
    });
    await watchers.watch("template-checkout-<id>", buyer, "join-template-checkout-room", checkout._id);
    await watchers.knock(stranger, "join-template-checkout-room", checkout._id);
    const intent = await buyer.post("/api/payment/sandbox/intents", { checkoutId: checkout._id });
    await buyer.post(`/api/payment/sandbox/${intent._id}/pay`, { outcome });
  }

  // A chat.
  const chat = await buyer.post("/api/chat", { participantIds: [seller.id], type: "group", title: "The lamp" });
  await watchers.watch("chat-<chatId>", buyer, "join-chat-room", chat._id);
  await watchers.knock(stranger, "join-chat-room", chat._id);
  const sellersOwn = await watchers.watch("chat-<chatId>", seller, "join-chat-room", chat._id);
  const messages = `/api/chat/${chat._id}/messages`;
  const message = await buyer.post(messages, { content: "Is it still there?" });
  await seller.post(`/api/chat/${chat._id}/read`, { upToMessageId: message._id });
  await buyer.call(`${messages}/${message._id}`, { method: "PATCH", body: { content: "Is it there?" } });
  await buyer.call(`${messages}/${message._id}`, { method: "DELETE" });
  await buyer.post(`/api/chat/${chat._id}/participants`, { userIds: [rival.id] });
  await buyer.call(`/api/chat/${chat._id}/participants/${rival.id}`, { method: "DELETE" });
  sellersOwn.emit("typing-start", { chatId: chat._id, userId: seller.id, userName: "The seller" });
  const typing = watchers.all.find(({ kind, socket }) => kind === "chat-<chatId>" && socket !== sellersOwn).socket;
  await received(typing, "user-typing");
  await ask(buyersOwn, "user-online", buyer.id);
  for (const { socket } of watchers.all) await received(socket, "user-status-change");
  return { admin, buyer };
}

for (const access of ["strict", "open"]) {
  test(`every row of the reference, ${access}`, { timeout: 110_000 }, async (t) => {
    const souk = await start(t, { ...SETTINGS, REALTIME_ACCESS: access });
    const watchers = new Watchers(t, souk, access);
    await history(t, souk, watchers);

    const everything = new Set(tables.serverEvents.map((row) => row.event));
    const seen = () => new Set(watchers.all.flatMap(({ socket }) => socket.seen.map((event) => event.name)));
    await until(
      `every event (missing: ${[...everything].filter((name) => !seen().has(name))})`,
      () => [...everything].every((name) => seen().has(name)),
    ).catch((error) => assert.fail(`${error.message}; missing: ${[...everything].filter((name) => !seen().has(name))}`));

    for (const { kind, socket } of watchers.all) {
      // An answer cannot overtake what was sent before it.
      await ask(socket, "leave-chat-room", "none");
      const kinds = kind.split("+");
      const allowed = new Set(kinds.flatMap((one) => rowsOf(one, access)));
      for (const { name, payload } of socket.seen) {
        const row = tables.serverEvents.find((row) => row.event === name);
        if (!row) continue;
        assert.ok(allowed.has(name), `${name} reached a socket in ${kind}: ${JSON.stringify(payload)}`);
        if (row.document) assert.ok(payload._id, name);
        else {
          const shape = { ...row.payload };
          if (name === "delivery-code-generated" && access === "strict") {
            delete shape.deliveryCode;
            shape["deliveryCode?"] = "";
          }
          check(name, payload, shape, name === "user-typing" ? ["chatId"] : []);
        }
      }
    }
    // Each row reached each of its rooms that somebody watched from before it happened.
    const reached = (kind) =>
      new Set(watchers.all.filter((w) => w.kind.split("+").includes(kind)).flatMap(({ socket }) => socket.seen.map((e) => e.name)));
    for (const kind of new Set(watchers.all.flatMap((w) => w.kind.split("+")))) {
      const missing = rowsOf(kind, access).filter((name) => !reached(kind).has(name) && !notInHistory(name, kind));
      assert.deepEqual(missing, [], `events that a socket in ${kind} did not get`);
    }
  });
}

const CHAT = ["new-message", "messages-read", "message-edited", "message-deleted", "participants-added", "participant-removed", "user-typing"];

/** What a room is not about in this history, or was joined too late for. */
function notInHistory(name, kind) {
  // The one who referred the buyer has earned too little for a level.
  if (name === "level-up") return kind === "user-<referrerId>";
  // What begins before there is a room to join.
  if (kind === "template-checkout-<id>") return !["template-checkout-payment-confirmed", "template-checkout-payment-failed"].includes(name);
  if (kind === "chat-<chatId>") return !CHAT.includes(name) && name !== "user-status-change";
  return false;
}
