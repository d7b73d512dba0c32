// A cluster that was down for so long that its certificates ended meanwhile.
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { cpSync, readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { writeCredentials } from "../../src/cluster/credentials.ts";
import { dataDirectory, readSettings } from "../../src/cluster/index.ts";
import { ClusterPki } from "../../src/cluster/pki/index.ts";
import { systemClock, VirtualClock } from "../../src/lib/index.ts";
import { imageArchive } from "../images/build.ts";
import { TestCluster } from "./cluster.ts";

const image = "docker.io/library/busybox:1.35";
const monthMs = 30 * 24 * 3600 * 1000;
let cluster: TestCluster;

before(async () => {
  cluster = await TestCluster.prepare("certificates");
});
after(() => cluster.remove());

const works = async () => {
  await cluster.kubectl("wait", "--for=condition=ready", "node", "--all", "--timeout=60s");
  await cluster.kubectl("wait", "--for=condition=ready", "pod/main", "--timeout=60s");
  // The API server and the agent show their certificates to each other.
  assert.equal(await cluster.kubectl("exec", "main", "--", "echo", "well"), "well\n");
};

test("up brings a cluster back whose certificates have ended", async () => {
  const directory = dataDirectory(cluster.dataDirectory);
  await mkdir(directory.root);
  // Fourteen months ago, for a year.
  const clock = new VirtualClock(systemClock.now() - 14 * monthMs);
  const names = { serverNames: [hostname()], serviceAddress: "10.43.0.1" };
  const old = await ClusterPki.open({ directory: directory.pki, clock, ...names });
  const backup = join(cluster.directory, "pki");
  cpSync(directory.pki, backup, { recursive: true });

  await cluster.up();
  await cluster.roder(["image", "load", await imageArchive(image)]);
  const endsWhenAsked = "trap 'exit 0' TERM; sleep 1000000 & wait";
  await cluster.kubectl("run", "main", `--image=${image}`, "--", "sh", "-c", endsWhenAsked);
  await works();
  await cluster.roder(["down"]);

  cpSync(backup, directory.pki, { recursive: true });
  const settings = readSettings(directory);
  assert.ok(settings);
  await writeCredentials(directory, settings, old, ["127.0.0.1"]);
  const ended = new X509Certificate(readFileSync(join(directory.agent, "pki/serving.crt"), "utf8"));
  assert.ok(ended.validToDate.getTime() < systemClock.now());

  await cluster.up();
  await works();
});
