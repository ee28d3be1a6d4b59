// The browser of these tests. `cargo xtask test browser` names it in SOUK_CHROMIUM.
import { chromium } from "playwright-core";

// No sandbox: the tests run as root in containers, and open pages of their own only. The rest
// keeps the browser from talking to anyone but these pages.
const args = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts a browser and closes it when the test `t` ends. */
export async function launch(t) {
  const executablePath = process.env.SOUK_CHROMIUM ?? "/usr/bin/chromium";
  const browser = await chromium.launch({ executablePath, args });
  t.after(() => browser.close());
  return browser;
}
