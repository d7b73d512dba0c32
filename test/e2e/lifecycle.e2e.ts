// The commands around a cluster: what they say, what survives, and how bad input ends.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { imageArchive } from "../images/build.ts";
import { execute } from "../programs.ts";
import { eventually, TestCluster } from "./cluster.ts";

let cluster: TestCluster;

before(async () => {
  cluster = await TestCluster.prepare("lifecycle");
});
after(() => cluster.remove());

interface Status {
  readonly components: readonly { readonly name: string; readonly running: boolean; readonly pid?: number }[];
  readonly api: { readonly answers: boolean };
  readonly nodes: readonly { readonly ready: boolean }[];
  readonly machine: { readonly cgroups: string; readonly engine: string };
}
const status = async () => JSON.parse(await cluster.roder(["status", "-o", "json"])) as Status;
const refused = async (args: readonly string[], words: RegExp) => {
  const { code, stderr } = await cluster.roderOutcome(args);
  assert.match(stderr, words);
  assert.equal(code, 1);
  assert.equal(stderr.trim().split("\n").length, 1, `one sentence: ${stderr}`);
};

test("a port that is in use is refused before anything is made", async (t) => {
  const holder = `require("net").createServer().listen(6443, () => console.log("listening"))`;
  const other = spawn("nsenter", [`--net=${cluster.networkNamespace}`, process.execPath, "-e", holder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  // Also when the test fails: the file would wait for it.
  t.after(async () => {
    other.kill();
    await once(other, "close");
  });
  await once(other.stdout, "data");
  await refused(["up", "--kubeconfig", cluster.kubeconfig], /port 6443 is in use.*--port/);
  assert.match((await cluster.roderOutcome(["status"])).stderr, /there is no cluster/);
});

test("up makes a cluster, and up again says that it runs", async () => {
  assert.match(await cluster.up(), /is up/);
  assert.match(await cluster.up(), /is already running/);
  await refused(["up", "--port", "7443"], /made with --port 6443/);
});

test("status tells components, nodes and what was found on the machine", async () => {
  const found = await status();
  assert.deepEqual(
    found.components.map((each) => [each.name, each.running]),
    [
      ["server", true],
      ["node", true],
      ["containerd", true],
    ],
  );
  assert.ok(found.api.answers && found.nodes[0]?.ready);
  assert.match(found.machine.cgroups, /^(v1|hybrid|v2)$/);
  assert.match(found.machine.engine, /containerd/);
  assert.match(await cluster.roder(["status"]), /API +https:\/\/127\.0\.0\.1:6443 answers/);
});

test("readyz names what it looks at, and component statuses say what runs", async () => {
  const text = await cluster.kubectl("get", "--raw", "/readyz?verbose");
  assert.match(text, /\[\+\]etcd ok\n(.*\n)*\[\+\]shutdown ok\n(.*\n)*readyz check passed/);
  assert.equal(await cluster.kubectl("get", "--raw", "/livez/etcd"), "ok");
  const components = (await cluster.kubectl("get", "componentstatuses", "--no-headers")).trim().split("\n");
  assert.deepEqual(
    components.map((line) => line.trim().split(/ +/)),
    ["controller-manager", "etcd-0", "scheduler"].map((name) => [name, "Healthy", "ok"]),
  );
});

test("the node says that the control plane runs beside it, also after somebody took that away, and takes pods", async () => {
  const says = async () => / Ready +control-plane /.test(await cluster.kubectl("get", "nodes"));
  await eventually("the node has its role", says);
  await cluster.kubectl("label", "nodes", "--all", "node-role.kubernetes.io/control-plane-");
  await eventually("the node has its role again", says);
  assert.equal(await cluster.kubectl("get", "nodes", "-o", "jsonpath={.items[*].spec.taints}"), "");
});

test("managedFields name who writes in Kubernetes", async () => {
  interface Managed {
    readonly metadata: { readonly name: string; readonly managedFields?: readonly { readonly manager: string }[] };
  }
  const managersOf = async (...what: readonly string[]) => {
    const { items } = await cluster.json<{ items: readonly Managed[] }>("get", ...what, "-A", "--show-managed-fields");
    const managers = items.flatMap(({ metadata }) => (metadata.managedFields ?? []).map(({ manager }) => manager));
    return [...new Set(managers)].sort();
  };
  assert.deepEqual(await managersOf("nodes"), ["kube-apiserver", "kube-controller-manager", "kubelet"]);
  assert.deepEqual(await managersOf("leases"), ["kube-apiserver", "kubelet"]);
  assert.deepEqual(await managersOf("configmaps", "--field-selector=metadata.name=kube-root-ca.crt"), [
    "kube-controller-manager",
  ]);
  assert.deepEqual(await managersOf("namespaces"), ["kube-apiserver"]);
});

test("logs prints what a component wrote, and names those there are", async () => {
  assert.match(await cluster.roder(["logs", "server"]), /the API server listens/);
  assert.match(await cluster.roder(["logs", "--lines", "1"]), /^server: /m);
  await refused(["logs", "scheduler"], /server, node, hollow, containerd/);
});

test("image load, ls and rm bring, show and remove an image", async () => {
  const name = "docker.io/library/busybox:1.35";
  await cluster.roder(["image", "load", await imageArchive(name)]);
  assert.ok((await cluster.roder(["image", "ls"])).includes(name));
  assert.match(await cluster.roder(["image", "rm", name]), /removed/);
  assert.ok(!(await cluster.roder(["image", "ls"])).includes(name));
  await refused(["image", "rm", name], /there is no image/);
  await refused(["image", "load", join(cluster.dataDirectory, "cluster.json")], /could not be loaded/);
});

for (const component of ["server", "node", "containerd"]) {
  test(`what was written survives kill -9 of ${component}, and up brings it back`, async () => {
    await cluster.kubectl("create", "configmap", `before-${component}`, "--from-literal=key=value");
    const { pid } = (await status()).components.find((each) => each.name === component)!;
    process.kill(pid!, "SIGKILL");
    await eventually(`${component} is gone`, async () => (await execute("kill", ["-0", String(pid)])).code !== 0);
    await cluster.up();
    assert.equal(
      (await cluster.kubectl("get", "configmap", `before-${component}`, "-o", "jsonpath={.data.key}")).trim(),
      "value",
    );
    await eventually("everything runs again", async () => (await status()).components.every((each) => each.running));
  });
}

test("down stops everything and keeps the data", async () => {
  await cluster.kubectl("create", "configmap", "kept", "--from-literal=key=value");
  assert.match(await cluster.roder(["down"]), /is down/);
  assert.ok((await status()).components.every((each) => !each.running));
  assert.match(await cluster.roder(["down"]), /was not running/);
  await cluster.up();
  assert.equal((await cluster.kubectl("get", "configmap", "kept", "-o", "jsonpath={.data.key}")).trim(), "value");
});

test("the API server keeps one lease that tells who it is, also when it starts again", async () => {
  interface Lease {
    readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
    readonly spec: { readonly holderIdentity: string };
  }
  const held = async () => {
    const selected = ["-l", "apiserver.kubernetes.io/identity=kube-apiserver"];
    const { items } = await cluster.json<{ items: readonly Lease[] }>(
      "get",
      "leases",
      "-n",
      "kube-system",
      ...selected,
    );
    assert.equal(items.length, 1);
    return items[0]!;
  };
  const { metadata, spec } = await held();
  assert.match(metadata.name, /^apiserver-[a-z2-7]{26}$/);
  assert.equal(metadata.labels["kubernetes.io/hostname"], hostname());
  await cluster.roder(["down"]);
  await cluster.up();
  await eventually("the new process holds it", async () => (await held()).spec.holderIdentity !== spec.holderIdentity);
  assert.equal((await held()).metadata.name, metadata.name);
});

test("a data directory of a newer Roder is refused and not touched", async () => {
  await cluster.roder(["down"]);
  const file = join(cluster.dataDirectory, "cluster.json");
  const own = readFileSync(file, "utf8");
  const newer = own.replace(/"dataVersion": \d+/, '"dataVersion": 99');
  writeFileSync(file, newer);
  await refused(["up"], /newer Roder/);
  assert.equal(readFileSync(file, "utf8"), newer);
  writeFileSync(file, own);
});

test("without root a node is refused, and a control plane alone works", async (t) => {
  // Beside the test's own directory, which is root's alone.
  const directory = `${cluster.directory}-user`;
  const data = join(directory, "data");
  const flags = ["--data-dir", data, "--kubeconfig", join(directory, "config"), "--port", "7443"];
  const root = new URL("../../", import.meta.url).pathname;
  // An ordinary user in the same network: nobody's rights, a home of its own.
  await cluster.inside("install", ["-d", "-o", "nobody", "-m", "700", directory]);
  const asUser = (args: readonly string[]) =>
    cluster.insideOutcome("setpriv", [
      "--reuid=65534",
      "--regid=65534",
      "--clear-groups",
      "env",
      `HOME=${directory}`,
      join(root, "roder"),
      ...args,
    ]);
  t.after(async () => {
    await asUser(["reset", "--data-dir", data]);
    rmSync(directory, { recursive: true, force: true });
  });
  const refusal = await asUser(["up", ...flags]);
  assert.equal(refusal.code, 1);
  assert.match(refusal.stderr, /needs root: use sudo, or --nodes 0/);
  const started = await asUser(["up", "--nodes", "0", ...flags]);
  assert.equal(started.code, 0, started.stderr);
  const listed = await asUser(["status", "--data-dir", data, "-o", "json"]);
  assert.ok((JSON.parse(listed.stdout) as Status).api.answers);
  assert.equal((await asUser(["reset", "--data-dir", data])).code, 0);
});

test("wrong flags end with a sentence and exit code 1", async () => {
  for (const args of [["up", "--port", "0"], ["up", "--nodes", "7"], ["up", "--name", "Not A Name"], ["upp"]]) {
    const { code, stderr } = await cluster.roderOutcome(args);
    assert.equal(code, 1, args.join(" "));
    assert.match(stderr, /error: /);
  }
});
