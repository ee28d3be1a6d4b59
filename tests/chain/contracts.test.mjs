import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { compile } from "./compile.mjs";

test("contracts.json is what Token.sol compiles to", () => {
  const committed = readFileSync(new URL("contracts.json", import.meta.url), "utf8");
  assert.equal(committed, compile(), "run `npm run compile` in tests/chain");
});
