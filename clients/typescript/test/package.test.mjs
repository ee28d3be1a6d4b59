// The package as its users get it: types, `npm pack`, a fresh project, a bundle.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { build } from "esbuild";
import { launch } from "../../../tests/support/souk.mjs";

const ROOT = new URL("..", import.meta.url).pathname;
const TSC = join(ROOT, "node_modules/typescript/bin/tsc");
const run = promisify(execFile);

test("the types accept and refuse what they have to", async () => {
  await run(process.execPath, [TSC, "-p", "tsconfig.json"], { cwd: ROOT }).catch((error) => assert.fail(error.stdout));
});

test("a fresh project installs the packed package, compiles strictly and hears an event", async (t) => {
  const souk = await launch(t);
  const folder = await mkdtemp(join(tmpdir(), "souk-project-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", folder], { cwd: ROOT });
  const [packed] = JSON.parse(stdout.slice(stdout.indexOf("[")));
  const paths = packed.files.map(({ path }) => path);
  assert.ok(paths.includes("dist/index.js") && paths.includes("dist/react.d.ts") && paths.includes("README.md"));
  assert.ok(paths.every((path) => /^(dist\/|package.json$|README.md$)/.test(path)), paths.join(" "));

  const { devDependencies } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
  await writeFile(join(folder, "package.json"), JSON.stringify({
    name: "fresh", private: true, type: "module",
    dependencies: { "souk-client": `file:${packed.filename}`, "socket.io-client": devDependencies["socket.io-client"] },
  }));
  await run("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline"], { cwd: folder });
  await writeFile(join(folder, "main.ts"), `
import { Realtime, Session, createApi } from "souk-client";
import type { PurchaseRequest } from "souk-client";
const url: string = ${JSON.stringify(souk.url)};
const user = async (role: "buyer" | "seller") => {
  const tokens = new Session({ url });
  const { _id } = await tokens.register({ email: role + "@shop.example", password: "correct horse battery", name: role, role });
  return { id: _id, api: createApi({ url, tokens }), tokens };
};
const [buyer, seller] = await Promise.all([user("buyer"), user("seller")]);
const realtime = new Realtime({ url, tokens: seller.tokens, api: seller.api });
await new Promise<void>((connected) => { realtime.onState(({ status }) => status === "connected" && connected()); });
await realtime.join("join-seller-room", seller.id);
const heard: Promise<PurchaseRequest> = realtime.once("new-purchase-request");
await buyer.api("POST /api/marketplace/purchase-requests", { body: {
  title: "A red lamp", description: "For a desk", productType: "physical", quantity: 1,
  budget: { min: "20", max: "35", currency: "USD" }, urgency: "medium",
} });
console.log((await heard).title);
realtime.close();
`);
  const strict = ["--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom", "--types", "", "main.ts"];
  await writeFile(join(folder, "globals.d.ts"), "");
  await run(process.execPath, [TSC, ...strict], { cwd: folder }).catch((error) => assert.fail(error.stdout));
  const told = await run(process.execPath, ["main.js"], { cwd: folder, timeout: 15_000 });
  assert.equal(told.stdout, "A red lamp\n");
});

test("what a program does not use is not in its bundle", async () => {
  const bundle = async (code) => {
    const { outputFiles } = await build({
      stdin: { contents: code, resolveDir: ROOT },
      bundle: true, format: "esm", minify: true, write: false,
    });
    return outputFiles[0].text;
  };
  const rest = await bundle('import { createApi } from "souk-client"; console.log(createApi());');
  assert.ok(rest.length < 4_000, `${rest.length} bytes`);
  assert.ok(!rest.includes("reconnection"), "no sockets");
  const live = await bundle('import { Realtime } from "souk-client"; console.log(new Realtime());');
  assert.ok(live.includes("reconnection") && !live.includes("createElement"), "sockets, and no React");
});
