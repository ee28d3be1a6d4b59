// The console of a running Souk in a browser.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { launch as startBrowser } from "./browser.mjs";
import { launch as startSouk } from "../support/souk.mjs";

export { until, within } from "../support/souk.mjs";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Souk with play money, and a browser for its console. */
export async function start(t, settings = {}) {
  const souk = await startSouk(t, { PAYMENT_SANDBOX: "true", ...settings });
  const browser = await startBrowser(t);
  return { souk, browser };
}

/** A page of the console; what goes wrong in it fails the test. */
export async function open(t, { souk, browser }, path = "", options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const problems = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  const foreign = [];
  page.on("request", (request) => new URL(request.url()).host === new URL(souk.url).host || foreign.push(request.url()));
  t.after(() => {
    // A call or a connection that a test makes fail is an error in the browser's console too.
    const expected = /^(Failed to load resource|WebSocket connection to )/;
    assert.deepEqual(problems.filter((text) => !expected.test(text)), []);
    assert.deepEqual(foreign.filter((url) => !url.startsWith("data:")), [], "nothing comes from another host");
  });
  await page.goto(`${souk.url}/console/${path}`);
  return page;
}

/** Signs an administrator in. */
export async function signIn(page, { email, password }) {
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("navigation", { name: "Console" }).or(page.getByRole("button", { name: "Menu" })).first().waitFor();
}

/** Fails when axe finds anything on the page. */
export async function accessible(page, what) {
  // Into the page's own world: its policy forbids scripts of others.
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
    return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`);
  });
  assert.deepEqual(found, [], what);
}

/** One side of the demo. */
export class Side {
  constructor(page, role) {
    this.page = page;
    this.at = page.locator(`[data-role="${role}"]`);
  }

  /** Does what is this side's turn. */
  async act(label, fields = {}) {
    for (const [name, value] of Object.entries(fields)) await this.at.locator(`.step [name="${name}"]`).fill(value);
    await this.at.locator(".step").getByRole("button", { name: label }).click();
  }

  /** Waits for an event that this side heard; how long after the other side's step it came, in ms. */
  async hears(name) {
    const event = this.at.locator(`.feed [data-event="${name}"]`).first();
    await event.waitFor({ state: "attached" });
    return Number(await event.getAttribute("data-delay"));
  }

  /** The names of what this side heard, oldest first. */
  async heard() {
    const names = await this.at.locator(".feed [data-event]").evaluateAll((items) => items.map((item) => item.dataset.event));
    return names.reverse();
  }
}

/** Opens the demo and waits until both sides are there. */
export async function demo(t, world, options) {
  const page = await open(t, world, "#/demo", options);
  await page.locator('[data-role="seller"]').waitFor();
  return { page, buyer: new Side(page, "buyer"), seller: new Side(page, "seller") };
}

/** Walks the deal up to a step: its number of done steps. */
export async function walk({ buyer, seller }, upTo = 8) {
  const delays = {};
  const steps = [
    async () => {
      await buyer.act("Publish the request");
      delays["new-purchase-request"] = await seller.hears("new-purchase-request");
    },
    async () => {
      await seller.act("Make an offer", { amount: "180.00" });
      delays["new-offer"] = await buyer.hears("new-offer");
    },
    async () => {
      await buyer.act("Accept the offer");
      delays["seller-offer-update"] = await seller.hears("seller-offer-update");
    },
    async () => {
      await buyer.act("Pay into escrow");
      delays["payment-received"] = await seller.hears("payment-received");
    },
    async () => {
      await seller.act("Ship it");
      delays["delivery-update"] = await buyer.hears("delivery-update");
    },
    async () => {
      await seller.act("Show a delivery code");
      const code = await seller.at.locator("[data-code]").textContent();
      await buyer.act("Enter the code", { code });
      delays["buyer-confirmed-delivery"] = await seller.hears("buyer-confirmed-delivery");
    },
    async () => {
      await buyer.act("Confirm and release");
      delays["transaction-completed"] = await seller.hears("transaction-completed");
    },
    async () => {
      await seller.hears("payout-completed");
    },
  ];
  for (const step of steps.slice(0, upTo)) await step();
  return delays;
}
