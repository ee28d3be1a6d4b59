// Two stock clients in a chat: they write, type, read, edit, delete; and one is removed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, names, received, start } from "./souk.mjs";

/** Sends a message; the stored one. */
function say(actor, chat, content, fields = {}) {
  return actor.post(`/api/chat/${chat._id}/messages`, { content, ...fields });
}

async function inside(t, actor, chat) {
  const socket = await actor.connect(t);
  assert.deepEqual(await ask(socket, "join-chat-room", chat._id), { ok: true, room: `chat-${chat._id}` });
  return socket;
}

test("two clients chat", async (t) => {
  const souk = await start(t);
  const [buyer, seller] = await Promise.all([souk.register("buyer"), souk.register("seller")]);
  const chat = await buyer.post("/api/chat", { type: "direct", participantIds: [seller.id] });
  const buys = await inside(t, buyer, chat);
  const sells = await inside(t, seller, chat);
  const chatId = chat._id;

  buys.emit("typing-start", { chatId, userId: buyer.id, userName: "The buyer" });
  const typing = await received(sells, "user-typing");
  assert.deepEqual(typing, { chatId, userId: buyer.id, userName: "The buyer", isTyping: true });
  buys.emit("typing-stop", { chatId, userId: buyer.id });
  await received(sells, "user-typing", (event) => event.isTyping === false);

  const message = await say(buyer, chat, "<b>Helo</b>", { clientMessageId: "m-1" });
  assert.deepEqual(await say(buyer, chat, "<b>Helo</b>", { clientMessageId: "m-1" }), message);
  const told = { chatId, message, senderId: buyer.id };
  assert.deepEqual(await received(sells, "new-message"), told);
  assert.deepEqual(await received(buys, "new-message"), told);

  const receipt = await seller.post(`/api/chat/${chatId}/read`, { upToMessageId: message._id });
  assert.equal(receipt.modifiedCount, 1);
  assert.deepEqual(await received(buys, "messages-read"), {
    chatId,
    userId: seller.id,
    upToMessageId: message._id,
    modifiedCount: 1,
  });

  const path = `/api/chat/${chatId}/messages/${message._id}`;
  const edited = await buyer.call(path, { method: "PATCH", body: { content: "Hello" } });
  assert.deepEqual(await received(sells, "message-edited"), {
    chatId,
    messageId: message._id,
    content: "Hello",
    editedAt: edited.editedAt,
  });
  const tombstone = await buyer.call(path, { method: "DELETE" });
  assert.deepEqual(await received(sells, "message-deleted"), {
    chatId,
    messageId: message._id,
    deletedAt: tombstone.deletedAt,
  });
  const shown = await seller.call(`/api/chat/${chatId}/messages?before=${new Date(Date.now() + 60_000).toISOString()}`);
  assert.deepEqual(shown, [tombstone]);
  const seen = ["new-message", "messages-read", "message-edited", "message-deleted"];
  assert.deepEqual(await names(buys), seen);
  assert.deepEqual(await names(sells), ["user-typing", "user-typing", ...seen]);
});

test("who is removed gets nothing more, and who is added does", async (t) => {
  const souk = await start(t);
  const [owner, member, later] = await Promise.all(["buyer", "seller", "seller"].map((role) => souk.register(role)));
  const chat = await owner.post("/api/chat", { type: "group", title: "Lamps", participantIds: [member.id] });
  const owns = await inside(t, owner, chat);
  const leaves = await inside(t, member, chat);
  const joins = await later.connect(t);
  assert.equal((await ask(joins, "join-chat-room", chat._id)).error.code, "forbidden");

  await owner.post(`/api/chat/${chat._id}/participants`, { userIds: [later.id] });
  assert.deepEqual(await received(leaves, "participants-added"), { chatId: chat._id, addedUserIds: [later.id] });
  await ask(joins, "join-chat-room", chat._id);
  await owner.call(`/api/chat/${chat._id}/participants/${member.id}`, { method: "DELETE" });
  const removed = { chatId: chat._id, removedUserId: member.id };
  assert.deepEqual(await received(leaves, "participant-removed"), removed);
  const message = await say(owner, chat, "Without them");
  assert.deepEqual((await received(joins, "new-message")).message, message);
  await received(owns, "new-message");
  assert.deepEqual(await names(leaves), ["participants-added", "participant-removed"]);
  assert.equal((await ask(leaves, "join-chat-room", chat._id)).error.code, "forbidden");
  const answer = await souk.fetch(`/api/chat/${chat._id}/messages`, { token: member.token });
  assert.equal(answer.status, 404);
});
