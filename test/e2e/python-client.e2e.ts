// The official Python client, as Debian packages it, drives a whole cluster.
import { join } from "node:path";
import { after, before, test } from "node:test";
import { imageArchive } from "../images/build.ts";
import { TestCluster } from "./cluster.ts";

const script = join(import.meta.dirname, "clients/python_scenarios.py");
let cluster: TestCluster;

before(async () => {
  cluster = await TestCluster.prepare("python");
  await cluster.up();
  await cluster.roder(["image", "load", await imageArchive("docker.io/library/busybox:1.35")]);
});
after(() => cluster.remove());

for (const [scenario, behaviour] of [
  ["objects", "an object is created, read, listed, replaced, patched in each way and deleted"],
  ["watches", "a watch tells what happens after the list"],
  ["manifests", "a manifest is created from its file, its Deployment scaled, and deleted with its pods"],
  ["apply", "the dynamic client applies on the server's side, meets a conflict, and forces it"],
  ["streams", "a pod's log is read and followed, and a command runs in it"],
  ["custom_resources", "a kind of one's own is defined, discovered, used, and goes with its definition"],
  ["certificates", "a client gets a certificate once that is approved, and is who it says"],
] as const)
  test(behaviour, async () => {
    // Debian's interpreter: its packages are not seen by others.
    await cluster.inside("/usr/bin/python3", [script, scenario], { env: cluster.kubectlEnvironment });
  });
