// A disk that fills up while the cluster runs: writes are refused, reads go on, nothing is lost, and space mends it.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { imageArchive } from "../images/build.ts";
import type { Outcome } from "../programs.ts";
import { eventually, TestCluster } from "./cluster.ts";

const roder = new URL("../../roder", import.meta.url).pathname;
const image = "docker.io/library/busybox:1.35";
let cluster: TestCluster;
/** Holds the mount namespace in which the data directory is a small file system; both go with the process. */
let holder: ChildProcess;
let watching: ChildProcess;
let watched = "";

/** Runs a program in the mount namespace that has the small disk, and in the cluster's network. */
function outcome(command: string, ...args: readonly string[]): Promise<Outcome> {
  return cluster.insideOutcome("nsenter", [`--mount=/proc/${holder.pid}/ns/mnt`, command, ...args]);
}

async function inside(command: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await outcome(command, ...args);
  assert.equal(code, 0, `${command} ${args.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}

const command = (...args: readonly string[]) => [...args, "--data-dir", cluster.dataDirectory];

before(async () => {
  cluster = await TestCluster.prepare("full");
  const disk = `mkdir ${cluster.dataDirectory} && mount -t tmpfs -o size=160m,mode=700 none ${cluster.dataDirectory}`;
  holder = spawn("unshare", ["--mount", "sh", "-c", `${disk} && echo ready && exec sleep 86400`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(holder.stdout!, "data");
  const names = ["--name", `test-${cluster.name}`, "--kubeconfig", cluster.kubeconfig];
  writeFileSync(large(), "x".repeat(900_000));
  await inside(roder, ...command("up"), ...names);
  await inside(roder, ...command("image", "load", await imageArchive(image)));
});
after(async () => {
  watching?.kill();
  await outcome(roder, ...command("reset"));
  holder.kill();
  await once(holder, "close");
  rmdirSync(cluster.dataDirectory);
  await cluster.remove();
});

/**
 * A pod that the node keeps and takes although its disk is full, and was within the last five minutes: others are evicted
 * as soon as the agent has looked, which is a matter of seconds.
 */
const critical = (name: string) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name },
  spec: {
    priorityClassName: "system-node-critical",
    tolerations: [{ operator: "Exists" }],
    // A first process hears SIGTERM only where it says so; `down` waits ten seconds for one that does not.
    containers: [{ name: "main", image, command: ["sh", "-c", "trap 'exit 0' TERM; sleep 86400 & wait"] }],
  },
});

interface Status {
  readonly components: readonly { readonly name: string; readonly pid?: number }[];
  readonly nodes: readonly { readonly ready: boolean }[];
}
const status = async () => JSON.parse(await inside(roder, ...command("status", "-o", "json"))) as Status;
const file = () => `${cluster.dataDirectory}/somebody-elses`;
const fillDisk = () => outcome("dd", "if=/dev/zero", `of=${file()}`, "bs=64k");
/** Large, so that the room that the storage keeps ahead is soon used. */
const large = () => join(cluster.directory, "large");
const write = (name: string) => cluster.kubectlOutcome(["create", "configmap", name, `--from-file=${large()}`]);

let healthy: Status;
const written: string[] = [];

test("with the disk full writes are refused with a Status and reads go on", async () => {
  await cluster.apply(JSON.stringify(critical("app")));
  await cluster.kubectl("wait", "--for=condition=Ready", "pod/app", "--timeout=60s");
  healthy = await status();
  const watch = ["kubectl", "get", "configmaps", "--watch-only", "--output=name"];
  watching = spawn("nsenter", [`--net=${cluster.networkNamespace}`, ...watch], {
    stdio: ["ignore", "pipe", "inherit"],
    env: cluster.kubectlEnvironment,
  });
  watching.stdout!.on("data", (text: Buffer) => {
    watched += text;
  });
  await fillDisk();
  const refusal = await eventually("a write is refused", async () => {
    const name = `fill-${written.length}`;
    const result = await write(name);
    if (result.code === 0) written.push(name);
    return result.code !== 0 && result;
  });
  assert.match(refusal.stderr, /: the disk that holds the data directory is full: free space there and try again\n$/);
  const raw = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "raw" }, data: { large: "x".repeat(900_000) } };
  writeFileSync(join(cluster.directory, "raw.json"), JSON.stringify(raw));
  const path = "/api/v1/namespaces/default/configmaps";
  const { stderr } = await cluster.kubectlOutcome([
    ...["create", "--raw", path, "-f", join(cluster.directory, "raw.json"), "--v=8"],
  ]);
  assert.match(stderr, /\{"kind":"Status",.*"status":"Failure","message":"the disk [^"]*","code":500\}/);
  assert.match(await cluster.kubectl("get", "configmaps,pods"), /pod\/app +1\/1 +Running/);
});

test("the commands say so, and nothing ends", async () => {
  const again = await outcome(roder, ...command("up"));
  assert.match(again.stderr, /^roder: the disk that holds .* is full: free space there/);
  assert.equal(again.code, 1);
  const other = join(cluster.dataDirectory, "other");
  const first = await outcome(roder, "up", "--data-dir", other);
  assert.match(first.stderr, /^roder: the disk that holds .* is full: free space there/);
  assert.equal(first.code, 1);
  assert.notEqual((await outcome("test", "-e", other)).code, 0);
  // The node's lease is to be renewed every 10 s.
  await new Promise((wake) => setTimeout(wake, 15_000));
  assert.deepEqual((await status()).components, healthy.components);
});

test("after space was freed writes go on, and everything that was acknowledged is there", async () => {
  await inside("rm", file());
  await eventually("a write succeeds", async () => (await write("after")).code === 0, 20_000);
  for (const name of [...written, "after"]) await cluster.kubectl("get", "configmap", name);
  await eventually("the watch tells of it", async () => watched.endsWith("configmap/after\n"));
  assert.deepEqual(
    watched.trim().split("\n"),
    [...written, "after"].map((name) => `configmap/${name}`),
  );
  const now = await status();
  assert.deepEqual(now.components, healthy.components);
  await eventually("the node is ready", async () => (await status()).nodes[0]?.ready === true);
  await cluster.apply(JSON.stringify(critical("second")));
  await cluster.kubectl("wait", "--for=condition=Ready", "pod/second", "--timeout=60s");
  const fields = "{.items[*].status.phase} {.items[*].status.containerStatuses[0].restartCount}";
  assert.equal(await cluster.kubectl("get", "pods", "-o", `jsonpath=${fields}`), "Running Running 0 0");
});

test("down works on a full disk, and what was there comes back", async () => {
  await fillDisk();
  assert.match(await inside(roder, ...command("down")), /is down/);
  const files = () => inside("find", cluster.dataDirectory, "-printf", "%p %s %T@\\n");
  const untouched = await files();
  assert.match((await outcome(roder, ...command("up"))).stderr, /^roder: the disk that holds .* is full/);
  assert.equal(await files(), untouched);
  await inside("rm", file());
  await inside(roder, ...command("up"));
  for (const name of [...written, "after"]) await cluster.kubectl("get", "configmap", name);
});
