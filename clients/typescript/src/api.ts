import type { ErrorDetail } from "./generated/schemas.js";
import type { Routes } from "./generated/routes.js";

/** `METHOD /path` of a route. */
export type Route = keyof Routes;

/** What a call of the route is given besides its name. */
export type Input<R extends Route> = Omit<Routes[R], "result" | "idempotent"> &
  (Routes[R] extends { idempotent: true } ? { idempotencyKey?: string } : unknown) & {
    signal?: AbortSignal;
  };

/** What a call of the route gives: `data` of the answer, or the page of a list. */
export type Result<R extends Route> = Routes[R]["result"];

/** The routes that need nothing but their name. */
type Arguments<R extends Route> = {} extends Input<R> ? [input?: Input<R>] : [input: Input<R>];

/** Why a call failed: what the server said, or that it could not be reached (`status` 0). */
export class SoukError extends Error {
  override readonly name = "SoukError";

  constructor(
    /** The HTTP status; 0 where there was no answer. */
    readonly status: number,
    /** The stable code, e.g. `offer_exists`; `unreachable` where there was no answer. */
    readonly code: string,
    message: string,
    /** Fields and what is wrong with them. */
    readonly details: Readonly<Record<string, string>> = {},
    /** The request's id in the server's log. */
    readonly requestId: string = "",
    /** Seconds after which a retry makes sense. */
    readonly retryAfter: number | undefined = undefined,
  ) {
    super(message);
  }
}

/** Where tokens come from. A `Session` is one. */
export interface TokenSource {
  /** The access token, if there is one. */
  token(): string | undefined;
  /** Gets a fresh one; resolves to undefined where that is not possible. */
  refresh?(): Promise<string | undefined>;
}

export interface ApiOptions {
  /** The server's address, e.g. `https://api.example.com`; without it that of the page. */
  url?: string;
  /** Without one the `accessToken` cookie is sent. */
  tokens?: TokenSource;
  /** Whether cookies go along; `include` by default. */
  credentials?: RequestCredentials;
  /** Another `fetch`. */
  fetch?: typeof fetch;
}

/** Calls routes: `api("GET /api/auth/me")`. */
export type Api = <R extends Route>(route: R, ...args: Arguments<R>) => Promise<Result<R>>;

interface AnyInput {
  path?: Record<string, string>;
  query?: Record<string, unknown>;
  body?: unknown;
  idempotencyKey?: string;
  signal?: AbortSignal;
}

/** A typed client of the REST API. A call whose token has expired is repeated with a fresh one. */
export function createApi(options: ApiOptions = {}): Api {
  const { tokens } = options;
  const base = (options.url ?? "").replace(/\/$/, "");

  const send = (route: string, input: AnyInput, token: string | undefined): Promise<Response> => {
    const [method = "GET", template = ""] = route.split(" ");
    const path = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(input.path?.[name] ?? ""));
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(input.query ?? {})) {
      if (value !== undefined && value !== null) query.set(name, String(value));
    }
    const headers = new Headers({ accept: "application/json" });
    if (token) headers.set("authorization", `Bearer ${token}`);
    if (input.idempotencyKey) headers.set("idempotency-key", input.idempotencyKey);
    const request: RequestInit = { method, headers, credentials: options.credentials ?? "include" };
    if (input.body instanceof FormData) {
      request.body = input.body;
    } else if (input.body !== undefined) {
      headers.set("content-type", "application/json");
      request.body = JSON.stringify(input.body);
    }
    if (input.signal) request.signal = input.signal;
    const search = query.size > 0 ? `?${query}` : "";
    return (options.fetch ?? fetch)(`${base}${path}${search}`, request);
  };

  const call = async (route: string, input: AnyInput = {}): Promise<unknown> => {
    try {
      const token = tokens?.token();
      let response = await send(route, input, token);
      if (response.status === 401 && token && tokens?.refresh) {
        const code = await errorOf(response.clone()).then((error) => error.code);
        const fresh = code === "token_expired" ? await tokens.refresh() : undefined;
        if (fresh) response = await send(route, input, fresh);
      }
      if (!response.ok) throw await errorOf(response);
      return await resultOf(response);
    } catch (error) {
      if (error instanceof SoukError || input.signal?.aborted) throw error;
      throw new SoukError(0, "unreachable", `The server cannot be reached: ${String(error)}`);
    }
  };
  return call as Api;
}

async function resultOf(response: Response): Promise<unknown> {
  const kind = response.headers.get("content-type") ?? "";
  if (response.status === 204) return undefined;
  if (kind.startsWith("text/")) return response.text();
  if (!kind.startsWith("application/json")) return response.blob();
  const body: unknown = await response.json();
  if (typeof body !== "object" || body === null || !("success" in body)) return body;
  const { success: _, ...rest } = body;
  return Object.keys(rest).length === 1 && "data" in rest ? rest.data : rest;
}

async function errorOf(response: Response): Promise<SoukError> {
  const retry = Number(response.headers.get("retry-after") ?? NaN);
  const after = Number.isNaN(retry) ? undefined : retry;
  try {
    const { error } = (await response.json()) as { error: ErrorDetail };
    const details = error.details ?? {};
    return new SoukError(response.status, error.code, error.message, details, error.requestId, after);
  } catch {
    return new SoukError(response.status, "unknown", response.statusText, {}, "", after);
  }
}
