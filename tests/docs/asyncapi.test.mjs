// The AsyncAPI document under the standard's own parser.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { Parser } from "@asyncapi/parser";

async function document() {
  const { stdout } = await promisify(execFile)(process.env.SOUK_BIN, ["asyncapi"], { maxBuffer: 1 << 26 });
  return JSON.parse(stdout);
}

/** What the parser says is wrong: 0 is an error, 1 a warning. */
async function problems(document) {
  const { diagnostics } = await new Parser().parse(JSON.stringify(document));
  return diagnostics
    .filter((found) => found.severity <= 1)
    .map((found) => `${found.path.join(".")}: ${found.message} (${found.code})`);
}

test("the document is AsyncAPI 3, without an error or a warning", async () => {
  const asyncapi = await document();
  assert.equal(asyncapi.asyncapi, "3.0.0");
  // The newest version of the standard is no rule of it.
  const found = (await problems(asyncapi)).filter((text) => !text.includes("asyncapi-latest-version"));
  assert.deepEqual(found, []);
});

test("the parser sees what is wrong", async () => {
  const unknown = await document();
  unknown.operations["send-new-offer"].messages[0].$ref = "#/channels/socket/messages/nothing";
  assert.notDeepEqual(await problems(unknown), []);
  const unnamed = await document();
  delete unnamed.info.version;
  assert.notDeepEqual(await problems(unnamed), []);
});

test("every event of both directions is there with its audience", async () => {
  const { operations } = await document();
  const all = Object.values(operations);
  const named = (action) => all.filter((operation) => operation.action === action);
  assert.ok(named("send").length >= 30 && named("receive").length >= 16);
  for (const operation of named("send")) {
    assert.ok(Array.isArray(operation["x-audience"].strict), operation.title);
    assert.ok(Array.isArray(operation["x-audience"].open), operation.title);
  }
  const created = operations["send-payment-created"]["x-audience"];
  assert.ok(created.open.includes("*") && !created.strict.includes("*"));
});
