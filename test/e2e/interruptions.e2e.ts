// Commands that are killed half-way, and repeated.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { after, before, test } from "node:test";
import { mountsBelow, TestCluster } from "./cluster.ts";

const roder = new URL("../../roder", import.meta.url).pathname;
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
