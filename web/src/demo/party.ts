// One side of the demo: a real user with its own sign-in, its own socket and its own network.
import { computed, signal } from "@preact/signals";
import { Realtime, Session, SoukError, createApi } from "souk-client";
import type { ChatMessage, ConnectionState, Offer, Payment, Payout, PurchaseRequest } from "souk-client";

export type Role = "buyer" | "seller";

/** An event as this side saw it. */
export interface Seen {
  id: number;
  at: number;
  name: string;
  payload: Record<string, unknown>;
  /** Milliseconds since the other side's step that it follows from. */
  delay?: number;
  /** It was missed, and came when the network was back. */
  late: boolean;
}

/** What the sides share: when the last step was taken, and by whom. */
export interface Stage {
  step?: { at: number; by: Role };
}

const FEED_MAX = 60;
let nextId = 0;

export class Party {
  readonly session: Session;
  readonly realtime: Realtime;
  readonly state = signal<ConnectionState>({ status: "connecting", recovered: false, catchingUp: false });
  /** Whether this side's network works. */
  readonly network = signal(true);
  readonly feed = signal<Seen[]>([]);
  readonly request = signal<PurchaseRequest | undefined>(undefined);
  readonly offers = signal<Offer[]>([]);
  readonly payment = signal<Payment | undefined>(undefined);
  readonly payout = signal<Payout | undefined>(undefined);
  readonly code = signal<string | undefined>(undefined);
  readonly chatId = signal<string | undefined>(undefined);
  readonly messages = signal<ChatMessage[]>([]);
  readonly otherTypes = signal(false);
  readonly unread = signal(0);
  /** What the last reconnect brought, in words. */
  readonly note = signal<string | undefined>(undefined);
  readonly offer = computed(() => this.offers.value.find(({ status }) => status === "accepted") ?? this.offers.value[0]);
  #cutAt = 0;
  #late = 0;
  #refresh: ReturnType<typeof setTimeout> | undefined;
  #typing: ReturnType<typeof setTimeout> | undefined;

  private constructor(readonly role: Role, readonly name: string, readonly stage: Stage) {
    const url = "";
    const through: typeof fetch = (input, init) =>
      this.network.value ? fetch(input, init) : Promise.reject(new TypeError("the network is cut"));
    this.session = new Session({ url, credentials: "omit", fetch: through });
    this.realtime = new Realtime({
      url,
      tokens: this.session,
      api: createApi({ url, tokens: this.session, credentials: "omit", fetch: through }),
      socket: { autoConnect: false, forceNew: true, withCredentials: false },
    });
  }

  /** Registers a new user and connects. */
  static async join(role: Role, name: string, stage: Stage): Promise<Party> {
    const party = new Party(role, name, stage);
    party.#listen();
    // The token that sign-up brings opens the socket.
    const connected = new Promise<void>((done) => party.realtime.socket.once("connect", () => done()));
    const email = `${role}-${crypto.randomUUID().slice(0, 12)}@demo.example`;
    await party.session.register({ email, password: crypto.randomUUID(), name, role });
    if (role === "seller") {
      // So that the money has somewhere to go, by itself.
      const address = "0x52908400098527886e0f7030069857d2e4169ee7";
      await party.call("PATCH /api/auth/me", { body: { payoutWallet: { crypto: "ETH-USDT", address } } });
    }
    await connected;
    await party.realtime.join("join-user-room", party.id);
    await party.realtime.join(role === "buyer" ? "join-buyer-room" : "join-seller-room", party.id);
    await party.realtime.emit("user-online", party.id);
    return party;
  }

  get id(): string {
    return this.session.user?._id ?? "";
  }

  /** A call with this side's token, over this side's network. */
  call<T>(route: string, input: { path?: Record<string, string>; query?: Record<string, unknown>; body?: unknown } = {}): Promise<T> {
    const api = createApi({
      url: "",
      tokens: this.session,
      credentials: "omit",
      fetch: (input, init) => (this.network.value ? fetch(input, init) : Promise.reject(new TypeError("the network is cut"))),
    });
    return (api as unknown as (route: string, input: unknown) => Promise<T>)(route, input);
  }

  /** A step of the deal: the other side's delay is measured from here. */
  async step<T>(route: string, input: { path?: Record<string, string>; body?: unknown } = {}): Promise<T> {
    this.stage.step = { at: performance.now(), by: this.role };
    const answer = await this.call<T>(route, input);
    this.#soon();
    return answer;
  }

  /** Follows a deal: its room, its chat, its state. */
  async follow(requestId: string, sellerId: string): Promise<void> {
    await this.realtime.join("join-request-room", requestId).catch(() => undefined);
    const chat = await this.call<{ _id: string }>("POST /api/chat/purchase-request", {
      body: { purchaseRequestId: requestId, sellerId },
    }).catch(() => undefined);
    if (chat) {
      await this.realtime.join("join-chat-room", chat._id);
      this.chatId.value = chat._id;
    }
    await this.load(requestId);
  }

  /** Fetches the deal's state. */
  async load(id = this.request.value?._id): Promise<void> {
    if (!id || !this.network.value) return;
    const path = { id };
    const optional = <T>(promise: Promise<T>) => promise.catch(() => undefined);
    const [request, offers, payments, payouts] = await Promise.all([
      this.call<PurchaseRequest>("GET /api/marketplace/purchase-requests/{id}", { path }),
      optional(this.call<{ data: Offer[] }>("GET /api/marketplace/purchase-requests/{id}/offers", { path })),
      optional(this.call<{ data: Payment[] }>("GET /api/payment", { query: { limit: 20 } })),
      this.role === "seller" ? optional(this.call<{ data: Payout[] }>("GET /api/payment/payouts", { query: { limit: 20 } })) : undefined,
    ]);
    this.request.value = request;
    this.offers.value = offers?.data ?? [];
    this.payment.value = payments?.data.find(({ shares }) => shares.some(({ requestId }) => requestId === id));
    this.payout.value = payouts?.data.find(({ requestId }) => requestId === id);
  }

  async say(content: string): Promise<void> {
    const id = this.chatId.value;
    if (!id) return;
    const message = await this.step<ChatMessage>("POST /api/chat/{id}/messages", { path: { id }, body: { content, clientMessageId: crypto.randomUUID() } });
    this.#message(message);
  }

  types(): void {
    const chatId = this.chatId.value;
    if (!chatId || !this.network.value || this.state.value.status !== "connected") return;
    if (this.#typing === undefined) void this.realtime.emit("typing-start", { chatId, userName: this.name }).catch(() => undefined);
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => {
      this.#typing = undefined;
      if (this.network.value) void this.realtime.emit("typing-stop", { chatId }).catch(() => undefined);
    }, 1500);
  }

  /** Takes this side's network away, as a tunnel does: nobody says good-bye. */
  cut(): void {
    this.network.value = false;
    this.#cutAt = performance.now();
    this.#late = 0;
    this.note.value = undefined;
    this.realtime.socket.io.reconnection(false);
    this.realtime.socket.io.engine.close();
  }

  /** Gives it back. */
  mend(): void {
    this.network.value = true;
    this.realtime.socket.io.reconnection(true);
    this.realtime.socket.connect();
  }

  close(): void {
    clearTimeout(this.#refresh);
    clearTimeout(this.#typing);
    this.realtime.close();
    this.session.close();
  }

  #listen(): void {
    this.realtime.onState((state) => {
      const back = state.status === "connected" && this.state.value.status !== "connected";
      this.state.value = state;
      if (!back) return;
      // What was being fetched when the connection went may never have come.
      this.#soon();
      if (this.#cutAt === 0) return;
      const seconds = ((performance.now() - this.#cutAt) / 1000).toFixed(1);
      this.#cutAt = 0;
      this.note.value = state.recovered
        ? `Back after ${seconds} s: recovered. ${this.#late} missed ${this.#late === 1 ? "event" : "events"}, each once and in order.`
        : `Back after ${seconds} s as a new session: rooms joined again, state fetched again.`;
    });
    this.realtime.onCatchUp(({ messages }) => {
      for (const message of messages.get(this.chatId.value ?? "") ?? []) this.#message(message);
      this.#soon();
    });
    (this.realtime.socket as unknown as { onAny(listener: (name: string, payload: unknown) => void): void }).onAny((name, payload) =>
      this.#seen(name, (payload ?? {}) as Record<string, unknown>),
    );
  }

  #seen(name: string, payload: Record<string, unknown>): void {
    if (name === "session" || name === "user-status-change") return;
    if (name === "user-typing") {
      this.otherTypes.value = payload["isTyping"] === true;
      return;
    }
    if (name === "unread-count-update") this.unread.value = Number(payload["unreadCount"]);
    const { step } = this.stage;
    // socket.io-client hands on what was replayed before it says that it is connected.
    const late = this.state.value.status !== "connected";
    if (late) this.#late += 1;
    const follows = !late && step !== undefined && step.by !== this.role;
    const seen: Seen = {
      id: (nextId += 1),
      at: Date.now(),
      name,
      payload,
      late,
      ...(follows && { delay: performance.now() - step.at }),
    };
    this.feed.value = [seen, ...this.feed.value].slice(0, FEED_MAX);
    if (name === "new-message") {
      this.#message(payload["message"] as ChatMessage);
      this.otherTypes.value = false;
    }
    if (name === "delivery-code-generated" && typeof payload["deliveryCode"] === "string") this.code.value = payload["deliveryCode"];
    if (name === "new-purchase-request" && this.role === "seller" && !this.request.value) {
      this.request.value = payload as unknown as PurchaseRequest;
      void this.follow(String(payload["_id"]), this.id).catch(() => undefined);
    }
    this.#soon();
  }

  #message(message: ChatMessage): void {
    const others = this.messages.value.filter(({ _id }) => _id !== message._id);
    this.messages.value = [...others, message].sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
  }

  /** Events come in bursts; the state is fetched once after them. */
  #soon(): void {
    clearTimeout(this.#refresh);
    this.#refresh = setTimeout(() => void this.load().catch(() => undefined), 30);
  }
}

/** Whether a failure is that of the cut network. */
export const isCut = (error: unknown): boolean => error instanceof SoukError && error.code === "unreachable";
