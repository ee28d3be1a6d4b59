// What the README tells a new user to type does what the README says.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { promisify } from "node:util";
import { start } from "./souk.mjs";

const README = new URL("../../README.md", import.meta.url);

test("the first request and the first event of the README", async (t) => {
  const readme = await readFile(README, "utf8");
  const code = readme.match(/```js\n([\s\S]*?)```/)?.[1] ?? "";
  assert.ok(code.trim().split("\n").length < 10, "under ten lines");
  const souk = await start(t);
  assert.ok(code.includes("http://localhost:5000"), "the address of `cargo xtask serve`");
  // Beside this file, so that it finds socket.io-client as a user's file would.
  const file = new URL(`./first-${process.pid}.tmp.mjs`, import.meta.url);
  t.after(() => rm(file, { force: true }));
  // The user ends it with Ctrl-C; here it ends after the event.
  const end = 'socket.on("new-purchase-request", () => setImmediate(() => process.exit()));\n';
  await writeFile(file, code.replaceAll("http://localhost:5000", souk.url).replace("await socket", `${end}await socket`));
  const { stdout } = await promisify(execFile)(process.execPath, [file.pathname], { timeout: 15_000 });
  assert.equal(stdout, "a buyer wants: A red lamp\n");
});
