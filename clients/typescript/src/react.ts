import { createContext, createElement, useContext, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import type { ReactElement, ReactNode } from "react";
import type { Api } from "./api.js";
import type { CatchUp } from "./catch-up.js";
import type { ServerEvents } from "./generated/events.js";
import type { ChatMessage, PurchaseRequest } from "./generated/schemas.js";
import type { ConnectionState, JoinEvent, Realtime } from "./realtime.js";

/** What the hooks work with. */
export interface Souk {
  api: Api;
  realtime: Realtime;
}

const Context = createContext<Souk | undefined>(undefined);

/** Gives the hooks below it their `api` and `realtime`. */
export function SoukProvider(props: Souk & { children?: ReactNode }): ReactElement {
  const { api, realtime, children } = props;
  const souk = useMemo(() => ({ api, realtime }), [api, realtime]);
  return createElement(Context.Provider, { value: souk }, children);
}

export function useSouk(): Souk {
  const souk = useContext(Context);
  if (!souk) throw new Error("There is no SoukProvider above");
  return souk;
}

/** The state of the connection. */
export function useConnection(): ConnectionState {
  const { realtime } = useSouk();
  return useSyncExternalStore(
    (changed) => realtime.onState(changed),
    () => realtime.state,
    () => realtime.state,
  );
}

/** Calls `listener` with each such event, as long as the component is there. */
export function useEvent<E extends keyof ServerEvents>(event: E, listener: (payload: ServerEvents[E]) => void): void {
  const { realtime } = useSouk();
  const latest = useLatest(listener);
  useEffect(() => realtime.on(event, (payload) => latest.current(payload)), [realtime, event, latest]);
}

/** Calls `listener` with what was re-fetched after a reconnect that did not recover. */
export function useCatchUp(listener: (what: CatchUp) => void): void {
  const { realtime } = useSouk();
  const latest = useLatest(listener);
  useEffect(() => realtime.onCatchUp((what) => latest.current(what)), [realtime, latest]);
}

/** Is in the room as long as the component is there; without an id in none. */
export function useRoom(event: JoinEvent, id: string | undefined): void {
  const { realtime } = useSouk();
  useEffect(() => {
    if (id === undefined) return;
    void realtime.join(event, id).catch(() => undefined);
    return () => void realtime.leave(event, id).catch(() => undefined);
  }, [realtime, event, id]);
}

/** The caller's unread notifications; undefined until it is known. */
export function useUnreadCount(): number | undefined {
  const { api } = useSouk();
  const [count, setCount] = useState<number>();
  useEffect(() => {
    let told = true;
    api("GET /api/notifications/unread-count").then(
      ({ unreadCount }) => told && setCount((known) => known ?? unreadCount),
      () => undefined,
    );
    return () => void (told = false);
  }, [api]);
  useEvent("unread-count-update", ({ unreadCount }) => setCount(unreadCount));
  useCatchUp(({ unreadCount }) => unreadCount !== undefined && setCount(unreadCount));
  return count;
}

/** A purchase request that is kept up to date; undefined until it is there. */
export function useRequest(id: string): PurchaseRequest | undefined {
  const { api } = useSouk();
  const [request, setRequest] = useState<PurchaseRequest>();
  const [changes, setChanges] = useState(0);
  useRoom("join-request-room", id);
  useEffect(() => {
    const stop = new AbortController();
    api("GET /api/marketplace/purchase-requests/{id}", { path: { id }, signal: stop.signal }).then(
      setRequest,
      () => undefined,
    );
    return () => stop.abort();
  }, [api, id, changes]);
  useEvent("purchase-request-update", ({ requestId }) => requestId === id && setChanges((count) => count + 1));
  useCatchUp(({ requests }) => {
    const fresh = requests.find(({ _id }) => _id === id);
    if (fresh) setRequest(fresh);
  });
  return request?._id === id ? request : undefined;
}

/** The messages of a chat, oldest first, kept up to date. */
export function useMessages(chatId: string): readonly ChatMessage[] {
  const { api, realtime } = useSouk();
  const [messages, setMessages] = useState<ReadonlyMap<string, ChatMessage>>(new Map());
  const add = (fresh: readonly ChatMessage[]) =>
    setMessages((known) => new Map([...known, ...fresh.map((message) => [message._id, message] as const)]));
  const change = (id: string, change: Partial<ChatMessage>) =>
    setMessages((known) => {
      const message = known.get(id);
      return message ? new Map([...known, [id, { ...message, ...change }]]) : known;
    });
  useRoom("join-chat-room", chatId);
  useEffect(() => {
    const stop = new AbortController();
    setMessages(new Map());
    api("GET /api/chat/{id}/messages", { path: { id: chatId }, signal: stop.signal }).then(
      ({ data }) => add(data),
      () => undefined,
    );
    return () => stop.abort();
  }, [api, realtime, chatId]);
  useEvent("new-message", (event) => event.chatId === chatId && add([event.message]));
  useEvent("message-edited", ({ messageId, content, editedAt }) => change(messageId, { content, editedAt }));
  useEvent("message-deleted", ({ messageId, deletedAt }) => change(messageId, { content: "", deletedAt }));
  useCatchUp((what) => add(what.messages.get(chatId) ?? []));
  return useMemo(
    () => [...messages.values()].sort((a, b) => (a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : 0)),
    [messages],
  );
}

/** A reference to the newest value, so that a changed listener is no new subscription. */
function useLatest<T>(value: T): { current: T } {
  const latest = useRef(value);
  latest.current = value;
  return latest;
}
