// Stock clients for programs in other languages. A line of JSON on the input is a command, a line
// on the output is something that happened; the program ends with its input.
//
//   {"open": id, "url": …, "options": {…}}           → {"id": …, "connected": whether it recovered}
//   {"emit": id, "event": …, "args": […]}            → {"id": …, "ack": …}, or {"id": …, "lost": event}
//                                                      where the connection is gone before
//   {"drop": id}                                       ends the connection; the client comes back
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
  else if ("drop" in command) sockets.get(command.drop).io.engine.close();
  else {
    const { emit: id, event, args } = command;
    const socket = sockets.get(id);
    const lost = () => say({ id, lost: event });
    if (socket.connected) socket.emitWithAck(event, ...args).then((ack) => say({ id, ack }), lost);
    else lost();
  }
}
process.exit(0);
