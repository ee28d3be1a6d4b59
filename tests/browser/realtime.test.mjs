// A page of the front end: REST and sockets with the cookie alone, as a browser sends it.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { launch } from "./browser.mjs";
import { launch as start } from "../support/souk.mjs";

const CLIENT = new URL("./node_modules/socket.io-client/dist/socket.io.min.js", import.meta.url);

/** Serves one page with the stock client; returns its origin. */
async function serve(t) {
  const client = await readFile(CLIENT);
  const server = createServer((request, response) => {
    const script = request.url === "/socket.io.js";
    response.setHeader("content-type", script ? "text/javascript" : "text/html");
    response.end(script ? client : '<!doctype html><script src="/socket.io.js"></script>');
  });
  await new Promise((listens) => server.listen(0, "127.0.0.1", listens));
  t.after(() => server.closeAllConnections() || server.close());
  return `http://localhost:${server.address().port}`;
}

/** What a page does: signs in with fetch, connects with the cookie, joins, waits for an event. */
async function visit({ url, email, password, id, transports }) {
  const login = await fetch(`${url}/api/auth/login`, {
    method: "POST",
    credentials: "include",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email, password }),
  });
  const socket = globalThis.io(url, { transports, withCredentials: true, reconnection: false });
  globalThis.seen = new Promise((seen) => socket.once("new-purchase-request", seen));
  await new Promise((connected, fails) => {
    socket.once("connect", connected);
    socket.once("connect_error", fails);
  });
  const joined = await socket.emitWithAck("join-seller-room", id);
  return { login: login.status, joined, transport: socket.io.engine.transport.name };
}

/** What a page of another origin gets: nothing. */
async function intrude({ url, transport }) {
  const socket = globalThis.io(url, { transports: [transport], withCredentials: true, reconnection: false });
  return new Promise((ends) => {
    socket.once("connect", () => ends("it was let in"));
    socket.once("connect_error", (error) => ends(error.type));
  });
}

test("a page of the front end gets events with the cookie; another page gets nothing", async (t) => {
  const [frontend, foreign] = [await serve(t), await serve(t)];
  const souk = await start(t, { FRONTEND_URL: frontend });
  // Cookies are for a host, not for a port; the pages and Souk share one.
  const url = souk.url.replace("127.0.0.1", "localhost");
  const [buyer, seller] = await Promise.all(["buyer", "seller"].map((role) => souk.register(role)));
  const browser = await launch(t);
  const { email, password, id } = seller;

  const context = await browser.newContext();
  for (const [transports, last] of [
    [["websocket"], "websocket"],
    [["polling"], "polling"],
  ]) {
    const page = await context.newPage();
    await page.goto(frontend);
    const visited = await page.evaluate(visit, { url, email, password, id, transports });
    assert.deepEqual(visited, {
      login: 200,
      joined: { ok: true, room: `seller-${id}` },
      transport: last,
    });
    const title = `Wanted by ${last}`;
    await buyer.publish({ title });
    const event = await page.evaluate(() => globalThis.seen);
    assert.equal(event.title, title);
  }

  // The same browser, with the same cookie.
  const page = await context.newPage();
  await page.goto(foreign);
  for (const transport of ["websocket", "polling"]) {
    assert.equal(await page.evaluate(intrude, { url, transport }), "TransportError", transport);
  }
});
