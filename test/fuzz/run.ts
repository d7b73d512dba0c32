// npm run fuzz -- [--seed 1] [--requests 200000]: prints what is wrong, and how much memory the server took.
import { type Logger, silentLogger } from "../../src/lib/index.ts";
import { readOptions, wholeNumber } from "../command-line.ts";
import { serveControlPlane } from "../served-control-plane.ts";
import { fuzz } from "./fuzz.ts";

const values = readOptions({
  seed: { type: "string", default: "1" },
  requests: { type: "string", default: "200000" },
});
const seed = wholeNumber("seed", values.seed);
const requests = wholeNumber("requests", values.requests);
const megabytes = () => Math.round(process.memoryUsage().rss / 2 ** 20);
/** Where the server says what it did not expect. */
const log: Logger = { ...silentLogger, error: (message, fields) => console.log(message, fields), child: () => log };
const plane = await serveControlPlane({ log });
const startMs = performance.now();
let mostMegabytes = 0;
const { findings, codes } = await fuzz(plane, {
  seed,
  requests,
  progress(sent) {
    mostMegabytes = Math.max(mostMegabytes, megabytes());
    if (sent % 10_000 === 0) console.log(`${sent} requests, ${megabytes()} MB`);
  },
});
for (const { what, request } of findings) console.log(`\n${what}\n  ${request}`);
const shares = [...codes].sort(([a], [b]) => a - b).map(([code, count]) => `${code}: ${count}`);
const seconds = Math.round((performance.now() - startMs) / 1000);
console.log(
  `\nseed ${seed}: ${requests} requests in ${seconds} s, ${findings.length} findings, at most ${mostMegabytes} MB for server and client; ${shares.join(", ")}`,
);
await plane.close();
process.exitCode = findings.length === 0 ? 0 : 1;
