// The demo: a whole deal, each side seeing the other's steps at once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible, demo, start, walk } from "./console.mjs";

/** How long a step may take to show on the other side, in ms. A bound, not a figure. */
const AT_ONCE = 5000;

test("a buyer and a seller walk a deal from the request to the payout, chat included", async (t) => {
  const world = await start(t);
  const sides = await demo(t, world);
  const { page, buyer, seller } = sides;
  const delays = await walk(sides);
  t.diagnostic(`ms until the other side saw it: ${JSON.stringify(delays)}`);
  for (const [event, delay] of Object.entries(delays)) assert.ok(delay > 0 && delay < AT_ONCE, `${event}: ${delay} ms`);
  await page.getByText("The deal is done, and the money has arrived.").first().waitFor();

  // What the seller heard, in the order of the deal.
  const heard = await seller.heard();
  const order = ["new-purchase-request", "seller-offer-update", "payment-received", "buyer-confirmed-delivery", "transaction-completed", "payout-completed"];
  const places = order.map((name) => heard.indexOf(name));
  assert.ok(places.every((place, index) => place >= 0 && (index === 0 || place > places[index - 1])), heard.join(" "));

  await seller.at.getByLabel("Message to Ada").pressSequentially("Thank you!");
  await buyer.at.getByText("Ben is writing…").waitFor();
  await seller.at.getByRole("button", { name: "Send to Ada" }).click();
  await buyer.at.locator(".bubbles").getByText("Thank you!").waitFor();
  await accessible(page, "the demo after a deal");
});

test("a side that was cut off gets what it missed, in order, and goes on", async (t) => {
  const world = await start(t);
  const sides = await demo(t, world);
  const { page, buyer, seller } = sides;
  await walk(sides, 1);
  // The buyer shows the deal once it is in its rooms, the chat among them.
  await buyer.at.locator(".deal-card").waitFor();
  await buyer.at.getByRole("button", { name: "Cut network" }).click();
  await buyer.at.getByText("offline").waitFor();
  await seller.act("Make an offer", { amount: "175.00" });
  await seller.at.getByLabel("Message to Ada").fill("Are you there?");
  await seller.at.getByRole("button", { name: "Send to Ada" }).click();
  await seller.at.locator(".bubbles").getByText("Are you there?").waitFor();
  assert.ok(!(await buyer.heard()).includes("new-offer"), "nothing comes through a cut network");
  await accessible(page, "the demo with one side cut off");
  await buyer.at.getByRole("button", { name: "Reconnect" }).click();
  await buyer.at.getByText("live").waitFor();
  const note = await buyer.at.locator(".note").textContent();
  t.diagnostic(note);
  await buyer.at.locator(".bubbles").getByText("Are you there?").waitFor();
  await buyer.at.getByText("175.00 USD").first().waitFor();
  if (note.includes("recovered")) {
    const heard = await buyer.heard();
    assert.ok(heard.indexOf("new-offer") >= 0 && heard.indexOf("new-offer") < heard.lastIndexOf("new-message"), heard.join(" "));
  }
  await buyer.act("Accept the offer");
  await seller.hears("seller-offer-update");
});

test("a killed server comes back, and the deal goes on where it was", async (t) => {
  const world = await start(t);
  const sides = await demo(t, world);
  const { buyer, seller } = sides;
  await walk(sides, 2);
  await world.souk.end("SIGKILL");
  for (const side of [buyer, seller]) await side.at.getByText("offline").waitFor();
  await world.souk.begin();
  for (const side of [buyer, seller]) await side.at.getByText(/^(live|catching up)$/).waitFor();
  await buyer.act("Accept the offer");
  // By an event, or by what a side that could not recover fetches anew.
  await seller.at.locator(".deal-card").getByText("accepted").waitFor();
});

test("the deal plays by itself", async (t) => {
  const world = await start(t);
  const { page, seller } = await demo(t, world);
  await page.getByRole("button", { name: "Play it for me" }).click();
  await seller.hears("payout-completed");
});

for (const colorScheme of ["light", "dark"]) {
  test(`the demo is accessible on a phone, ${colorScheme}`, async (t) => {
    const world = await start(t);
    const options = { colorScheme, viewport: { width: 390, height: 844 } };
    const sides = await demo(t, world, options);
    await walk(sides, 3);
    await accessible(sides.page, colorScheme);
    const wider = await sides.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wider <= 0, `${wider} px wider than the phone`);
  });
}
