// Makes dist/browser.js: the embedded cluster as one module for browsers. That it can be made shows that nothing in it
// needs a host.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const root = resolve(import.meta.dirname, "..");
export const browserBundle = resolve(root, "dist/browser.js");
/** What a page may be asked to load, compressed. */
const bytesMax = 1_500_000;

/** Builds the bundle; gives its size as a server sends it. Throws when it is too large. */
export async function buildBrowser(outfile = browserBundle): Promise<number> {
  await build({
    absWorkingDir: root,
    entryPoints: ["src/cluster/embedded/index.ts"],
    outfile,
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    conditions: ["browser"],
    target: "esnext",
    // Chromium then compiles while it loads, beside the page's own work, and not when a cluster is started.
    banner: { js: "//# allFunctionsCalledOnLoad" },
    logLevel: "error",
  });
  const bytes = gzipSync(readFileSync(outfile)).length;
  if (bytes > bytesMax) throw new Error(`${outfile} has ${bytes} bytes compressed, more than ${bytesMax}`);
  return bytes;
}

if (import.meta.main) console.log(`${browserBundle}: ${Math.round((await buildBrowser()) / 1000)} kB compressed`);
