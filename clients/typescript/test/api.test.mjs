// REST by the package.
import assert from "node:assert/strict";
import { test } from "node:test";
import { SoukError, createApi } from "souk-client";
import { WANTED, join, start, until } from "./client.mjs";

test("calls give the data of the answer, pages their pagination", async (t) => {
  const souk = await start(t);
  const buyer = await join(t, souk, "buyer");
  const made = await buyer.api("POST /api/marketplace/purchase-requests", { body: WANTED });
  assert.equal(made.title, WANTED.title);
  const found = await buyer.api("GET /api/marketplace/purchase-requests/{id}", { path: { id: made._id } });
  assert.deepEqual(found, made);
  const page = await buyer.api("GET /api/marketplace/purchase-requests", { query: { limit: 1, status: undefined } });
  assert.deepEqual(page.data, [made]);
  assert.deepEqual(page.pagination, { page: 1, limit: 1, total: 1, hasMore: false });
  assert.match(await buyer.api("GET /docs/events"), /^<!doctype html>/);
});

test("a repeated call with the same key is one request", async (t) => {
  const souk = await start(t);
  const buyer = await join(t, souk, "buyer");
  const idempotencyKey = crypto.randomUUID();
  const twice = await Promise.all([1, 2].map(() =>
    buyer.api("POST /api/marketplace/purchase-requests", { body: WANTED, idempotencyKey }).catch((error) => error.code),
  ));
  const made = twice.filter((answer) => typeof answer === "object");
  const page = await buyer.api("GET /api/marketplace/purchase-requests");
  assert.equal(page.pagination.total, 1);
  assert.ok(made.length >= 1);
  const again = await buyer.api("POST /api/marketplace/purchase-requests", { body: WANTED, idempotencyKey });
  assert.deepEqual(again, made[0]);
});

test("what the server refuses is a SoukError with its code", async (t) => {
  const souk = await start(t);
  const api = createApi({ url: `${souk.network.url}/` });
  const failed = (promise) => promise.then(() => assert.fail("it succeeded"), (error) => error);
  const anonymous = await failed(api("GET /api/auth/me"));
  assert.ok(anonymous instanceof SoukError);
  assert.deepEqual([anonymous.status, anonymous.code], [401, "unauthorized"]);
  assert.notEqual(anonymous.requestId, "");
  const buyer = await join(t, souk, "buyer");
  const invalid = await failed(buyer.api("POST /api/marketplace/purchase-requests", { body: { ...WANTED, quantity: 0 } }));
  assert.deepEqual([invalid.status, invalid.code, Object.keys(invalid.details)], [422, "validation_failed", ["quantity"]]);
  souk.network.cut();
  const lost = await failed(api("GET /health"));
  assert.deepEqual([lost.status, lost.code], [0, "unreachable"]);
  const stop = AbortSignal.abort();
  assert.equal((await failed(api("GET /health", { signal: stop }))).name, "AbortError");
});

test("an expired token is exchanged, once however many calls there are, and the calls repeated", async (t) => {
  const souk = await start(t, { ACCESS_TOKEN_TTL: "2s" });
  const buyer = await join(t, souk, "buyer");
  // No timer and no socket: the calls have to see to it.
  buyer.realtime.close();
  buyer.session.close();
  const expired = buyer.session.token();
  await until("the token has expired", () => {
    const { exp } = JSON.parse(Buffer.from(expired.split(".")[1], "base64url"));
    return Date.now() > exp * 1000 + 50;
  });
  buyer.fetched.length = 0;
  const answers = await Promise.all([1, 2, 3].map(() => buyer.api("GET /api/auth/me")));
  assert.deepEqual(answers.map(({ _id }) => _id), Array(3).fill(buyer.id));
  assert.equal(buyer.fetched.filter((path) => path.includes("refresh-token")).length, 1);
  assert.notEqual(buyer.session.token(), expired);
});

test("a session outlives the page in a store, and ends with a logout", async (t) => {
  const souk = await start(t);
  const kept = new Map();
  const store = {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => kept.set(key, value),
    removeItem: (key) => kept.delete(key),
  };
  const { Session } = await import("souk-client");
  const open = () => {
    const session = new Session({ url: souk.network.url, store });
    t.after(() => session.close());
    return session;
  };
  const first = open();
  await first.register({ email: "ada@shop.example", password: "correct horse battery", name: "Ada", role: "buyer" });
  const second = open();
  assert.equal(second.user.name, "Ada");
  const api = createApi({ url: souk.network.url, tokens: second });
  assert.equal((await api("GET /api/auth/me")).email, "ada@shop.example");
  await second.logout();
  assert.equal(open().user, undefined);
  const error = await createApi({ url: souk.network.url, tokens: first })("GET /api/auth/me").catch((error) => error);
  assert.equal(error.code, "token_revoked");
});
