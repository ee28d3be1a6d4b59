import type { TokenSource } from "./api.js";
import { SoukError, createApi } from "./api.js";
import type { Account, Credentials, Registration, SignedIn } from "./generated/schemas.js";
import { Listeners } from "./listeners.js";
import { timesOf } from "./token.js";

/** Where a session outlives the page. `localStorage` is one. */
export interface TokenStore {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export interface SessionOptions {
  /** The server's address; without it that of the page. */
  url?: string;
  /** Keeps the sign-in; without one it is gone with the page. */
  store?: TokenStore;
  /** The store's key. */
  key?: string;
  /** Whether cookies go along; `include` by default. */
  credentials?: RequestCredentials;
  /** Another `fetch`. */
  fetch?: typeof fetch;
}

/** Seconds before its end at which a token is exchanged; for short-lived ones a third of their life. */
const MARGIN = 30;
/** The longest delay that timers take. */
const TIMER_MAX = 2 ** 31 - 1;

type Saved = Pick<SignedIn, "accessToken" | "refreshToken"> & { user: Account };

/**
 * A sign-in: keeps its tokens, exchanges them before they end, and tells who listens.
 *
 * However many callers need a fresh token, there is one exchange at a time: a refresh token works
 * once, and used twice it ends the sign-in.
 */
export class Session implements TokenSource {
  #saved: Saved | undefined;
  #refreshing: Promise<string | undefined> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #api;
  readonly #options: SessionOptions;
  readonly #tokens = new Listeners<string | undefined>();

  constructor(options: SessionOptions = {}) {
    this.#options = options;
    this.#api = createApi({
      ...(options.url !== undefined && { url: options.url }),
      ...(options.credentials && { credentials: options.credentials }),
      ...(options.fetch && { fetch: options.fetch }),
      tokens: { token: () => this.token() },
    });
    const saved = options.store?.getItem(this.#key);
    if (saved) {
      try {
        this.#use(JSON.parse(saved) as Saved);
      } catch {
        options.store?.removeItem(this.#key);
      }
    }
  }

  get #key(): string {
    return this.#options.key ?? "souk.session";
  }

  /** Who is signed in. */
  get user(): Account | undefined {
    return this.#saved?.user;
  }

  /** The access token. */
  token(): string | undefined {
    return this.#saved?.accessToken;
  }

  /** Calls `listener` whenever there is another token, or none any more. Returns how to stop it. */
  onToken(listener: (token: string | undefined) => void): () => void {
    return this.#tokens.add(listener);
  }

  async register(registration: Registration): Promise<Account> {
    return this.#use(await this.#api("POST /api/auth/register", { body: registration })).user;
  }

  async login(credentials: Credentials): Promise<Account> {
    return this.#use(await this.#api("POST /api/auth/login", { body: credentials })).user;
  }

  /** Goes on with tokens that came from elsewhere. */
  adopt(signedIn: SignedIn): Account {
    return this.#use(signedIn).user;
  }

  /** Ends the sign-in here and on the server. */
  async logout(): Promise<void> {
    const refreshToken = this.#saved?.refreshToken;
    try {
      if (refreshToken) await this.#api("POST /api/auth/logout", { body: { refreshToken } });
    } finally {
      this.#forget();
    }
  }

  /** Exchanges the tokens now. Resolves to undefined, and the sign-in is over, where the server refuses. */
  refresh(): Promise<string | undefined> {
    this.#refreshing ??= this.#exchange().finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  /** Stops the timer; the tokens stay. */
  close(): void {
    clearTimeout(this.#timer);
  }

  async #exchange(): Promise<string | undefined> {
    const refreshToken = this.#saved?.refreshToken;
    if (!refreshToken) return undefined;
    try {
      return this.#use(await this.#api("POST /api/auth/refresh-token", { body: { refreshToken } })).accessToken;
    } catch (error) {
      if (error instanceof SoukError && (error.status === 401 || error.status === 403)) {
        this.#forget();
        return undefined;
      }
      // The server cannot be reached: the sign-in stands, and there is another try.
      this.#schedule(5);
      throw error;
    }
  }

  #use(signedIn: Saved): Saved {
    const { accessToken, refreshToken, user } = signedIn;
    this.#saved = { accessToken, refreshToken, user };
    this.#options.store?.setItem(this.#key, JSON.stringify(this.#saved));
    const times = timesOf(accessToken);
    if (times) {
      const life = times.end - times.start;
      this.#schedule(times.end - Date.now() / 1000 - Math.min(MARGIN, life / 3));
    }
    this.#tokens.tell(accessToken);
    return this.#saved;
  }

  #schedule(seconds: number): void {
    clearTimeout(this.#timer);
    const delay = Math.min(Math.max(seconds, 0) * 1000, TIMER_MAX);
    this.#timer = setTimeout(() => void this.refresh().catch(() => undefined), delay);
    // A program on Node does not stay up for it.
    (this.#timer as { unref?: () => void }).unref?.();
  }

  #forget(): void {
    clearTimeout(this.#timer);
    this.#saved = undefined;
    this.#options.store?.removeItem(this.#key);
    this.#tokens.tell(undefined);
  }
}
