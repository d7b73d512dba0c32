// 1,000 watchers of one namespace while it sees 50 updates a second: how long from a write to its arrival at each of
// them. The watchers share connections as client-go's do: ten HTTP/2 connections of a hundred watches each, over TLS.
// `node watchers.ts KUBECONFIG`; prints the delays as JSON.
import { readFileSync } from "node:fs";
import { type ClientHttp2Session, connect } from "node:http2";
import { parse } from "yaml";

const connectionCount = 10;
const watchesPerConnection = 100;
const objectCount = 10;
const updatesPerSecond = 50;
const warmUpUpdates = 100;
const updates = 500;
const filler = "x".repeat(600);
const namespace = "watched";
const path = `/api/v1/namespaces/${namespace}/configmaps`;

interface Kubeconfig {
  readonly clusters: readonly [{ readonly cluster: Record<"server" | "certificate-authority-data", string> }];
  readonly users: readonly [{ readonly user: Record<"client-certificate-data" | "client-key-data", string> }];
}

const { clusters, users } = parse(readFileSync(process.argv[2] ?? "", "utf8")) as Kubeconfig; // written by Roder
const { cluster } = clusters[0];
const { user } = users[0];
const pem = (base64: string) => Buffer.from(base64, "base64");
/** With the windows of Go's transport: with those of the protocol's defaults a connection's watches wait for each other. */
const open = () => {
  const session = connect(cluster.server, {
    ca: pem(cluster["certificate-authority-data"]),
    cert: pem(user["client-certificate-data"]),
    key: pem(user["client-key-data"]),
    settings: { initialWindowSize: 4 * 1024 * 1024 },
  });
  session.once("connect", () => session.setLocalWindowSize(1024 * 1024 * 1024));
  return session;
};

/** One request; resolves with the body of a success. */
function send(session: ClientHttp2Session, method: string, at: string, body?: object): Promise<string> {
  return new Promise((resolve, reject) => {
    const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
    const stream = session.request({ ":method": method, ":path": at, "content-type": type });
    let code = 0;
    let text = "";
    stream.on("response", (headers) => {
      code = Number(headers[":status"]);
    });
    stream.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
    stream.on("end", () => (code < 300 ? resolve(text) : reject(new Error(`${method} ${at}: ${code} ${text}`))));
    stream.on("error", reject);
    stream.end(body && JSON.stringify(body));
  });
}

const pause = (ms: number) => new Promise((wake) => setTimeout(wake, ms));
const configMap = (index: number, sequence: number) => ({
  metadata: { name: `object-${index}`, annotations: { sequence: `<${sequence}>` } },
  data: { filler },
});

/** When each update was sent, and how long after that each watcher had it. */
const sentMs: number[] = [];
const delaysMs: number[] = [];
let received = 0;

/** Every event carries the number of its update between brackets; JSON writes them as they are. */
function watch(session: ClientHttp2Session, resourceVersion: string): Promise<void> {
  const stream = session.request({ ":path": `${path}?watch=1&resourceVersion=${resourceVersion}` });
  let rest = "";
  stream.setEncoding("latin1").on("data", (chunk: string) => {
    const nowMs = performance.now();
    const text = rest + chunk;
    let from = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", from)) {
      const mark = text.indexOf('"<', from);
      from = end + 1;
      const sequence = Number(text.slice(mark + 2, text.indexOf(">", mark)));
      received++;
      if (sequence >= warmUpUpdates) delaysMs.push(nowMs - sentMs[sequence]!);
    }
    rest = text.slice(from);
  });
  stream.on("error", (error) => {
    throw error;
  });
  return new Promise((resolve) => stream.once("response", () => resolve()));
}

const writer = open();
await send(writer, "POST", "/api/v1/namespaces", { metadata: { name: namespace } });
for (let index = 0; index < objectCount; index++) await send(writer, "POST", path, configMap(index, -1));
const { metadata } = JSON.parse(await send(writer, "GET", path)) as { metadata: { resourceVersion: string } };
const sessions = Array.from({ length: connectionCount }, open);
for (const session of sessions) {
  session.setMaxListeners(watchesPerConnection + 10);
  await Promise.all(Array.from({ length: watchesPerConnection }, () => watch(session, metadata.resourceVersion)));
}
const total = warmUpUpdates + updates;
const writes: Promise<string>[] = [];
const startMs = performance.now();
for (let sequence = 0; sequence < total; sequence++) {
  const dueMs = startMs + (sequence * 1000) / updatesPerSecond;
  const waitMs = dueMs - performance.now();
  if (waitMs > 0) await pause(waitMs);
  sentMs[sequence] = performance.now();
  const index = sequence % objectCount;
  writes.push(send(writer, "PATCH", `${path}/object-${index}`, configMap(index, sequence)));
}
await Promise.all(writes);
const expected = total * connectionCount * watchesPerConnection;
for (let waits = 0; received < expected && waits < 600; waits++) await pause(50);
if (received < expected) throw new Error(`${expected - received} of ${expected} events did not arrive`);
delaysMs.sort((a, b) => a - b);
const quantile = (part: number) => delaysMs[Math.floor(delaysMs.length * part)]!;
const ownSeconds = process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6;
console.log(JSON.stringify({ p50Ms: quantile(0.5), p99Ms: quantile(0.99), maxMs: delaysMs.at(-1), ownSeconds }));
for (const session of [...sessions, writer]) session.destroy();
