// Files in an S3-compatible store. s3rver checks the id of the key; it does not check signatures of
// version 4.
import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import S3rver from "s3rver";
import { launch } from "../support/souk.mjs";

/** A store with an empty bucket, which ends with the test. */
async function store(t) {
  const directory = await mkdtemp(join(tmpdir(), "souk-s3-"));
  const server = new S3rver({ address: "127.0.0.1", port: 0, silent: true, directory, configureBuckets: [{ name: "files" }] });
  const { port } = await server.run();
  t.after(async () => {
    await server.close();
    await rm(directory, { recursive: true, force: true });
  });
  const kept = async () => {
    const names = await readdir(join(directory, "files"), { recursive: true });
    return names.filter((name) => name.endsWith("_object")).map((name) => name.split("._S3rver")[0]);
  };
  return { endpoint: `http://127.0.0.1:${port}`, kept };
}

function settings(store, changes = {}) {
  return {
    FILES_S3_ENDPOINT: store.endpoint,
    FILES_S3_BUCKET: "files",
    FILES_S3_ACCESS_KEY: "S3RVER",
    FILES_S3_SECRET_KEY: "S3RVER",
    ...changes,
  };
}

async function upload(souk, actor, name, bytes) {
  const form = new FormData();
  form.set("file", new File([bytes], name));
  const headers = { authorization: `Bearer ${actor.token}` };
  const answer = await fetch(`${souk.url}/api/files`, { method: "POST", headers, body: form });
  return { status: answer.status, ...(await answer.json()) };
}

async function download(souk, actor, url) {
  return fetch(`${souk.url}${url}`, { headers: { authorization: `Bearer ${actor.token}` } });
}

test("files are kept in the bucket under random names, and read from there", async (t) => {
  const bucket = await store(t);
  const souk = await launch(t, settings(bucket));
  const [buyer, seller] = await Promise.all([souk.register("buyer"), souk.register("seller")]);
  const text = "Wörter, ".repeat(20_000);
  const { status, data } = await upload(souk, buyer, "notes.txt", text);
  assert.equal(status, 201);
  const kept = await bucket.kept();
  assert.equal(kept.length, 1);
  assert.match(kept[0], /^[0-9a-f]{32}$/);
  const answer = await download(souk, buyer, data.url);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("content-type"), "text/plain; charset=utf-8");
  assert.equal(await answer.text(), text);
  assert.equal((await download(souk, seller, data.url)).status, 404);
  const chat = await buyer.post("/api/chat", { type: "direct", participantIds: [seller.id] });
  await buyer.post(`/api/chat/${chat._id}/messages`, { content: "", attachmentIds: [data._id] });
  assert.equal(await (await download(souk, seller, data.url)).text(), text);
  // Nothing stays on the machine itself.
  assert.deepEqual(await readdir(join(souk.folder, "files", "incoming")), []);
  assert.deepEqual(await readdir(join(souk.folder, "files")), ["incoming"]);
});

test("a store that refuses is no 500, and what it did not keep is not there", async (t) => {
  const bucket = await store(t);
  const souk = await launch(t, settings(bucket, { FILES_S3_ACCESS_KEY: "UNKNOWN" }));
  const buyer = await souk.register("buyer");
  const { status, error } = await upload(souk, buyer, "notes.txt", "words");
  assert.deepEqual([status, error.code], [503, "unavailable"]);
  assert.deepEqual(await bucket.kept(), []);
  assert.ok(souk.log.every((line) => !line.includes("Signature=")), "no signature is logged");
});
