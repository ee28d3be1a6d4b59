// A network that can be cut: a TCP proxy before the server.
import { connect, createServer } from "node:net";

/** Starts a proxy to the server's address; it ends with the test `t`. */
export async function network(t, url) {
  const { port, hostname } = new URL(url);
  const open = new Set();
  let up = true;
  const server = createServer((client) => {
    if (!up) return client.destroy();
    const upstream = connect(port, hostname);
    for (const [from, to] of [[client, upstream], [upstream, client]]) {
      open.add(from);
      from.on("error", () => {});
      from.on("close", () => (open.delete(from), to.destroy()));
      from.pipe(to);
    }
  });
  await new Promise((listens) => server.listen(0, "127.0.0.1", listens));
  const cut = () => {
    up = false;
    for (const socket of open) socket.destroy();
  };
  t.after(() => {
    cut();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, cut, mend: () => (up = true) };
}
