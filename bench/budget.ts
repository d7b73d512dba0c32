// The budget's rows, each measured on a fresh cluster in a network namespace of its own; `simulated` measures only those
// without containers, `requests` only those of the API server.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join, resolve } from "node:path";
import { buildBrowser } from "../scripts/build-browser.ts";
import { inBrowser } from "../test/browser-page.ts";
import { TestCluster } from "../test/e2e/cluster.ts";
import { imageArchive } from "../test/images/build.ts";
import { succeed } from "../test/programs.ts";
import { simulateDay } from "../test/simulation/day.ts";

interface Row {
  readonly what: string;
  readonly figure: string;
  readonly target: string;
}

const rows: Row[] = [];
const image = "docker.io/library/busybox:1.35";
const wrkSeconds = 10;
/** Each load is put on for this long before it is measured. */
const warmUpSeconds = 3;
const restSeconds = 30;

function row(what: string, figure: string, target: string): void {
  rows.push({ what, figure, target });
  console.log(`${what}: ${figure} (target ${target})`);
}

const pause = (ms: number) => new Promise((wake) => setTimeout(wake, ms));
const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
const perSecond = (count: number) => `${Math.round(count).toLocaleString("en")} /s`;

/** From starting the server's process to the first answer, and to the first pod that is accepted. */
async function measureStart(): Promise<void> {
  const cluster = await TestCluster.prepare("bench-start");
  try {
    const root = resolve(import.meta.dirname, "..");
    // The settings and keys are there after this; what is measured is a first start on an empty store.
    await cluster.up("--nodes", "0");
    await cluster.roder(["down"]);
    await cluster.inside("rm", ["-rf", join(cluster.dataDirectory, "storage")]);
    const probe = join(root, "bench/first-pod.ts");
    const printed = await cluster.inside(process.execPath, [
      "--disable-warning=ExperimentalWarning",
      probe,
      cluster.dataDirectory,
      root,
    ]);
    const { answeredMs, acceptedMs } = JSON.parse(printed.trim().split("\n").at(-1)!) as Record<string, number>;
    row("from start to the API answering", seconds(answeredMs!), "0.5 s");
    row("from start to the first pod accepted", seconds(acceptedMs!), "1 s");
  } finally {
    await cluster.remove();
  }
}

/** The processes of the cluster: its components, containerd and its shims. */
function clusterProcesses(dataDirectory: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return pid !== process.pid && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(dataDirectory);
      } catch {
        return false; // It ended meanwhile.
      }
    });
}

function proportionalMegabytes(pid: number): number {
  const match = /^Pss: +(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"));
  return Number(match?.[1] ?? 0) / 1024;
}

/** User and system time of a process in clock ticks (proc(5): fields 14 and 15 of stat). */
function ticks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}
const ticksPerSecond = 100;

async function measureRest(cluster: TestCluster): Promise<void> {
  await pause(restSeconds * 1000);
  const pids = clusterProcesses(cluster.dataDirectory);
  const before = pids.reduce((sum, pid) => sum + ticks(pid), 0);
  await pause(restSeconds * 1000);
  const used = pids.reduce((sum, pid) => sum + ticks(pid), 0) - before;
  const memory = pids.reduce((sum, pid) => sum + proportionalMegabytes(pid), 0);
  row("memory at rest, engine included (PSS)", `${Math.round(memory)} MB`, "200 MB");
  row("processor at rest", `${((used / ticksPerSecond / restSeconds) * 100).toFixed(2)} % of a core`, "0.5 %");
}

async function wrk(
  cluster: TestCluster,
  connections: number,
  path: string,
  token: string,
  script = "",
): Promise<number> {
  const file = join(cluster.directory, "wrk.lua");
  writeFileSync(file, `${script}\nwrk.headers["Authorization"] = "Bearer ${token}"\n`, { mode: 0o600 });
  const load = async (seconds: number) => {
    const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "-s", file, `https://127.0.0.1:6443${path}`];
    const printed = await cluster.inside("wrk", args);
    if (/Non-2xx/.test(printed)) throw new Error(`wrk met errors at ${path}:\n${printed}`);
    return requestsPerSecond(printed);
  };
  await load(warmUpSeconds);
  return load(wrkSeconds);
}

const requestsPerSecond = (printed: string) => Number(/Requests\/sec: +([\d.]+)/.exec(printed)?.[1]);

/** What the same client gets in the same minute from a server that does nothing but what `what` says. */
async function measureBareServer(cluster: TestCluster, what: string, script = ""): Promise<void> {
  const pki = join(cluster.dataDirectory, "pki");
  const file = join(cluster.directory, "bare.lua");
  writeFileSync(file, script);
  const printed = await cluster.inside(process.execPath, [
    resolve(import.meta.dirname, "bare-server.ts"),
    join(pki, "apiserver.crt"),
    join(pki, "apiserver.key"),
    join(cluster.directory, "bare-store"),
    ...["-t1", "-c32", `-d${warmUpSeconds}s`, "-s", file, "https://127.0.0.1:6444/"],
  ]);
  row(`(Node's own HTTPS server that ${what}, 32 connections)`, perSecond(requestsPerSecond(printed)), "none");
}

const filler = "x".repeat(700);

async function measureRequests(cluster: TestCluster): Promise<void> {
  await cluster.kubectl("create", "serviceaccount", "bench");
  await cluster.kubectl(
    "create",
    "clusterrolebinding",
    "bench",
    "--clusterrole=cluster-admin",
    "--serviceaccount=default:bench",
  );
  const token = (await cluster.kubectl("create", "token", "bench", "--duration=1h")).trim();
  await cluster.kubectl("create", "namespace", "thousand");
  const object = (index: number) =>
    JSON.stringify({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: `object-${index}`, namespace: "thousand" },
      data: { filler },
    });
  const items = Array.from({ length: 1_000 }, (_, index) => object(index)).join(",");
  await cluster.inside("kubectl", ["create", "-f", "-"], {
    env: cluster.kubectlEnvironment,
    input: `{"apiVersion":"v1","kind":"List","items":[${items}]}`,
  });
  const all = "/api/v1/namespaces/thousand/configmaps";
  row(
    "GET of a 1 kB object, 32 connections, TLS",
    perSecond(await wrk(cluster, 32, `${all}/object-7`, token)),
    "25,000 /s",
  );
  await measureBareServer(cluster, "only answers 1 kB");
  row("LIST of 1,000 such objects, 8 connections", perSecond(await wrk(cluster, 8, all, token)), "800 /s");
  const create = `
    local count = 0
    local run = os.time()
    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/json"
    request = function()
      count = count + 1
      local body = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"made-' .. run .. '-' .. count .. '"},"data":{"filler":"${filler}"}}'
      return wrk.format(nil, nil, nil, body)
    end`;
  await cluster.kubectl("create", "namespace", "made");
  const created = await wrk(cluster, 32, "/api/v1/namespaces/made/configmaps", token, create);
  row("durable CREATE, 32 connections", perSecond(created), "8,000 /s");
  await measureBareServer(cluster, "parses 1 kB of JSON and has LMDB keep it", create);
  await measurePatches(cluster, token);
  // What comes next is measured without it.
  await cluster.kubectl("delete", "namespace", "thousand", "made", "patched");
}

const patchedCount = 64;

/** A Deployment of 2 kB without pods: what is measured is the API server with its controllers. */
function deployment(name: string, note: string): object {
  const container = (index: number) => ({
    name: `c${index}`,
    image: "registry.example/app:1",
    args: ["--first", "--second"],
    ports: [{ containerPort: 80 + index, name: `p${index}` }],
    env: Array.from({ length: 8 }, (_, each) => ({ name: `ENVIRONMENT_${each}`, value: `value-of-${each}` })),
    resources: { requests: { cpu: "100m", memory: "64Mi" }, limits: { memory: "128Mi" } },
    livenessProbe: { httpGet: { path: "/healthz", port: 80 }, periodSeconds: 5 },
    volumeMounts: [{ name: "data", mountPath: "/data" }],
  });
  const labels = { app: "patched" };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, labels, annotations: { note } },
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [container(0), container(1)], volumes: [{ name: "data", emptyDir: {} }] },
      },
    },
  };
}

/** Patches with the controllers running, each of which changes something; wrk's script takes turns with the objects. */
async function measurePatches(cluster: TestCluster, token: string): Promise<void> {
  await cluster.kubectl("create", "namespace", "patched");
  const items = Array.from({ length: patchedCount }, (_, index) => deployment(`d${index}`, "0"));
  await cluster.inside("kubectl", ["apply", "--server-side", "-n", "patched", "--field-manager=bench", "-f", "-"], {
    env: cluster.kubectlEnvironment,
    input: JSON.stringify({ apiVersion: "v1", kind: "List", items }),
  });
  const script = (mediaType: string, query: string, body: object) => `
    local count = 0
    wrk.method = "PATCH"
    wrk.headers["Content-Type"] = "${mediaType}"
    local body = [==[${JSON.stringify(body)}]==]
    request = function()
      count = count + 1
      local name = "d" .. count % ${patchedCount}
      local text = body:gsub("NAME", name):gsub("NOTE", count)
      return wrk.format(nil, "/apis/apps/v1/namespaces/patched/deployments/" .. name .. "${query}", nil, text)
    end`;
  const strategic = script("application/strategic-merge-patch+json", "", {
    metadata: { annotations: { note: "NOTE" } },
  });
  const apply = script("application/apply-patch+yaml", "?fieldManager=bench&force=true", deployment("NAME", "NOTE"));
  const patched = await wrk(cluster, 16, "/", token, strategic);
  row("strategic-merge PATCH of a 2 kB Deployment, 16 connections", perSecond(patched), "3,000 /s");
  row("server-side apply of the same", perSecond(await wrk(cluster, 16, "/", token, apply)), "1,500 /s");
}

/** The watchers are a process of their own, as everything that measures. */
async function measureWatchers(cluster: TestCluster): Promise<void> {
  const printed = await cluster.inside(process.execPath, [
    "--disable-warning=ExperimentalWarning",
    resolve(import.meta.dirname, "watchers.ts"),
    cluster.kubeconfig,
  ]);
  const { p50Ms, p99Ms } = JSON.parse(printed.trim().split("\n").at(-1)!) as Record<string, number>;
  row(
    "1,000 watchers, 50 updates a second: p99 delay (median)",
    `${Math.round(p99Ms!)} ms (${Math.round(p50Ms!)} ms)`,
    "80 ms",
  );
}

async function measurePods(cluster: TestCluster): Promise<void> {
  await cluster.roder(["image", "load", await imageArchive(image)]);
  const root = resolve(import.meta.dirname);
  const printed = await cluster.inside(process.execPath, [
    "--disable-warning=ExperimentalWarning",
    join(root, "pods.ts"),
    cluster.kubeconfig,
    image,
  ]);
  const figures = JSON.parse(printed.trim().split("\n").at(-1)!) as {
    podMs: number;
    deploymentMs: number;
    replicas: number;
  };
  row("pod created → Ready, image present (median of 10)", seconds(figures.podMs), "0.25 s");
  const rate = figures.replicas / (figures.deploymentMs / 1000);
  row(
    `a Deployment of ${figures.replicas} → all Ready`,
    `${rate.toFixed(1)} pods/s (${seconds(figures.deploymentMs)})`,
    "10.5 pods/s",
  );
}

/** Runs a program of this directory and reads the line of JSON that it prints last. */
async function program<T>(name: string, ...args: readonly string[]): Promise<T> {
  const path = resolve(import.meta.dirname, name);
  const printed = await succeed(process.execPath, ["--disable-warning=ExperimentalWarning", path, ...args]);
  return JSON.parse(printed.trim().split("\n").at(-1) ?? "") as T;
}

const startsMeasured = 5;

/** Clusters inside one program, and inside a tab: fresh ones each time, the median of some. */
async function measureEmbedded(): Promise<void> {
  const answers: number[] = [];
  for (let index = 0; index < startsMeasured; index++) {
    answers.push((await program<{ answerMs: number }>("embedded.ts")).answerMs);
  }
  row("Cluster.start in a program → first answer", milliseconds(median(answers)), "100 ms");
  await buildBrowser();
  const tabs: number[] = [];
  for (let index = 0; index < startsMeasured; index++) {
    tabs.push(
      await inBrowser<number>(`
        const startedMs = performance.now();
        const cluster = await roder.Cluster.start({ nodes: 50 });
        const ms = performance.now() - startedMs;
        await cluster.stop();
        return ms;`),
    );
  }
  row("Cluster.start in a browser's tab, 50 nodes ready", milliseconds(median(tabs)), "300 ms");
  const startMs = performance.now();
  const { problems } = await simulateDay(1);
  if (problems.length > 0) throw new Error(`the simulated day ends badly: ${problems.join("; ")}`);
  row("a simulated day of 1,000 nodes", seconds(performance.now() - startMs), "60 s");
}

const median = (all: readonly number[]) => [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)] ?? Number.NaN;
const milliseconds = (ms: number) => `${Math.round(ms)} ms`;

async function measureHollowNodes(): Promise<void> {
  const cluster = await TestCluster.prepare("bench-hollow");
  try {
    const profile = join(cluster.directory, "profile.yaml");
    // What a real engine takes is not what is measured.
    writeFileSync(profile, "sandbox: 0s\nstart: 0s\n");
    await cluster.up("--nodes", "0", "--hollow-nodes", "100", "--profile", profile);
    const path = resolve(import.meta.dirname, "hollow-deployment.ts");
    const printed = await cluster.inside(process.execPath, [
      "--disable-warning=ExperimentalWarning",
      path,
      cluster.kubeconfig,
    ]);
    // The program prints it.
    const { readyMs } = JSON.parse(printed.trim().split("\n").at(-1) ?? "") as { readyMs: number };
    row("a Deployment of 1,000 on 100 simulated nodes → all Ready", seconds(readyMs), "5 s");
  } finally {
    await cluster.remove();
  }
}

async function main(): Promise<void> {
  console.log(`${cpus().length} × ${cpus()[0]?.model}, ${new Date().toISOString().slice(0, 10)}`);
  if (process.argv[2] === "simulated") {
    await measureEmbedded();
    await measureHollowNodes();
    return;
  }
  const onlyRequests = process.argv[2] === "requests";
  if (!onlyRequests) await measureStart();
  const cluster = await TestCluster.prepare("bench");
  try {
    await cluster.up();
    if (!onlyRequests) {
      await measureRest(cluster);
      await measurePods(cluster);
    }
    await measureRequests(cluster);
    await measureWatchers(cluster);
  } finally {
    await cluster.remove();
  }
  await measureHollowNodes();
  await measureEmbedded();
  console.log("\n| what | Roder | target |\n| --- | --- | --- |");
  for (const { what, figure, target } of rows) console.log(`| ${what} | ${figure} | ${target} |`);
}

await main();
