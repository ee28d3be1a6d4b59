import type { Api } from "./api.js";
import type { ChatMessage, PurchaseRequest } from "./generated/schemas.js";

/** What was re-fetched after a reconnect that did not recover. What could not be fetched is absent. */
export interface CatchUp {
  /** Unread notifications. */
  readonly unreadCount?: number;
  /** The purchase requests whose rooms were joined, as they are now. */
  readonly requests: readonly PurchaseRequest[];
  /** Of each chat that was joined, oldest first: what was known may have been edited, and what is new. */
  readonly messages: ReadonlyMap<string, readonly ChatMessage[]>;
}

/** Most pages of new messages of one chat; who was away for longer loads the chat anew. */
const PAGES_MAX = 10;
const LIMIT = 100;

/**
 * The three re-fetches of the reference: the unread count, the active purchase requests, and the chat
 * history with `?before=<lastSeen>` (messages that were shown may have been edited or deleted), to which
 * `?after=<lastSeen>` adds what was sent meanwhile.
 */
export async function catchUp(
  api: Api,
  requestIds: readonly string[],
  lastSeen: ReadonlyMap<string, string>,
): Promise<CatchUp> {
  const unread = settled(api("GET /api/notifications/unread-count"));
  const requests = Promise.all(
    requestIds.map((id) => settled(api("GET /api/marketplace/purchase-requests/{id}", { path: { id } }))),
  );
  const chats = Promise.all(
    [...lastSeen].map(async ([id, time]) => [id, await history(api, id, time)] as const),
  );
  const count = await unread;
  return {
    ...(count && { unreadCount: count.unreadCount }),
    requests: (await requests).filter((request) => request !== undefined),
    messages: new Map((await chats).filter((chat) => chat[1].length > 0)),
  };
}

async function history(api: Api, id: string, lastSeen: string): Promise<ChatMessage[]> {
  const page = async (query: { before?: string; after?: string }) => {
    const input = { path: { id }, query: { limit: LIMIT, ...query } };
    return (await settled(api("GET /api/chat/{id}/messages", input)))?.data ?? [];
  };
  const all = new Map<string, ChatMessage>();
  const add = (messages: readonly ChatMessage[]) => messages.forEach((message) => all.set(message._id, message));
  add(await page({ before: lastSeen }));
  let after = lastSeen;
  for (let pages = 0; pages < PAGES_MAX; pages += 1) {
    const messages = await page({ after });
    add(messages);
    if (messages.length < LIMIT) break;
    after = messages.reduce((latest, { createdAt }) => (createdAt > latest ? createdAt : latest), after);
  }
  return [...all.values()].sort((a, b) => (a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : 0));
}

/** One part that cannot be had does not keep the others away. */
function settled<T>(promise: Promise<T>): Promise<T | undefined> {
  return promise.catch(() => undefined);
}
