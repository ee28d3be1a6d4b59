// Files in an S3-compatible store. s3rver checks the id of the key and no signature of version 4; so
// aws4 checks those in front of it.
import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import aws4 from "aws4";
import S3rver from "s3rver";
import { launch } from "../support/souk.mjs";

const REGION = "eu-west-3";
const KEY = { accessKeyId: "S3RVER", secretAccessKey: "a secret/of+the=bucket" };

/** Whether the request is presigned with the key, still in its time, for this host and region. */
function isSigned({ method, url, headers: { host } }) {
  const { pathname, searchParams } = new URL(url, `http://${host}`);
  const signature = searchParams.get("X-Amz-Signature");
  const made = searchParams.get("X-Amz-Date");
  const [, year, month, day, hour, minute, second] = made?.match(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/) ?? [];
  const age = (Date.now() - Date.UTC(year, month - 1, day, hour, minute, second)) / 1000;
  if (!signature || !(age > -60 && age < Number(searchParams.get("X-Amz-Expires")))) return false;
  for (const name of ["Signature", "Algorithm", "Credential", "SignedHeaders"]) searchParams.delete(`X-Amz-${name}`);
  const asked = { service: "s3", region: REGION, method, host, path: `${pathname}?${searchParams}`, signQuery: true };
  const { path } = aws4.sign(asked, KEY);
  return new URL(path, `http://${host}`).searchParams.get("X-Amz-Signature") === signature;
}

/** A store with an empty bucket, which ends with the test. */
async function store(t) {
  const directory = await mkdtemp(join(tmpdir(), "souk-s3-"));
  const server = new S3rver({ address: "127.0.0.1", port: 0, silent: true, directory, configureBuckets: [{ name: "files" }] });
  const { port } = await server.run();
  const refused = [];
  const gate = createServer((asked, answer) => {
    if (!isSigned(asked)) {
      refused.push(asked.method);
      asked.resume();
      return answer.writeHead(403).end("<Error><Code>SignatureDoesNotMatch</Code></Error>");
    }
    const { method, url: path, headers } = asked;
    const through = request({ host: "127.0.0.1", port, method, path, headers }, (came) => {
      answer.writeHead(came.statusCode, came.headers);
      came.pipe(answer);
    });
    through.on("error", () => answer.destroy());
    asked.pipe(through);
  });
  await new Promise((listens) => gate.listen(0, "127.0.0.1", listens));
  t.after(async () => {
    gate.close();
    gate.closeAllConnections();
    await server.close();
    await rm(directory, { recursive: true, force: true });
  });
  const kept = async () => {
    const names = await readdir(join(directory, "files"), { recursive: true });
    return names.filter((name) => name.endsWith("_object")).map((name) => name.split("._S3rver")[0]);
  };
  return { endpoint: `http://127.0.0.1:${gate.address().port}`, kept, refused };
}

function settings(store, changes = {}) {
  return {
    FILES_S3_ENDPOINT: store.endpoint,
    FILES_S3_BUCKET: "files",
    FILES_S3_REGION: REGION,
    FILES_S3_ACCESS_KEY: KEY.accessKeyId,
    FILES_S3_SECRET_KEY: KEY.secretAccessKey,
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
  assert.deepEqual(bucket.refused, []);
  // Nothing stays on the machine itself.
  assert.deepEqual(await readdir(join(souk.folder, "files", "incoming")), []);
  assert.deepEqual(await readdir(join(souk.folder, "files")), ["incoming"]);
});

for (const [what, changes] of [
  ["a wrong secret", { FILES_S3_SECRET_KEY: `${KEY.secretAccessKey}!` }],
  ["another region", { FILES_S3_REGION: "us-east-1" }],
  ["an unknown key", { FILES_S3_ACCESS_KEY: "UNKNOWN" }],
]) {
  test(`a store that refuses ${what} is no 500, and what it did not keep is not there`, async (t) => {
    const bucket = await store(t);
    const souk = await launch(t, settings(bucket, changes));
    const buyer = await souk.register("buyer");
    const { status, error } = await upload(souk, buyer, "notes.txt", "words");
    assert.deepEqual([status, error.code], [503, "unavailable"]);
    assert.deepEqual(await bucket.kept(), []);
    assert.ok(bucket.refused.includes("PUT"));
    assert.ok(souk.log.every((line) => !line.includes("Signature=")), "no signature is logged");
  });
}
