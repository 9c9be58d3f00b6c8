// The built page behind the same headers as byokey sends, and Debian's Chromium in front of it.

import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { chromium, type Browser } from "playwright-core";

/** As in `manage/src/page.rs`. */
export const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** Serves `dist-fake` under `/ui/`; returns the server and its URL. */
export async function serve(): Promise<{ server: Server; url: string }> {
  const root = join(import.meta.dirname, "..", "dist-fake");
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url ?? "/", "http://localhost").pathname).replace(/^\/ui\//, "");
    try {
      const body = await readFile(join(root, path === "" ? "fake.html" : path));
      response.writeHead(200, { "content-type": TYPES[extname(path)] ?? TYPES[".html"], "content-security-policy": CSP });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/ui/` };
}

/** A headless Chromium: the one that `BYOKEY_CHROMIUM` names, else the system's. */
export function browse(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.BYOKEY_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox"],
  });
}
