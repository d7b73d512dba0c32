import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { issue, type KeyPair } from "../../cluster/pki/certificate.ts";
import { seededRandom, silentLogger, systemClock } from "../../lib/index.ts";
import { createX509Authenticator } from "../authentication/index.ts";
import { startTestServer, type TestServer } from "../server-for-tests.ts";
import { type Listener, startHttpServer } from "./index.ts";

const run = promisify(execFile);
const random = seededRandom(1);
const day = 86_400_000;
const nowMs = systemClock.now();
const validity = { notBeforeMs: nowMs - day, notAfterMs: nowMs + day };
const authority = issue({ commonName: "ca", usage: "authority", ...validity }, random);
const serverKey = issue(
  { commonName: "server", usage: "server", alternativeNames: ["127.0.0.1"], ...validity },
  random,
  authority,
);
const clientKey = issue(
  { commonName: "admin", organizations: ["system:masters"], usage: "client", ...validity },
  random,
  authority,
);
const strangerKey = issue(
  { commonName: "admin", organizations: ["system:masters"], usage: "client", ...validity },
  random,
);

let server: TestServer;
let listener: Listener;
let directory: string;

before(async () => {
  server = await startTestServer();
  listener = await startHttpServer({
    api: server.api,
    authenticator: createX509Authenticator(systemClock),
    tls: { key: serverKey.privateKey, certificate: serverKey.certificate, clientCa: authority.certificate },
    address: "127.0.0.1",
    port: 0,
    advertised: "127.0.0.1:6443",
    version: {
      major: "1",
      minor: "35",
      gitVersion: "v1.35.0+roder",
      gitCommit: "",
      gitTreeState: "clean",
      buildDate: "2026-01-01T00:00:00Z",
      goVersion: "",
      compiler: "",
      platform: "linux/amd64",
    },
    clock: systemClock,
    log: silentLogger,
  });
  directory = mkdtempSync(join(tmpdir(), "roder-http-"));
  writeFileSync(join(directory, "ca.crt"), authority.certificate);
  writeFileSync(join(directory, "client.crt"), clientKey.certificate);
  writeFileSync(join(directory, "client.key"), clientKey.privateKey);
});

after(async () => {
  await listener.close();
  await server.close();
  rmSync(directory, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface Sent {
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly key?: KeyPair | undefined;
}

function send(method: string, path: string, { headers = {}, body, key = clientKey }: Sent = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = {
      host: "127.0.0.1",
      port: listener.port,
      method,
      path,
      headers,
      ca: authority.certificate,
      ...(key ? { key: key.privateKey, cert: key.certificate } : {}),
      agent: false as const,
    };
    const sent = request(options, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

const kubectl = async (...args: string[]) => {
  const flags = [
    `--server=https://127.0.0.1:${listener.port}`,
    `--certificate-authority=${join(directory, "ca.crt")}`,
    `--client-certificate=${join(directory, "client.crt")}`,
    `--client-key=${join(directory, "client.key")}`,
    `--cache-dir=${join(directory, "cache")}`,
  ];
  const { stdout } = await run("kubectl", [...flags, ...args], { env: { ...process.env, KUBECONFIG: "/dev/null" } });
  return stdout;
};

test("kubectl creates, lists and deletes", async () => {
  assert.match(await kubectl("create", "configmap", "demo", "--from-literal=k=v"), /configmap\/demo created/);
  assert.match(await kubectl("get", "cm"), /^NAME\s+DATA\s+AGE\ndemo\s+1\s+/);
  assert.match(await kubectl("get", "cm", "demo", "-o", "yaml"), /data:\n {2}k: v\n/);
  assert.match(await kubectl("delete", "cm", "demo"), /configmap "demo" deleted/);
});

test("kubectl applies, explains, edits by patch, labels and watches", async () => {
  const manifest = join(directory, "manifest.yaml");
  const write = (image: string) =>
    writeFileSync(
      manifest,
      `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: web, image: "${image}" }] }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 80 }] }
`,
    );
  write("nginx:1");
  assert.equal(await kubectl("apply", "-f", manifest), "deployment.apps/web created\nservice/web created\n");
  assert.equal(await kubectl("apply", "-f", manifest), "deployment.apps/web unchanged\nservice/web unchanged\n");
  write("nginx:2");
  assert.match(await kubectl("apply", "-f", manifest), /deployment.apps\/web configured\nservice\/web unchanged/);
  const image = "jsonpath={.spec.template.spec.containers[0].image}";
  assert.equal(await kubectl("get", "deploy", "web", "-o", image), "nginx:2");
  assert.match(await kubectl("label", "deploy", "web", "tier=front"), /labeled/);
  assert.match(await kubectl("get", "deploy", "-l", "tier=front"), /^NAME .*\nweb /);
  assert.match(await kubectl("scale", "deploy", "web", "--replicas=3"), /scaled/);
  assert.equal(await kubectl("get", "deploy", "web", "-o", "jsonpath={.spec.replicas}"), "3");
  assert.match(await kubectl("explain", "deployment.spec.replicas"), /FIELD: replicas <integer>/);
  assert.match(await kubectl("api-resources"), /deployments +deploy +apps\/v1 +true +Deployment/);
  await kubectl("delete", "-f", manifest);
  writeFileSync(manifest, "apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec: { prots: [] }\n");
  await assert.rejects(kubectl("apply", "-f", manifest), /strict decoding error: unknown field "spec.prots"/);
});

test("version and health are told", async () => {
  assert.match(await kubectl("version"), /Server Version: v1\.35\.0\+roder/);
  const verbose = await send("GET", "/readyz?verbose");
  assert.equal(verbose.text, "[+]ping ok\nreadyz check passed\n");
  assert.equal((await send("GET", "/livez/ping")).text, "ok");
});

const wrongRequests: readonly [string, Sent & { method: string; path: string }, number, RegExp][] = [
  ["an unknown path", { method: "GET", path: "/nothing" }, 404, /^404 page not found\n$/],
  ["an unknown resource", { method: "GET", path: "/api/v1/nothings" }, 404, /could not find the requested resource/],
  ["a stranger's certificate", { method: "GET", path: "/api", key: strangerKey }, 401, /"reason":"Unauthorized"/],
  ["broken JSON", { method: "POST", path: "/api/v1/namespaces/default/configmaps", body: "{" }, 400, /"BadRequest"/],
  [
    "a body in CBOR",
    {
      method: "POST",
      path: "/api/v1/namespaces/default/configmaps",
      body: "{}",
      headers: { "content-type": "application/cbor" },
    },
    415,
    /"UnsupportedMediaType"/,
  ],
  [
    "an answer in protobuf",
    { method: "GET", path: "/api/v1/pods", headers: { accept: "application/vnd.kubernetes.protobuf" } },
    406,
    /"NotAcceptable"/,
  ],
  [
    "a body of 4 MiB",
    { method: "POST", path: "/api/v1/namespaces/default/configmaps", body: "x".repeat(4 << 20) },
    413,
    /"RequestEntityTooLarge"/,
  ],
  ["a method that nothing has", { method: "PROPFIND", path: "/api/v1/pods" }, 405, /"MethodNotAllowed"/],
  ["a bad label selector", { method: "GET", path: "/api/v1/pods?labelSelector=%3D%3D" }, 400, /"BadRequest"/],
  ["a bad limit", { method: "GET", path: "/api/v1/pods?limit=many" }, 400, /invalid syntax/],
];

for (const [name, { method, path, ...rest }, status, text] of wrongRequests)
  test(`${name} is answered ${status}`, async () => {
    const answer = await send(method, path, rest);
    assert.equal(answer.status, status);
    assert.match(answer.text, text);
  });
