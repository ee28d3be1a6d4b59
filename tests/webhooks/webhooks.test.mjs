// Webhooks as they arrive at another program, checked by the library of Standard Webhooks.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { Webhook } from "standardwebhooks";
import { launch, until } from "../support/souk.mjs";

/** A program that keeps what is sent to it. */
async function receiver(t) {
  const came = [];
  const server = createServer(async (request, answer) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    came.push({ headers: request.headers, body: Buffer.concat(parts).toString() });
    answer.writeHead(204).end();
  });
  await new Promise((listens) => server.listen(0, "127.0.0.1", listens));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { came, url: `http://127.0.0.1:${server.address().port}/souk?from=here` };
}

test("what arrives is signed with the endpoint's secret and with no other", async (t) => {
  const souk = await launch(t, { WEBHOOKS_ALLOW_PRIVATE: "true" });
  const [admin, buyer] = [await souk.admin(), await souk.register("buyer")];
  const [one, other] = [await receiver(t), await receiver(t)];
  const events = ["new-purchase-request"];
  const hook = await admin.post("/api/webhooks", { url: one.url, events });
  const second = await admin.post("/api/webhooks", { url: other.url, events });
  const titles = ["A red lamp", "Zwei grüne Lampen ☕", 'A "quoted" \\ lamp'];
  for (const title of titles) await buyer.publish({ title });
  await until("all messages are there", () => one.came.length === 3 && other.came.length === 3);
  const seen = one.came.map(({ headers, body }) => {
    assert.match(headers["content-type"], /^application\/json/);
    return new Webhook(hook.secret).verify(body, headers);
  });
  assert.deepEqual(seen.map(({ type, data }) => [type, data.title]), titles.map((title) => [events[0], title]));
  assert.equal(new Set(one.came.map(({ headers }) => headers["webhook-id"])).size, 3);
  const [{ headers, body }] = one.came;
  assert.throws(() => new Webhook(second.secret).verify(body, headers), /signature/i);
  assert.throws(() => new Webhook(hook.secret).verify(`${body} `, headers), /signature/i);
  assert.throws(() => new Webhook(hook.secret).verify(body, { ...headers, "webhook-id": "another" }), /signature/i);
});
