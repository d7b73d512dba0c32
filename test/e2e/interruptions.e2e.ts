// Commands that are killed half-way, repeated, or meet processes that do not react.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { imageArchive } from "../images/build.ts";
import { mountsBelow, TestCluster } from "./cluster.ts";

const roder = new URL("../../roder", import.meta.url).pathname;
const image = "docker.io/library/busybox:1.35";
let cluster: TestCluster;

before(async () => {
  cluster = await TestCluster.prepare("interrupted");
});
after(() => cluster.remove());

/** Kills `roder up` after so many milliseconds; nothing else, as whoever presses the wrong key does. */
async function upKilledAfter(ms: number): Promise<void> {
  const args = [
    "up",
    "--name",
    `test-${cluster.name}`,
    "--data-dir",
    cluster.dataDirectory,
    "--kubeconfig",
    cluster.kubeconfig,
  ];
  const command = spawn("nsenter", [`--net=${cluster.networkNamespace}`, roder, ...args], { stdio: "ignore" });
  const timer = setTimeout(() => command.kill("SIGKILL"), ms);
  await once(command, "close");
  clearTimeout(timer);
}

async function assertNothingLeft(): Promise<void> {
  assert.deepEqual(cluster.processes(), []);
  assert.deepEqual(cluster.cgroups(), []);
  assert.deepEqual(mountsBelow(cluster.directory), []);
  const links = JSON.parse(await cluster.inside("ip", ["-json", "link"])) as { ifname: string }[];
  assert.deepEqual(
    links.map((each) => each.ifname),
    ["lo", "uplink"],
  );
  assert.equal((await cluster.inside("nft", ["list", "tables"])).trim(), "");
  assert.ok(!existsSync(cluster.dataDirectory));
  assert.ok(!existsSync(cluster.kubeconfig));
}

/** From before the first file to after the last; the machine decides what exactly each hits. */
const moments = [100, 160, 220, 300, 450, 700];

test("reset removes what an up left that was killed, whenever that was", async () => {
  for (const ms of moments) {
    await upKilledAfter(ms);
    await cluster.roder(["reset"]);
    await assertNothingLeft();
  }
});

test("up after an up that was killed makes the cluster, whenever that was", async () => {
  for (const ms of moments.filter((_, index) => index % 2 === 0)) {
    await upKilledAfter(ms);
    assert.match(await cluster.up(), /is (up|already running)/);
    assert.equal(cluster.processes().length, 3, "server, node and containerd, each once");
    await cluster.roder(["reset"]);
    await assertNothingLeft();
  }
});

test("reset again says that there is nothing", async () => {
  await cluster.up();
  assert.match(await cluster.roder(["reset"]), /are gone/);
  assert.match(await cluster.roder(["reset"]), /there is no cluster/);
  await assertNothingLeft();
});

test("a reset that was killed is finished by the next", async () => {
  await cluster.up();
  const args = [`--net=${cluster.networkNamespace}`, roder, "reset", "--data-dir", cluster.dataDirectory];
  const command = spawn("nsenter", args, { stdio: "ignore" });
  setTimeout(() => command.kill("SIGKILL"), 250);
  await once(command, "close");
  await cluster.roder(["reset"]);
  await assertNothingLeft();
});

const stubborn = `
apiVersion: v1
kind: Pod
metadata: { name: stubborn }
spec:
  containers: [{ name: main, image: ${image}, command: ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"] }]
---
apiVersion: v1
kind: Pod
metadata: { name: frozen }
spec:
  containers: [{ name: main, image: ${image}, command: ["sleep", "86400"] }]
`;

/** The shims of the cluster's sandboxes. */
function shims(): number[] {
  return cluster.processes().filter((pid) => readFileSync(`/proc/${pid}/comm`, "utf8").startsWith("containerd-shim"));
}

for (const [what, freeze] of [
  [
    "a container does not hear SIGTERM and its shim hangs",
    () => {
      for (const pid of shims()) process.kill(pid, "SIGSTOP");
    },
  ],
  [
    "containerd hangs",
    () =>
      process.kill(Number(readFileSync(join(cluster.dataDirectory, "containerd/containerd.pid"), "utf8")), "SIGSTOP"),
  ],
] as const) {
  test(`down ends everything although ${what}, and up brings it back`, async () => {
    await cluster.up();
    await cluster.roder(["image", "load", await imageArchive(image)]);
    await cluster.apply(stubborn);
    await cluster.kubectl("wait", "--for=condition=Ready", "pod/stubborn", "pod/frozen", "--timeout=60s");
    freeze();
    const startedMs = performance.now();
    assert.match(await cluster.roder(["down"]), /is down/);
    assert.ok(performance.now() - startedMs < 60_000, "in reasonable time");
    assert.deepEqual(cluster.processes(), []);
    await cluster.up();
    await cluster.kubectl("wait", "--for=condition=Ready", "pod/stubborn", "pod/frozen", "--timeout=60s");
    const reserved = readdirSync(join(cluster.dataDirectory, "cni/networks/roder")).filter((name) =>
      /^[\d.]+$/.test(name),
    );
    assert.equal(reserved.length, 2);
  });
}
