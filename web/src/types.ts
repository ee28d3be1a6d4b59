// What the console's own routes answer.
import { api } from "./state";

export interface Info {
  version: string;
  sandbox: boolean;
  access: "strict" | "open";
}

export interface Sample {
  at: string;
  sockets: number;
  deliveriesPerSecond: number;
  latencyMs: number;
}

export interface Stats {
  version: string;
  startedAt: string;
  sockets: number;
  websocket: number;
  polling: number;
  opened: number;
  packetsSent: number;
  packetsReceived: number;
  bytesSent: number;
  journalHead: number;
  journalHandedOn: number;
  latencyMs: { p50: number; p95: number; max: number };
  closed: Record<string, number>;
  samples: Sample[];
}

export interface LiveNode {
  id: string;
  answered: boolean;
  sockets: number;
}

export interface LiveSockets {
  nodes: LiveNode[];
  sockets: LiveSocket[];
}

export interface LiveSocket {
  id: string;
  node: string;
  userId?: string;
  name?: string;
  role?: string;
  transport: string;
  queuedBytes: number;
  ageSeconds: number;
  rooms: string[];
}

export interface JournalEntry {
  position: number;
  eventId: string;
  name: string;
  rooms: string[];
  payload: unknown;
  createdAt: string;
}

export interface TimelineEntry {
  at: string;
  kind: "event" | "ledger";
  name: string;
  detail: unknown;
}

/** A call that is not in the types of this build's client: another version may serve it. */
export function get<T>(route: string, input: { path?: Record<string, string>; query?: Record<string, unknown> } = {}): Promise<T> {
  return (api as unknown as (route: string, input: unknown) => Promise<T>)(`GET ${route}`, input);
}

export function send<T>(route: string, input: { path?: Record<string, string>; body?: unknown; idempotencyKey?: string } = {}): Promise<T> {
  return (api as unknown as (route: string, input: unknown) => Promise<T>)(route, input);
}
