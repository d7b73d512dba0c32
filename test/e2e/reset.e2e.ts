import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { imageArchive } from "../images/build.ts";
import { succeed } from "../programs.ts";
import { TestCluster } from "./cluster.ts";

let cluster: TestCluster;

before(async () => {
  cluster = await TestCluster.prepare("reset");
});
after(() => cluster.remove());

/** What a user would look at, as lines. */
async function machineState(): Promise<Record<string, string[]>> {
  const lines = (text: string) => text.trim().split("\n").sort();
  const links = await cluster.inside("ip", ["-oneline", "link"]);
  return {
    // Without what counts on by itself.
    links: lines(links.replaceAll(/^\d+: /gm, "").replaceAll(/ (qdisc|state|mode|group|qlen) \S+/g, "")),
    addresses: lines(await cluster.inside("ip", ["-oneline", "address", "show", "scope", "global"])),
    routes: lines(await cluster.inside("ip", ["-4", "route", "show", "table", "all"])),
    tables: lines(await cluster.inside("nft", ["list", "tables"])),
    mounts: lines(readFileSync("/proc/self/mounts", "utf8")).filter((line) => line.includes(cluster.directory)),
    forwarding: lines(
      await cluster.inside("cat", ["/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv4/conf/all/route_localnet"]),
    ),
    cgroups: cluster.cgroups(),
    processes: lines(await succeed("ps", ["-eo", "args"])).filter((line) => line.includes(cluster.dataDirectory)),
  };
}

test("reset leaves links, rules, routes, mounts, cgroups and processes as they were before up", async () => {
  const before = await machineState();
  await cluster.up();
  await cluster.roder(["image", "load", await imageArchive("docker.io/library/busybox:1.35")]);
  await cluster.apply(`
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: web
          image: docker.io/library/busybox:1.35
          command: ["httpd", "-f", "-p", "80"]
          volumeMounts: [{ name: memory, mountPath: /memory }]
      volumes: [{ name: memory, emptyDir: { medium: Memory } }]
`);
  await cluster.kubectl("expose", "deployment/web", "--type=NodePort", "--port=80");
  await cluster.kubectl("rollout", "status", "deployment/web", "--timeout=60s");
  const during = await machineState();
  for (const what of ["links", "tables", "mounts", "cgroups", "processes"] as const) {
    assert.notDeepEqual(during[what], before[what], `${what} are in use while the cluster runs`);
  }
  // Shims listen outside of the data directory, beside those of others.
  const sockets = cluster.shimSockets();
  assert.ok(sockets.length > 0 && sockets.every((path) => existsSync(path)), sockets.join(" "));
  assert.match(await cluster.roder(["reset"]), /are gone/);
  assert.deepEqual(
    sockets.filter((path) => existsSync(path)),
    [],
  );
  assert.deepEqual(await machineState(), before);
  assert.ok(!existsSync(cluster.dataDirectory));
  assert.ok(!existsSync(cluster.kubeconfig), "a kubeconfig that up made goes with it");
});

test("reset where nothing is says so and succeeds", async () => {
  assert.match(await cluster.roder(["reset"]), /there is no cluster/);
});
