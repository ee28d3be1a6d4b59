import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { defineConfig } from "vite";
import type { Plugin } from "vite";

/** What the whole console may weigh, compressed, in bytes. */
const MOST = 150 * 1024;

/** Puts a compressed copy beside each file, which the server sends as it is, and weighs them all. */
function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    closeBundle() {
      const folder = new URL("build", import.meta.url).pathname;
      let total = 0;
      for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || entry.name.endsWith(".gz")) continue;
        const path = join(entry.parentPath, entry.name);
        const zipped = gzipSync(readFileSync(path), { level: 9 });
        writeFileSync(`${path}.gz`, zipped);
        total += zipped.length;
      }
      if (total > MOST) throw new Error(`the console has ${total} bytes compressed, more than ${MOST}`);
      console.log(`the console has ${total} bytes compressed`);
    },
  };
}

export default defineConfig({
  base: "/console/",
  build: { outDir: "build", emptyOutDir: true, target: "es2022", reportCompressedSize: false },
  resolve: {
    alias: { "souk-client": new URL("../clients/typescript/src/index.ts", import.meta.url).pathname },
    dedupe: ["socket.io-client"],
  },
  server: { proxy: { "/api": "http://localhost:5000", "/socket.io": { target: "ws://localhost:5000", ws: true } } },
  plugins: [compressed()],
});
