// Starts the example server on a free port. `SOCKETIO_EXAMPLE_BIN` names any of the built
// examples; the one wanted lies beside it. Without it cargo builds and runs the example.

import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { once } from "node:events";

export async function startServer(example) {
  const built = process.env.SOCKETIO_EXAMPLE_BIN;
  const [program, args] = built
    ? [join(dirname(built), example), ["0"]]
    : ["cargo", ["run", "-q", "-p", "souk-socketio", "--example", example, "--", "0"]];
  const server = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: server.stdout });
  const [url] = await Promise.race([
    once(lines, "line"),
    once(server, "exit").then(() => {
      throw new Error(`${example} ended before it listened`);
    }),
  ]);
  return {
    url,
    async stop() {
      server.kill();
      if (server.exitCode === null && server.signalCode === null) await once(server, "exit");
    },
  };
}
