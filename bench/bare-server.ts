// What this machine and its client can do at all: wrk's arguments follow those of the certificate, and what it prints is
// about a server of Node's own that does nothing but answer 1 kB.
// `node bare-server.ts CERTIFICATE KEY ARGUMENT...`
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { promisify } from "node:util";

const [certificate = "", key = "", ...wrkArguments] = process.argv.slice(2);
const body = Buffer.alloc(1_000, "x");
const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (_, response) => {
  response.writeHead(200, { "content-type": "application/json", "content-length": body.length }).end(body);
});
await new Promise<void>((resolve) => server.listen(6444, "127.0.0.1", resolve));
const { stdout } = await promisify(execFile)("wrk", wrkArguments);
console.log(stdout);
server.closeAllConnections();
server.close();
