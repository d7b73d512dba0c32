// Runs a module in a tab of headless Chromium and gives back what it reports.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { browserBundle } from "../scripts/build-browser.ts";

const waitMsMax = 120_000;

/**
 * `script` is the body of an async function with `roder`, the module of the bundle; what it returns comes back. Throws
 * what it throws, and says how to get Chromium where there is none.
 */
export async function inBrowser<T>(script: string): Promise<T> {
  const report = Promise.withResolvers<string>();
  const server = createServer((request, response) => {
    if (request.url === "/roder.js") {
      response.setHeader("content-type", "text/javascript").end(readFileSync(browserBundle));
    } else if (request.method === "POST") {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        response.end();
        report.resolve(Buffer.concat(chunks).toString());
      });
    } else response.setHeader("content-type", "text/html").end(page(script));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  // It is listening: it has an address and a port.
  const { port } = server.address() as AddressInfo;
  const profile = mkdtempSync(join(tmpdir(), "roder-browser-"));
  const flags = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-breakpad",
    `--user-data-dir=${profile}`,
  ];
  // With its helpers in a group of its own, and what it puts aside in its own directory, all of it can be removed.
  const browser = spawn("chromium", [...flags, `http://127.0.0.1:${port}/`], {
    stdio: "ignore",
    detached: true,
    env: { ...process.env, TMPDIR: profile },
  });
  const ended = once(browser, "close").catch(() => {
    // That it could not be started is told below.
  });
  browser.on("error", (error) => report.reject(new Error("no Chromium: apt-get install chromium", { cause: error })));
  browser.on("exit", (code) => report.reject(new Error(`Chromium ended with ${code}`)));
  const late = setTimeout(() => report.reject(new Error("the page reports nothing")), waitMsMax);
  try {
    // The page writes it below.
    const { value, error } = JSON.parse(await report.promise) as { value: T; error?: string };
    if (error !== undefined) throw new Error(`the page fails: ${error}`);
    return value;
  } finally {
    clearTimeout(late);
    try {
      if (browser.pid !== undefined) process.kill(-browser.pid, "SIGKILL");
    } catch {
      // All of them have ended by themselves.
    }
    await ended;
    server.closeAllConnections();
    server.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

function page(script: string): string {
  return `<!doctype html><title>Roder</title><script type="module">
    const tell = (what) => fetch("/", { method: "POST", body: JSON.stringify(what) });
    try {
      const roder = await import("/roder.js");
      await tell({ value: await (async () => { ${script} })() });
    } catch (error) {
      await tell({ error: error.stack });
    }
  </script>`;
}
