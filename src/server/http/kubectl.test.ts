import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { aroundTests } from "../../../test/around-tests.ts";
import { authority, clientKey, type HttpsServer, startHttpsServer } from "../../../test/https-server.ts";

const run = promisify(execFile);
let https: HttpsServer;
let directory: string;

aroundTests(
  async () => {
    https = await startHttpsServer();
    directory = mkdtempSync(join(tmpdir(), "roder-http-"));
    writeFileSync(join(directory, "ca.crt"), authority.certificate);
    writeFileSync(join(directory, "client.crt"), clientKey.certificate);
    writeFileSync(join(directory, "client.key"), clientKey.privateKey);
  },
  async () => {
    await https.close();
    rmSync(directory, { recursive: true });
  },
);

async function kubectl(...args: string[]): Promise<string> {
  const flags = [
    `--server=https://127.0.0.1:${https.listener.port}`,
    `--certificate-authority=${join(directory, "ca.crt")}`,
    `--client-certificate=${join(directory, "client.crt")}`,
    `--client-key=${join(directory, "client.key")}`,
    `--cache-dir=${join(directory, "cache")}`,
  ];
  const { stdout } = await run("kubectl", [...flags, ...args], { env: { ...process.env, KUBECONFIG: "/dev/null" } });
  return stdout;
}

test("kubectl sees the server's version", async () => {
  assert.match(await kubectl("version"), /Server Version: .*v1\.35\.0\+roder/);
});

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
  assert.match(await kubectl("explain", "deployment.spec.replicas"), /FIELD: +replicas <integer>/);
  assert.match(await kubectl("api-resources"), /deployments +deploy +apps\/v1 +true +Deployment/);
  await kubectl("delete", "-f", manifest);
  writeFileSync(manifest, "apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec: { prots: [] }\n");
  await assert.rejects(kubectl("apply", "-f", manifest), /unknown field "(?:spec\.)?prots"/);
});
