// Souk with stock clients.
import { io } from "socket.io-client";
import { Souk, launch, until, within } from "../support/souk.mjs";

export { FRONTEND, until, within } from "../support/souk.mjs";

/** Starts Souk on a database of its own, and ends both with the test `t`. */
export function start(t, settings) {
  return launch(t, settings, SoukWithSockets);
}

class SoukWithSockets extends Souk {
  /** A socket that may or may not be let in. */
  socket(t, options = {}) {
    const socket = io(this.url, { forceNew: true, reconnection: false, transports: ["websocket"], ...options });
    socket.seen = [];
    socket.onAny((name, ...args) => socket.seen.push({ name, payload: args[0], args }));
    t.after(() => socket.disconnect());
    return socket;
  }

  /** A socket that is let in. */
  async connect(t, options) {
    const socket = this.socket(t, options);
    await within("connected", new Promise((connected, fails) => {
      socket.once("connect", connected);
      socket.once("connect_error", fails);
    }));
    return socket;
  }

  /** The error of a socket that is not let in. */
  async refused(t, options) {
    const socket = this.socket(t, options);
    return within("refused", new Promise((refused, fails) => {
      socket.once("connect_error", refused);
      socket.once("connect", () => fails(new Error("it was let in")));
    }));
  }
}

/** The payload of the first event of this name, which may have come already. */
export async function received(socket, name, matches = () => true) {
  const find = () => socket.seen.find((event) => event.name === name && matches(event.payload));
  await until(`${name} (there were ${socket.seen.map((event) => event.name)})`, () => find());
  return find().payload;
}

/** The names of what a socket has seen but its greeting, after everything that was sent to it before has come. */
export async function names(socket) {
  // An answer cannot overtake what was sent before it.
  await ask(socket, "leave-chat-room", "none");
  return socket.seen.map((event) => event.name).filter((name) => name !== "session");
}

/** The answer to a client's event. */
export function ask(socket, event, ...args) {
  return within(`the answer to ${event}`, socket.emitWithAck(event, ...args));
}

/** Why the socket is gone, once it is. */
export function gone(socket) {
  return within("disconnected", new Promise((done) => socket.once("disconnect", done)));
}
