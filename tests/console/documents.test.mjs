// The pages of the documents in a browser: complete, and from this server alone.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible, open, start } from "./console.mjs";

test("/docs shows every route of the OpenAPI document", async (t) => {
  const world = await start(t);
  const page = await open(t, world);
  await page.goto(`${world.souk.url}/docs`);
  await page.locator(".opblock").first().waitFor();
  const { paths } = await (await world.souk.fetch("/openapi.json")).json();
  const operations = Object.values(paths).flatMap((item) => Object.keys(item).filter((key) => ["get", "post", "put", "patch", "delete"].includes(key)));
  assert.equal(await page.locator(".opblock").count(), operations.length);
});

test("/docs/events reads well in light and dark", async (t) => {
  const world = await start(t);
  for (const colorScheme of ["light", "dark"]) {
    const page = await open(t, world, "", { colorScheme });
    await page.goto(`${world.souk.url}/docs/events`);
    await page.getByRole("heading", { name: "Socket Events" }).waitFor();
    await accessible(page, colorScheme);
  }
});
