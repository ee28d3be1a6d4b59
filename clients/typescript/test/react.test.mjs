// The hooks in React, with a document of jsdom and a running Souk.
import assert from "node:assert/strict";
import { test } from "node:test";
import { JSDOM } from "jsdom";
import { WANTED, join, start, state, until } from "./client.mjs";

const { window } = new JSDOM("<!doctype html><main></main>");
globalThis.window = window;
globalThis.document = window.document;
Object.defineProperty(globalThis, "navigator", { value: window.navigator, configurable: true });
const { createElement: h } = await import("react");
const { createRoot } = await import("react-dom/client");
const { SoukProvider, useConnection, useEvent, useMessages, useRequest, useUnreadCount } = await import("souk-client/react");

/** Renders a component below a provider; `text` is what it shows. */
function render(t, user, component) {
  const main = document.createElement("main");
  const root = createRoot(main);
  t.after(() => root.unmount());
  root.render(h(SoukProvider, { api: user.api, realtime: user.realtime }, h(component)));
  return { shows: (text) => until(`${text} (it shows ${main.textContent})`, () => main.textContent === text), root };
}

test("hooks follow the request, its events and the connection", async (t) => {
  const souk = await start(t);
  const [buyer, seller] = [await join(t, souk, "buyer"), await join(t, souk, "seller")];
  const request = await buyer.api("POST /api/marketplace/purchase-requests", { body: WANTED });
  const offers = [];
  const View = () => {
    const shown = useRequest(request._id);
    const { status } = useConnection();
    useEvent("purchase-request-update", ({ type }) => offers.push(type));
    return h("p", null, `${shown?.title} is ${shown?.status}, ${status}`);
  };
  const view = render(t, buyer, View);
  await view.shows("A red lamp is active, connected");
  // The room is joined by an effect; its ack comes before what is told to the room.
  await buyer.realtime.emit("join-request-room", request._id);
  await seller.api("POST /api/marketplace/purchase-requests/{id}/offers", {
    path: { id: request._id },
    body: { price: { amount: "30.00", currency: "USD" }, deliveryTime: { amount: 3, unit: "days" }, message: "Here" },
  });
  await view.shows("A red lamp is received_offers, connected");
  assert.ok(offers.includes("offer_received"));
  buyer.realtime.close();
  await view.shows("A red lamp is received_offers, disconnected");
  view.root.unmount();
  offers.length = 0;
  assert.equal(buyer.realtime.socket.listeners("purchase-request-update").length, 0, "the listeners are gone");
});

test("hooks count what is unread, and list the messages of a chat", async (t) => {
  const souk = await start(t);
  const [buyer, seller] = [await join(t, souk, "buyer"), await join(t, souk, "seller")];
  const chat = await buyer.api("POST /api/chat", { body: { participantIds: [seller.id], type: "direct" } });
  const say = (content) => seller.api("POST /api/chat/{id}/messages", { path: { id: chat._id }, body: { content } });
  const first = await say("One");
  await buyer.realtime.emit("user-online", buyer.id);
  const View = () => {
    const messages = useMessages(chat._id).map(({ content }) => content || "(deleted)");
    const unread = useUnreadCount();
    return h("p", null, `${messages.join(", ")}; ${unread === undefined ? "?" : "known"}`);
  };
  const view = render(t, buyer, View);
  await view.shows("One; known");
  await buyer.realtime.emit("join-chat-room", chat._id);
  await say("Two");
  await view.shows("One, Two; known");
  const path = { id: chat._id, messageId: first._id };
  await seller.api("PATCH /api/chat/{id}/messages/{messageId}", { path, body: { content: "One!" } });
  await view.shows("One!, Two; known");
  await seller.api("DELETE /api/chat/{id}/messages/{messageId}", { path });
  await view.shows("(deleted), Two; known");
  await state(buyer.realtime, ({ status }) => status === "connected");
});
