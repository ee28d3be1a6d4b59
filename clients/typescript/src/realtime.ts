import { io } from "socket.io-client";
import type { ManagerOptions, Socket, SocketOptions } from "socket.io-client";
import type { Api, TokenSource } from "./api.js";
import { catchUp } from "./catch-up.js";
import type { CatchUp } from "./catch-up.js";
import { JOINS } from "./generated/events.js";
import type { ClientEvents, ServerEvents } from "./generated/events.js";
import type { Ack } from "./generated/schemas.js";
import { Listeners } from "./listeners.js";
import { hasEnded } from "./token.js";

/** The events that join rooms. */
export type JoinEvent = keyof typeof JOINS;

/** How long a client that comes back without its session counts as catching up, in milliseconds. */
export const CATCHING_UP = 5000;

/** The state of the connection. */
export interface ConnectionState {
  readonly status: "connecting" | "connected" | "disconnected";
  /** The last connect brought everything that was missed. */
  readonly recovered: boolean;
  /** What is shown may be old: the first 5 s after a reconnect that did not recover. */
  readonly catchingUp: boolean;
  /** Why there is no connection, where the server said so. */
  readonly reason?: string;
}

export interface RealtimeOptions {
  /** The server's address; without it that of the page. */
  url?: string;
  /** Without one the `accessToken` cookie is sent. A `Session` is one. */
  tokens?: TokenSource & { onToken?: (listener: (token: string | undefined) => void) => () => void };
  /** Makes the re-fetches after a reconnect that did not recover; without it there are none. */
  api?: Api;
  /** What socket.io-client takes besides. */
  socket?: Partial<ManagerOptions & SocketOptions>;
}

type Wire = Socket<
  { [E in keyof ServerEvents]: (payload: ServerEvents[E], offset?: string) => void },
  { [E in keyof ClientEvents]: (argument: ClientEvents[E], ack?: (answer: Ack) => void) => void }
>;

/**
 * The live connection: typed events, and the reconnection policy.
 *
 * - It remembers the rooms that were joined. After a reconnect that recovered nothing needs to be
 *   done; after any other it joins them again, re-fetches (`onCatchUp`), and is `catchingUp` for 5 s.
 * - A fresh token goes to the live socket by `authenticate`; a connect that failed for its token, or a
 *   socket that the server closed, tries again with a fresh one.
 */
export class Realtime {
  /** The stock socket below, for whatever this class does not cover. */
  readonly socket: Wire;
  readonly #tokens: RealtimeOptions["tokens"];
  readonly #api: Api | undefined;
  readonly #joined = new Map<string, { event: JoinEvent; id: string }>();
  readonly #lastSeen = new Map<string, string>();
  readonly #states = new Listeners<ConnectionState>();
  readonly #catchUps = new Listeners<CatchUp>();
  readonly #stopTokens: (() => void) | undefined;
  #state: ConnectionState = { status: "connecting", recovered: false, catchingUp: false };
  #connectedBefore = false;
  #caughtUp: ReturnType<typeof setTimeout> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #tries = 0;
  #reopening = false;
  #closed = false;

  constructor(options: RealtimeOptions = {}) {
    this.#tokens = options.tokens;
    this.#api = options.api;
    this.socket = io(options.url ?? "", {
      transports: ["websocket"],
      withCredentials: true,
      reconnectionDelay: 1000,
      reconnectionDelayMax: 5000,
      randomizationFactor: 0.5,
      ...options.socket,
      auth: (give: (auth: object) => void) => {
        const token = this.#tokens?.token();
        give(token ? { token } : {});
      },
    });
    this.socket.on("connect", () => this.#onConnect());
    this.socket.on("disconnect", (reason) => this.#onDisconnect(reason));
    this.socket.on("connect_error", (error: Error & { data?: { code?: string } }) => {
      // `active`: the network's fault, and socket.io-client tries again by itself.
      if (this.socket.active) return;
      this.#set({ status: "disconnected", catchingUp: false, reason: error.data?.code ?? error.message });
      void this.#reopen();
    });
    this.socket.on("new-message", ({ chatId, message }) => {
      if (this.#lastSeen.has(chatId)) this.#lastSeen.set(chatId, message.createdAt);
    });
    this.#stopTokens = this.#tokens?.onToken?.((token) => this.#onToken(token));
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Calls `listener` at each change of the state. Returns how to stop it. */
  onState(listener: (state: ConnectionState) => void): () => void {
    return this.#states.add(listener);
  }

  /** Calls `listener` with what was re-fetched. Returns how to stop it. */
  onCatchUp(listener: (what: CatchUp) => void): () => void {
    return this.#catchUps.add(listener);
  }

  /** Calls `listener` with the payload of each such event. Returns how to stop it. */
  on<E extends keyof ServerEvents>(event: E, listener: (payload: ServerEvents[E]) => void): () => void {
    // The journal's offset, a further argument, is socket.io-client's own business.
    const handler = (payload: ServerEvents[E]) => listener(payload);
    const socket = this.socket as unknown as Socket;
    socket.on(event, handler as never);
    return () => void socket.off(event, handler as never);
  }

  /** Resolves to the payload of the next such event (that `matches`). */
  once<E extends keyof ServerEvents>(
    event: E,
    matches: (payload: ServerEvents[E]) => boolean = () => true,
  ): Promise<ServerEvents[E]> {
    return new Promise((resolve) => {
      const stop = this.on(event, (payload) => {
        if (!matches(payload)) return;
        stop();
        resolve(payload);
      });
    });
  }

  /** Sends an event and resolves to the server's answer. */
  emit<E extends keyof ClientEvents>(event: E, argument: ClientEvents[E]): Promise<Ack> {
    return (this.socket as unknown as Socket).emitWithAck(event, argument) as Promise<Ack>;
  }

  /**
   * Joins a room, and again after each reconnect that does not recover, until `leave`.
   * `lastSeen` is the time of the last message of a chat that is known, to fetch what comes after.
   */
  async join(event: JoinEvent, id: string, lastSeen = new Date().toISOString()): Promise<Ack> {
    const key = `${event} ${id}`;
    this.#joined.set(key, { event, id });
    if (event === "join-chat-room") this.#lastSeen.set(id, lastSeen);
    // While there is no connection it is joined with the others, once there is one.
    if (!this.socket.connected) return { ok: true };
    const answer = await this.emit(event, id);
    if (!answer.ok) this.#forget(event, id);
    return answer;
  }

  /** Leaves a room that was joined. */
  async leave(event: JoinEvent, id: string): Promise<Ack> {
    this.#forget(event, id);
    const leave = JOINS[event];
    if (leave === null || !this.socket.connected) return { ok: true };
    return this.emit(leave, id);
  }

  /** Ends the connection for good. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#caughtUp);
    clearTimeout(this.#retry);
    this.#stopTokens?.();
    this.socket.disconnect();
  }

  #forget(event: JoinEvent, id: string): void {
    this.#joined.delete(`${event} ${id}`);
    if (event === "join-chat-room") this.#lastSeen.delete(id);
  }

  #set(change: Partial<ConnectionState>): void {
    const { reason: _, ...state } = this.#state;
    this.#state = { ...state, ...change };
    this.#states.tell(this.#state);
  }

  #onConnect(): void {
    clearTimeout(this.#retry);
    this.#tries = 0;
    // Undefined from a server that recovers nothing.
    const recovered = this.socket.recovered === true;
    const back = this.#connectedBefore && !recovered;
    this.#connectedBefore = true;
    clearTimeout(this.#caughtUp);
    this.#set({ status: "connected", recovered, catchingUp: back });
    if (recovered) return;
    const rejoined = [...this.#joined.values()].map(({ event, id }) =>
      this.emit(event, id).then((answer) => {
        if (!answer.ok) this.#forget(event, id);
      }),
    );
    if (!back) return;
    this.#caughtUp = setTimeout(() => this.#set({ catchingUp: false }), CATCHING_UP);
    // First the rooms, then the state: what happens in between is told by an event.
    void Promise.all(rejoined).then(() => this.#fetchAgain()).catch(() => undefined);
  }

  async #fetchAgain(): Promise<void> {
    if (!this.#api) return;
    const requests = [...this.#joined.values()].filter(({ event }) => event === "join-request-room");
    this.#catchUps.tell(await catchUp(this.#api, requests.map(({ id }) => id), this.#lastSeen));
  }

  #onDisconnect(reason: string): void {
    clearTimeout(this.#caughtUp);
    this.#set({ status: this.socket.active ? "connecting" : "disconnected", catchingUp: false, reason });
    // Other reasons of the server, such as too many sockets, are not cured by another try.
    const token = this.#tokens?.token();
    if (reason === "io server disconnect" && token && hasEnded(token)) void this.#reopen();
  }

  #onToken(token: string | undefined): void {
    if (token === undefined) return;
    if (this.socket.connected) void this.emit("authenticate", token).catch(() => undefined);
    else if (!this.socket.active && !this.#closed && !this.#reopening) this.socket.connect();
  }

  /** The server let the socket not in, or closed it, for its token: tries again with a fresh one. */
  async #reopen(): Promise<void> {
    if (this.#closed || !this.#tokens?.refresh) return;
    this.#reopening = true;
    try {
      // Without one the sign-in is over; the next one connects.
      if (!(await this.#tokens.refresh())) return;
    } catch {
      // The server cannot be reached; the next try tells.
    } finally {
      this.#reopening = false;
    }
    if (this.#closed || this.socket.connected || this.socket.active) return;
    const delay = Math.min(1000 * 2 ** this.#tries, 5000) * (0.5 + Math.random());
    this.#tries += 1;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.socket.connect(), delay);
  }
}
