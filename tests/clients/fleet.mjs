// Stock clients for programs in other languages. A line of JSON on the input is a command, a line
// on the output is something that happened; the program ends with its input.
//
//   {"open": id, "url": …, "options": {…}}           → {"id": …, "connected": whether it recovered}
//   {"emit": id, "event": …, "args": […]}            → {"id": …, "ack": …}
//   {"close": id}                                    → {"id": …, "gone": reason}
//   whatever the server sends                        → {"id": …, "event": …, "args": […]}
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const sockets = new Map();
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

function open({ open: id, url, options }) {
  const socket = io(url, { forceNew: true, transports: ["websocket"], ...options });
  sockets.set(id, socket);
  socket.on("connect", () => say({ id, connected: Boolean(socket.recovered) }));
  socket.on("connect_error", (error) => say({ id, refused: error.message }));
  socket.on("disconnect", (reason) => say({ id, gone: reason }));
  socket.onAny((event, ...args) => say({ id, event, args }));
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  if ("open" in command) open(command);
  else if ("close" in command) sockets.get(command.close).disconnect();
  else {
    const { emit: id, event, args } = command;
    sockets.get(id).emitWithAck(event, ...args).then((ack) => say({ id, ack }));
  }
}
process.exit(0);
