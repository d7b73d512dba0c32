// Two clusters on one machine, in one network: what up asks of the second, that both work, and that neither's end is the
// other's.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { imageArchive } from "../images/build.ts";
import type { Outcome } from "../programs.ts";
import { eventually, TestCluster } from "./cluster.ts";

const roder = new URL("../../roder", import.meta.url).pathname;
const image = "docker.io/library/busybox:1.35";
let first: TestCluster;
/** In the first one's network; its own is not used. */
let secondData: string;
let kubeconfig: string;
let machineBefore: Awaited<ReturnType<typeof machineState>>;

before(async () => {
  first = await TestCluster.prepare("sides");
  secondData = join(first.directory, "second");
  kubeconfig = join(first.directory, "second.kubeconfig");
  machineBefore = await machineState();
  await first.up();
});
after(async () => {
  try {
    await inside(["reset", "--data-dir", secondData]);
  } finally {
    await first.remove();
  }
});

const inside = (args: readonly string[]): Promise<Outcome> => first.insideOutcome(roder, args);
const kubectl = (config: string, ...args: readonly string[]) =>
  first.inside("kubectl", ["--kubeconfig", config, ...args]);

async function succeeds(args: readonly string[]): Promise<void> {
  const { code, stderr } = await inside(args);
  assert.equal(code, 0, stderr);
}

/** What clusters share of a machine. */
async function machineState() {
  const lines = (text: string) => text.trim().split("\n").sort();
  const links = JSON.parse(await first.inside("ip", ["-json", "link"])) as { ifname: string }[];
  return {
    links: links.map(({ ifname }) => ifname).sort(),
    routes: lines(await first.inside("ip", ["-4", "route"])),
    tables: lines(await first.inside("nft", ["list", "tables"])),
    forwarding: await first.inside("cat", [
      "/proc/sys/net/ipv4/ip_forward",
      "/proc/sys/net/ipv4/conf/all/route_localnet",
    ]),
  };
}

/** A pod answers through its Service by its name, from a pod; commands in it and its log can be had. */
async function assertWorks(config: string, pod: string): Promise<void> {
  await kubectl(config, "run", pod, `--image=${image}`, "--port=8080", "--expose", "--", "httpd", "-f", "-p", "8080");
  await kubectl(config, "wait", "--for=condition=ready", `pod/${pod}`, "--timeout=60s");
  await eventually(`the Service ${pod} answers`, async () => {
    // A web server without files says so: its answer is a 404.
    const answer = await kubectl(config, "exec", pod, "--", "sh", "-c", `wget -O- http://${pod}:8080/ 2>&1; true`);
    return answer.includes("404 Not Found");
  });
}

test("a second cluster is refused with a sentence for each thing that the first has, and who follows them all gets it", async () => {
  const before = await machineState();
  const flags: string[] = ["--data-dir", secondData, "--kubeconfig", first.kubeconfig, "--name", `test-${first.name}`];
  const config = readFileSync(first.kubeconfig, "utf8");
  for (const [words, ...mend] of [
    [/address 10\.42\.0\.1 \(roder-\w+\) lies in --pod-range: choose another range/, "--pod-range", "10.52.0.0/16"],
    [/has a context "test-sides" of the cluster in .*: choose another --name/, "--kubeconfig", kubeconfig],
    [/port 6443 is in use by another program: .* --port/, "--port", "7443"],
    [/roder-\w+ belongs to the cluster of .*: choose another --name/, "--name", "test-sides-second"],
    [
      /a route by roder-\w+ to 10\.43\.0\.0\/16 overlaps the range 10\.43\.0\.0\/16: choose another --service-range/,
      "--service-range",
      "10.53.0.0/16",
    ],
  ] as const) {
    const { code, stderr } = await inside(["up", ...flags]);
    assert.match(stderr, words);
    assert.equal(code, 1);
    assert.equal(stderr.trim().split("\n").length, 1, `one sentence: ${stderr}`);
    assert.ok(!existsSync(secondData) && !existsSync(kubeconfig), "nothing is made");
    flags.push(...mend);
  }
  assert.deepEqual(await machineState(), before);
  assert.equal(readFileSync(first.kubeconfig, "utf8"), config);
  await succeeds(["up", ...flags]);
});

test("both run pods, Services and names, and each agent has a port of its own", async () => {
  const archive = await imageArchive(image);
  await succeeds(["image", "load", archive, "--data-dir", first.dataDirectory]);
  await succeeds(["image", "load", archive, "--data-dir", secondData]);
  await assertWorks(first.kubeconfig, "one");
  await assertWorks(kubeconfig, "two");
  const port = (config: string) =>
    kubectl(config, "get", "nodes", "-o", "jsonpath={.items[0].status.daemonEndpoints.kubeletEndpoint.Port}");
  assert.deepEqual([await port(first.kubeconfig), await port(kubeconfig)], ["10250", "10251"]);
});

test("control planes without nodes stand beside them, whatever their ranges", async () => {
  const data = join(first.directory, "third");
  const config = join(first.directory, "third.kubeconfig");
  const before = await machineState();
  const name = ["--name", "test-sides-third"];
  await succeeds(["up", "--nodes", "0", "--data-dir", data, "--kubeconfig", config, "--port", "8443", ...name]);
  assert.match(await kubectl(config, "get", "service", "kubernetes"), /10\.43\.0\.1/);
  await succeeds(["reset", "--data-dir", data]);
  assert.deepEqual(await machineState(), before);
});

test("a reset of the first leaves the second working, and that of the last the machine as it was", async () => {
  await succeeds(["reset", "--data-dir", first.dataDirectory]);
  await kubectl(kubeconfig, "exec", "two", "--", "nslookup", "two.default.svc.cluster.local");
  await assertWorks(kubeconfig, "three");
  assert.equal((await machineState()).forwarding, "1\n1\n");
  await succeeds(["reset", "--data-dir", secondData]);
  assert.deepEqual(await machineState(), machineBefore);
});

test("a reset of one that is down since a boot leaves another that has its name and ranges now", async () => {
  await first.up();
  await first.cutPower();
  const flags = ["--name", `test-${first.name}`, "--data-dir", secondData, "--kubeconfig", kubeconfig];
  await succeeds(["up", ...flags]);
  await succeeds(["image", "load", await imageArchive(image), "--data-dir", secondData]);
  await assertWorks(kubeconfig, "four");
  const during = await machineState();
  await succeeds(["reset", "--data-dir", first.dataDirectory]);
  assert.deepEqual(await machineState(), during);
  assert.match(during.routes.join("\n"), /unreachable 10\.42\.0\.0\/16/);
  await kubectl(kubeconfig, "exec", "four", "--", "nslookup", "four.default.svc.cluster.local");
  await succeeds(["reset", "--data-dir", secondData]);
  assert.deepEqual(await machineState(), machineBefore);
});
