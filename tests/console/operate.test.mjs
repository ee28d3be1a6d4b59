// What operators see: every view, by mouse and by keyboard, without a fault that axe knows.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible, demo, open, signIn, start, walk } from "./console.mjs";

const VIEWS = ["overview", "sockets", "rooms", "journal", "deals", "payments", "payouts", "disputes", "ledger", "webhooks"];

/** Goes to a view and waits for its heading. */
async function go(page, view) {
  await page.goto(`${page.url().split("#")[0]}#/${view}`);
  await page.getByRole("heading", { level: 1 }).waitFor();
}

test("only administrators come in", async (t) => {
  const world = await start(t);
  const page = await open(t, world);
  await accessible(page, "the door");
  const { email, password } = await world.souk.register("buyer");
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("This account is no administrator's.").waitFor();
  await page.getByLabel("Password").fill("something else entirely");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").getByText(/password/i).waitFor();
});

test("a deal is seen from all sides", async (t) => {
  const world = await start(t);
  const sides = await demo(t, world);
  await walk(sides);
  const page = await open(t, world);
  await signIn(page, await world.souk.admin());

  await go(page, "sockets");
  const rows = page.getByRole("region", { name: "Live sockets" }).getByRole("row");
  await rows.filter({ hasText: "Ada" }).filter({ hasText: "buyer" }).filter({ hasText: "websocket" }).waitFor();
  await page.getByLabel("Filter sockets").fill("Ben");
  await page.getByText("1 sockets").waitFor();

  await go(page, "rooms");
  await page.getByRole("region", { name: "Rooms" }).getByRole("row").filter({ hasText: "sellers" }).filter({ hasText: "Ben" }).waitFor();

  await go(page, "journal");
  await page.getByLabel("Filter the journal").fill("transaction-completed");
  await page.getByRole("button", { name: /transaction-completed/ }).first().click();
  await page.getByLabel("Payload", { exact: true }).getByText("180.00").waitFor();
  await page.getByLabel("Filter the journal").fill("payment-received");
  await page.getByRole("button", { name: /payment-received/ }).first().click();
  await page.getByRole("link", { name: "Open the deal" }).click();

  const timeline = page.getByRole("region", { name: "Timeline" });
  await timeline.getByText("purchase-request-update: status changed, completed").waitFor();
  for (const kind of ["state", "event", "ledger"]) assert.ok((await timeline.locator(`li.${kind}`).count()) > 0, kind);
  const times = await timeline.locator("time").evaluateAll((all) => all.map((time) => time.dateTime));
  assert.deepEqual(times, [...times].sort());

  await go(page, "payments");
  await page.getByRole("row").filter({ hasText: "180.00 USD" }).filter({ hasText: "released" }).waitFor();
  await go(page, "payouts");
  await page.getByRole("row").filter({ hasText: "completed" }).waitFor();
  await go(page, "ledger");
  await page.getByText("everything agrees").waitFor();
  await page.getByText("0.00 USD").first().waitFor();
  await go(page, "overview");
  await page.getByText("Live sockets").waitFor();
});

for (const [name, options] of [
  ["desktop, light", { colorScheme: "light" }],
  ["desktop, dark", { colorScheme: "dark" }],
  ["phone, dark", { colorScheme: "dark", viewport: { width: 390, height: 844 } }],
]) {
  test(`every view is accessible and fits: ${name}`, async (t) => {
    const world = await start(t);
    const buyer = await world.souk.register("buyer");
    const request = await buyer.publish();
    await world.souk.register("seller").then((seller) => seller.offer(request._id));
    const page = await open(t, world, "", options);
    await signIn(page, await world.souk.admin());
    for (const view of [...VIEWS, `deals/${request._id}`]) {
      await go(page, view);
      await page.waitForLoadState("networkidle");
      await accessible(page, `${view}, ${name}`);
      const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wider <= 0, `${view} is ${wider} px wider than the screen`);
    }
  });
}

test("the keyboard is enough", async (t) => {
  const world = await start(t);
  const page = await open(t, world);
  const { email, password } = await world.souk.admin();
  await page.getByLabel("Email").focus();
  await page.keyboard.type(email);
  await page.keyboard.press("Tab");
  await page.keyboard.type(password);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  // The skip link is the first stop, and leads past the navigation.
  await page.evaluate(() => document.activeElement?.blur());
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Skip to the content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "main");
  await page.getByRole("link", { name: "Journal" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Journal" }).waitFor();
});

test("a new webhook shows its secret once", async (t) => {
  const world = await start(t);
  const page = await open(t, world);
  await signIn(page, await world.souk.admin());
  await go(page, "webhooks");
  await page.getByLabel("Address").fill("https://shop.example/hook");
  await page.getByRole("button", { name: "Add" }).click();
  await page.getByText(/shown this once: whsec_/).waitFor();
  await page.getByRole("region", { name: "Endpoints" }).getByText("https://shop.example/hook", { exact: true }).waitFor();
});

test("the theme is kept", async (t) => {
  const world = await start(t);
  const page = await open(t, world, "", { colorScheme: "light" });
  await page.getByRole("button", { name: "Use the dark theme" }).click();
  await page.reload();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
});
