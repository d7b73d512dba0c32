// The agent with a real containerd, a real machine and the API server in memory.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { busybox, startContainerd, type TestContainerd } from "../../test/containerd.ts";
import { eventually } from "../../test/e2e/cluster.ts";
import { enterOwnNamespaces } from "../../test/namespaces.ts";
import { ConfigMaps, type Pod, type PodSpec, Pods, ServiceAccounts } from "../api/index.ts";
import { type Client, inProcessClient } from "../client/index.ts";
import { startControlPlane } from "../cluster/control-plane.ts";
import { newPrivateKey } from "../cluster/pki/certificate.ts";
import { silentLogger, sleep, systemClock, systemRandom } from "../lib/index.ts";
import { MemoryStorage } from "../storage/index.ts";
import { linuxHost } from "./host/index.ts";
import { type Agent, type AgentSettings, startAgent } from "./index.ts";

const own = enterOwnNamespaces();
const nodeName = "node-1";
const namespace = "default";
const environment = { clock: systemClock, random: systemRandom, log: silentLogger };

const host = linuxHost({ clock: systemClock, directory: own.directory });

let containerd: TestContainerd;
let plane: Awaited<ReturnType<typeof startControlPlane>>;
let client: Client;
let agent: Agent;
let stopping = new AbortController();

before(async () => {
  containerd = await startContainerd(own);
  plane = await startControlPlane({
    ...environment,
    storage: new MemoryStorage(),
    serviceAccountKey: newPrivateKey(),
    podRange: "10.99.0.0/16",
    serviceRange: "10.43.0.0/16",
    clusterDomain: "cluster.local",
    apiAddress: undefined,
    apiPort: 6443,
    freeze: true,
  });
  client = plane.client({ name: "admin", groups: ["system:masters"] });
  const metadata = { name: "default", namespace };
  await client.create(ServiceAccounts, { apiVersion: "v1", kind: "ServiceAccount", metadata });
  await client.create(ConfigMaps, {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "kube-root-ca.crt", namespace },
    data: { "ca.crt": "ca" },
  });
  mkdirSync(join(own.directory, "agent"));
  agent = await start();
});

after(async () => {
  for (const { metadata } of (await client.list(Pods)).items) {
    await client.delete(Pods, { namespace, name: metadata.name }, { body: { gracePeriodSeconds: 1 } });
  }
  await eventually("nothing of the pods is left", async () => agent.pods().length === 0);
  stopping.abort();
  await plane.close();
  await containerd.stop();
});

function start(settings: Partial<AgentSettings> = {}): Promise<Agent> {
  const user = { name: `system:node:${nodeName}`, groups: ["system:nodes", "system:authenticated"] };
  const directory = join(own.directory, "agent");
  return startAgent({
    ...environment,
    client: inProcessClient(plane.api, user),
    engine: containerd.engine,
    host,
    nodeName,
    settings: {
      dataDirectory: directory,
      logDirectory: join(directory, "logs"),
      nodeIps: ["10.99.0.1"],
      clusterDns: ["10.43.0.10"],
      clusterDomain: "cluster.local",
      cgroupRoot: `${own.cgroup}/kubepods`,
      ...settings,
    },
    signal: stopping.signal,
  });
}

const sh = (script: string) => ({ name: "main", image: busybox, command: ["sh", "-c", script] });

async function run(name: string, spec: Partial<PodSpec>): Promise<void> {
  const { containers = [], ...rest } = spec;
  await client.create(Pods, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, labels: { app: name } },
    spec: { nodeName, terminationGracePeriodSeconds: 1, ...rest, containers },
  });
}

/** Waits, woken by changes of pods, until `condition` holds. */
async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  const limit = AbortSignal.timeout(60_000);
  const watch = client.watch(Pods, { signal: limit });
  if (await condition()) return;
  for await (const _event of watch) if (await condition()) return;
  const pods = (await client.list(Pods)).items.map((each) => each.status);
  throw new Error(`waited too long: ${what}; ${JSON.stringify(pods, null, 1)}`);
}

async function reach(name: string, condition: (pod: Pod) => boolean): Promise<Pod> {
  let pod: Pod | undefined;
  await until(async () => {
    pod = await client.get(Pods, { namespace, name });
    return condition(pod);
  }, `pod ${name}`);
  return pod!;
}

const isReady = ({ status }: Pod) =>
  status.conditions?.some((each) => each.type === "Ready" && each.status === "True") ?? false;
const isOver = ({ status }: Pod) => status.phase === "Succeeded" || status.phase === "Failed";

function logOf(podName: string, containerName = "main"): string {
  const { logPath } = agent.findLog({ namespace, podName, containerName }, false);
  return readFileSync(logPath, "utf8").replace(/^\S+ std(out|err) F /gm, "");
}

test("a pod runs, is ready, and goes away without a trace", async () => {
  await run("web", { containers: [sh("trap 'exit 0' TERM; sleep 1000 & wait")] });
  const { status, metadata } = await reach("web", isReady);
  assert.match(status.podIP ?? "", /^10\.99\.0\./);
  assert.match(status.containerStatuses?.[0]?.containerID ?? "", /^containerd:\/\//);
  const cgroup = `${own.cgroup}/kubepods/besteffort/pod${metadata.uid}`;
  const shares = await Promise.all(
    ["cpu", "cpu,cpuacct", ""].map((hierarchy) =>
      host.files.read(`/sys/fs/cgroup/${hierarchy}${cgroup}/cpu.${hierarchy === "" ? "weight" : "shares"}`),
    ),
  );
  assert.match(shares.map((each) => new TextDecoder().decode(each)).join(""), /^[12]\n$/);
  await client.delete(Pods, { namespace, name: "web" });
  await until(async () => (await client.list(Pods)).items.length === 0, "the pod is gone");
  while ((await containerd.engine.listSandboxes()).length > 0)
    await sleep(systemClock, 20, AbortSignal.timeout(10_000));
});

test("what a container sees: environment, files, names, identity and limits", async () => {
  await client.create(ConfigMaps, {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "settings", namespace },
    data: { mode: "fast", "app.conf": "x=1\n" },
  });
  const script = [
    "echo mode=$MODE ip=$IP all=$ALL",
    "cat /etc/app/app.conf /etc/one/app.conf",
    "id -u; id -g; id -G",
    "hostname; tail -n 1 /etc/hosts",
    "cat /etc/resolv.conf",
    "test -s /var/run/secrets/kubernetes.io/serviceaccount/token && cat /var/run/secrets/kubernetes.io/serviceaccount/namespace; echo",
    "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max",
    "ls -ld /scratch | cut -c 1-10; touch /scratch/a && ls -ln /scratch/a | awk '{print $4}'; mount | grep -c ' /ram type tmpfs'",
    "echo goodbye > /dev/termination-log",
  ].join("; ");
  await run("look", {
    restartPolicy: "Never",
    hostname: "me",
    subdomain: "group",
    securityContext: { runAsUser: 1000, runAsGroup: 3000, fsGroup: 2000 },
    volumes: [
      { name: "config", configMap: { name: "settings" } },
      { name: "scratch", emptyDir: {} },
      { name: "ram", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
    ],
    containers: [
      {
        ...sh(script),
        env: [
          { name: "MODE", valueFrom: { configMapKeyRef: { name: "settings", key: "mode" } } },
          { name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
          { name: "ALL", value: "$(MODE)-$(NONE)" },
        ],
        resources: { limits: { memory: "64Mi", cpu: "500m" } },
        volumeMounts: [
          { name: "config", mountPath: "/etc/app" },
          { name: "config", mountPath: "/etc/one/app.conf", subPath: "app.conf" },
          { name: "scratch", mountPath: "/scratch" },
          { name: "ram", mountPath: "/ram" },
        ],
      },
    ],
  });
  const { status } = await reach("look", isOver);
  const ip = status.podIP;
  assert.deepEqual(logOf("look").trimEnd().split("\n"), [
    `mode=fast ip=${ip} all=fast-$(NONE)`,
    "x=1",
    "x=1",
    "1000",
    "3000",
    "3000 2000",
    "me",
    `${ip}\tme.group.default.svc.cluster.local\tme`,
    "search default.svc.cluster.local svc.cluster.local cluster.local",
    "nameserver 10.43.0.10",
    "options ndots:5",
    "default",
    String(64 * 2 ** 20),
    "drwxrwsrwx",
    "2000",
    "1",
  ]);
  assert.equal(status.phase, "Succeeded");
  assert.equal(status.containerStatuses?.[0]?.state?.terminated?.message, "goodbye\n");
});

test("init containers, a sidecar and containers share a volume and the network", async () => {
  const volumeMounts = [{ name: "shared", mountPath: "/shared" }];
  await run("team", {
    restartPolicy: "Never",
    volumes: [{ name: "shared", emptyDir: {} }],
    initContainers: [
      { ...sh("echo one > /shared/steps"), name: "first", volumeMounts },
      {
        ...sh("exec httpd -f -p 8080 -h /shared"),
        volumeMounts,
        name: "server",
        restartPolicy: "Always",
        startupProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
      },
      { ...sh("echo two >> /shared/steps"), name: "second", volumeMounts },
    ],
    containers: [{ ...sh("wget -q -O - http://127.0.0.1:8080/steps"), volumeMounts }],
  });
  const { status } = await reach("team", isOver);
  assert.equal(logOf("team"), "one\ntwo\n");
  assert.equal(status.phase, "Succeeded");
  assert.deepEqual(
    status.initContainerStatuses?.map((each) => each.restartCount),
    [0, 0, 0],
  );
});

test("exec and HTTP probes, a restart after a failed liveness probe, and the logs of before", async () => {
  const script = "echo start; touch /tmp/live; trap 'exit 0' TERM; sleep 1000 & wait";
  // A command of a busy machine may take longer than a probe's usual second.
  const exec = (command: string) => ({
    exec: { command: ["sh", "-c", command] },
    periodSeconds: 1,
    timeoutSeconds: 10,
  });
  await run("probed", {
    containers: [
      {
        ...sh(script),
        readinessProbe: exec("test -e /tmp/live"),
        livenessProbe: { ...exec("test -e /tmp/live"), failureThreshold: 1, initialDelaySeconds: 1 },
        lifecycle: { postStart: { exec: { command: ["touch", "/tmp/hooked"] } } },
      },
    ],
  });
  const { status } = await reach("probed", isReady);
  const id = status.containerStatuses?.[0]?.containerID?.split("//")[1] ?? "";
  const hooked = await containerd.engine.execSync(id, ["test", "-e", "/tmp/hooked"], 5_000);
  assert.equal(hooked.exitCode, 0);
  await containerd.engine.execSync(id, ["rm", "/tmp/live"], 5_000);
  const again = await reach("probed", (pod) => pod.status.containerStatuses?.[0]?.restartCount === 1 && isReady(pod));
  assert.equal(again.status.containerStatuses?.[0]?.lastState?.terminated?.exitCode, 0);
  const previous = agent.findLog({ namespace, podName: "probed" }, true);
  assert.match(readFileSync(previous.logPath, "utf8"), /start/);
});

test("a container that takes too much memory is OOMKilled", async () => {
  await run("greedy", {
    restartPolicy: "Never",
    containers: [{ ...sh("x=a; while :; do x=$x$x; done"), resources: { limits: { memory: "16Mi" } } }],
  });
  const { status } = await reach("greedy", isOver);
  assert.equal(status.phase, "Failed");
  assert.equal(status.containerStatuses?.[0]?.state?.terminated?.reason, "OOMKilled");
  assert.equal(status.containerStatuses?.[0]?.state?.terminated?.exitCode, 137);
});

test("an agent that comes back adopts what runs", async () => {
  await run("kept", { containers: [sh("sleep 1000")] });
  const before = await reach("kept", isReady);
  stopping.abort();
  stopping = new AbortController();
  agent = await start();
  const { status } = await reach("kept", isReady);
  assert.deepEqual(status.containerStatuses, before.status.containerStatuses);
});

test("what containers use is read from the kernel, and the greedy one goes when the node lacks memory", async () => {
  const holding = "x=$(head -c 20000000 /dev/zero | tr '\\0' a); touch /tmp/held; sleep 1000; true";
  const readinessProbe = { exec: { command: ["cat", "/tmp/held"] }, periodSeconds: 1 };
  await run("hoarding", { containers: [{ ...sh(holding), readinessProbe }] });
  await run("modest", { containers: [{ ...sh("sleep 1000"), resources: { requests: { memory: "64Mi" } } }] });
  await reach("hoarding", isReady);
  await reach("modest", isReady);
  const { body = "" } = (await agent.read("metrics/cadvisor")) ?? {};
  const value = (name: string, rest: string) =>
    Number(new RegExp(`^${name}\\{${rest}[^}]*pod="hoarding"[^}]*\\} (\\S+)$`, "m").exec(body)?.[1]);
  assert.ok(value("container_memory_rss", 'container="main"') > 20_000_000, body);
  assert.ok(value("container_cpu_usage_seconds_total", 'container="main"') > 0);
  assert.ok(value("container_processes", 'container="main"') >= 1);
  assert.ok(value("container_network_receive_bytes_total", 'container=""') >= 0, body);
  stopping.abort();
  stopping = new AbortController();
  // Of a pebibyte there is never enough: pods go until none is left.
  agent = await start({ evictionHard: { "memory.available": "1Pi" }, periods: { evictionMs: 1_000 } });
  const { status } = await reach("hoarding", isOver);
  assert.match(
    status.message ?? "",
    /^The node was low on resource: memory\. Threshold quantity: 1Pi, available: \d+(Ki|Mi)?\. Container main was using \d+(Ki|Mi)?, request is 0, has larger consumption of memory\. $/,
  );
  const modest = await reach("modest", isOver);
  const at = (pod: Pod) => pod.status.conditions?.find(({ type }) => type === "DisruptionTarget")?.lastTransitionTime;
  assert.ok((at({ ...modest, status }) ?? "") <= (at(modest) ?? ""));
});
