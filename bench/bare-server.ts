// What this machine and its client can do at all: wrk's arguments follow those of the certificate, and what it prints is
// about a server of Node's own. A GET it only answers with 1 kB; what is posted it parses, writes as JSON, has LMDB bring
// to disk and gives back.
// `node bare-server.ts CERTIFICATE KEY DIRECTORY ARGUMENT...`
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { createServer } from "node:https";
import { buffer } from "node:stream/consumers";
import { promisify } from "node:util";
import { open } from "lmdb";

const [certificate = "", key = "", directory = "", ...wrkArguments] = process.argv.slice(2);
const body = Buffer.alloc(1_000, "x");
const store = open<Uint8Array, number>({ path: directory, encoding: "binary", overlappingSync: false });
let kept = 0;

async function keep(request: IncomingMessage): Promise<Buffer> {
  const object: unknown = JSON.parse((await buffer(request)).toString());
  const bytes = Buffer.from(JSON.stringify(object));
  await store.put(kept++, bytes);
  return bytes;
}

const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, async (request, response) => {
  const isPost = request.method === "POST";
  const answer = isPost ? await keep(request) : body;
  response.writeHead(isPost ? 201 : 200, { "content-type": "application/json", "content-length": answer.length });
  response.end(answer);
});
await new Promise<void>((resolve) => server.listen(6444, "127.0.0.1", resolve));
const { stdout } = await promisify(execFile)("wrk", wrkArguments);
console.log(stdout);
server.closeAllConnections();
server.close();
await store.close();
