// A running Souk and its users, for tests in JavaScript. `cargo xtask test` names the program in
// SOUK_BIN.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** The origin of the only front end. */
export const FRONTEND = "http://localhost:3000";

/** How long anything may take before a test gives up; never how long a test waits. */
const PATIENCE = 15_000;

/** Starts Souk, or a class made of it, on a database of its own; both end with the test `t`. */
export async function launch(t, settings = {}, kind = Souk) {
  const folder = await mkdtemp(join(tmpdir(), "souk-"));
  const souk = new kind(folder, settings);
  t.after(async () => {
    await souk.end("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  });
  await souk.begin();
  return souk;
}

export class Souk {
  #settings;
  #child;
  #port = "0";

  constructor(folder, settings) {
    this.folder = folder;
    this.#settings = settings;
    /** What it logged, line by line. */
    this.log = [];
  }

  #environment() {
    return {
      PATH: process.env.PATH,
      HOST: "127.0.0.1",
      DATABASE_URL: `sqlite:${join(this.folder, "souk.db")}`,
      FRONTEND_URL: FRONTEND,
      AUTH_ATTEMPTS_PER_MINUTE: "0",
      ...this.#settings,
      PORT: this.#port,
    };
  }

  /** Starts the program; after an `end`, on the same port and database. */
  async begin() {
    assert.ok(process.env.SOUK_BIN, "SOUK_BIN names the program under test");
    const child = spawn(process.env.SOUK_BIN, ["serve"], {
      cwd: this.folder,
      env: this.#environment(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    // Once its log is read to the end.
    this.exited = new Promise((done) => child.once("close", (code, signal) => done({ code, signal })));
    createInterface(child.stderr).on("line", (line) => this.log.push(line));
    this.url = await within("Souk listens", new Promise((listens, fails) => {
      createInterface(child.stdout).on("line", (line) => {
        const address = line.match(/listens on (\S+)/)?.[1];
        if (address) listens(address);
      });
      this.exited.then(() => fails(new Error(this.log.join("\n"))));
    }));
    this.#port = new URL(this.url).port;
  }

  /** Ends the program with a signal. */
  async end(signal = "SIGTERM") {
    this.#child?.kill(signal);
    return this.#child && (await within("Souk ends", this.exited));
  }

  /** Runs another command of the program on the same database. */
  async run(...words) {
    const child = spawn(process.env.SOUK_BIN, words, {
      cwd: this.folder,
      env: this.#environment(),
      stdio: "ignore",
    });
    const code = await new Promise((done) => child.once("exit", done));
    assert.equal(code, 0, `souk ${words.join(" ")}`);
  }

  /** One request; the answer as it came. */
  fetch(path, { method = "GET", token, cookie, origin, body } = {}) {
    return fetch(`${this.url}${path}`, {
      method,
      headers: {
        ...(body !== undefined && { "content-type": "application/json" }),
        ...(token && { authorization: `Bearer ${token}` }),
        ...(cookie && { cookie }),
        ...(origin && { origin }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  }

  /** A request that succeeds; its `data`. */
  async call(path, options) {
    const answer = await this.fetch(path, options);
    const text = await answer.text();
    assert.ok(answer.ok, `${options?.method ?? "GET"} ${path}: ${answer.status} ${text}`);
    return JSON.parse(text).data;
  }

  /** A new user. */
  async register(role) {
    const email = `${role}-${crypto.randomUUID()}@example.com`;
    const password = "correct horse battery staple";
    const answer = await this.fetch("/api/auth/register", {
      method: "POST",
      body: { email, password, name: `The ${role}`, role },
    });
    const text = await answer.text();
    assert.equal(answer.status, 201, text);
    const { user, accessToken, refreshToken } = JSON.parse(text).data;
    const cookies = answer.headers.getSetCookie().map((cookie) => cookie.split(";")[0]);
    const cookie = cookies.find((text) => text.startsWith("accessToken="));
    return new Actor(this, { id: user._id, email, password, token: accessToken, refreshToken, cookie });
  }

  /** A new administrator. */
  async admin() {
    const email = `admin-${crypto.randomUUID()}@example.com`;
    const password = "correct horse battery staple";
    await this.run("admin", "create", "--email", email, "--password", password);
    const { user, accessToken } = await this.call("/api/auth/login", {
      method: "POST",
      body: { email, password },
    });
    return new Actor(this, { id: user._id, email, password, token: accessToken });
  }
}

class Actor {
  constructor(souk, fields) {
    this.souk = souk;
    Object.assign(this, fields);
  }

  call(path, options = {}) {
    return this.souk.call(path, { token: this.token, ...options });
  }

  post(path, body = {}) {
    return this.call(path, { method: "POST", body });
  }

  /** A socket of this user that is let in, where the tests have stock clients. */
  connect(t, options = {}) {
    return this.souk.connect(t, { auth: { token: this.token }, ...options });
  }

  /** A published purchase request. */
  publish(fields = {}) {
    return this.post("/api/marketplace/purchase-requests", {
      title: "A red lamp",
      description: "For a desk",
      productType: "physical",
      quantity: 1,
      budget: { min: "20.00", max: "35.00", currency: "USD" },
      urgency: "medium",
      ...fields,
    });
  }

  /** An offer on a request. */
  offer(requestId, fields = {}) {
    return this.post(`/api/marketplace/purchase-requests/${requestId}/offers`, {
      price: { amount: "30.00", currency: "USD" },
      deliveryTime: { amount: 3, unit: "days" },
      message: "I have one",
      ...fields,
    });
  }
}

/** Fails when the promise takes too long. */
export async function within(what, promise, ms = PATIENCE) {
  let timer;
  const late = new Promise((_, fails) => {
    timer = setTimeout(() => fails(new Error(`not within ${ms} ms: ${what}`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Waits until the condition holds. */
export async function until(what, condition) {
  let waits = true;
  const holds = (async () => {
    while (waits && !(await condition())) await new Promise((next) => setTimeout(next, 5));
  })();
  await within(what, holds).finally(() => (waits = false));
}
