// Takes the pictures of the documents: `cargo xtask pictures`. Not a test.
import { mkdir } from "node:fs/promises";
import { demo, open, signIn, start, walk } from "./console.mjs";

const FOLDER = process.argv[2] ?? new URL("../../docs/pictures/", import.meta.url).pathname;
const ends = [];
const t = { after: (end) => ends.push(end) };

try {
  await mkdir(FOLDER, { recursive: true });
  const world = await start(t);
  const take = (page, name) => page.screenshot({ path: `${FOLDER}/${name}.png` });
  const screen = (width, height, colorScheme = "light") => ({ viewport: { width, height }, colorScheme });

  const sides = await demo(t, world, screen(1280, 900));
  await walk(sides, 5);
  await sides.seller.at.getByLabel("Message to Ada").fill("It left this morning.");
  await sides.seller.at.getByRole("button", { name: "Send to Ada" }).click();
  await sides.buyer.at.getByText("It left this morning.").waitFor();
  await take(sides.page, "demo");

  const other = await demo(t, world, screen(390, 844, "dark"));
  await walk(other, 2);
  await take(other.page, "demo-phone");

  const admin = await world.souk.admin();
  const page = await open(t, world, "", screen(1280, 800));
  await take(page, "door");
  await signIn(page, admin);
  // A few samples for the charts.
  await page.waitForTimeout(9000);
  await take(page, "overview");
  for (const [view, name] of [["sockets", "sockets"], ["journal", "journal"], ["payments", "payments"], ["ledger", "ledger"]]) {
    await page.goto(`${world.souk.url}/console/#/${view}`);
    await page.waitForLoadState("networkidle");
    if (view === "journal") await page.locator(".journal-row").nth(2).click();
    await take(page, name);
  }
  const { data } = await (await world.souk.fetch("/api/marketplace/purchase-requests", { token: admin.token })).json();
  const deal = data.find(({ status }) => status === "delivery") ?? data[0];
  await page.emulateMedia({ colorScheme: "dark" });
  await page.goto(`${world.souk.url}/console/#/deals/${deal._id}`);
  await page.locator(".timeline li").first().waitFor();
  await take(page, "deal");
  const phone = await open(t, world, "", screen(390, 844));
  await signIn(phone, admin);
  await phone.waitForTimeout(2500);
  await take(phone, "overview-phone");
} finally {
  for (const end of ends.reverse()) await Promise.resolve(end()).catch((error) => console.error(String(error)));
}
