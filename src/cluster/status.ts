import { connectEngine } from "../agent/host/containerd/index.ts";
import { Nodes } from "../api/index.ts";
import { errorMessage, systemClock } from "../lib/index.ts";
import { administratorClient } from "./administrator.ts";
import type { DataDirectory } from "./data-directory.ts";
import { enginePaths, enginePid, machineOf } from "./node-engine.ts";
import { runningProcess } from "./processes.ts";
import type { ClusterSettings } from "./settings.ts";
import { kubernetesVersion } from "./version.ts";

export interface ComponentStatus {
  readonly name: string;
  readonly running: boolean;
  readonly pid?: number;
}

export interface ClusterStatus {
  readonly name: string;
  readonly version: string;
  readonly dataDirectory: string;
  readonly components: readonly ComponentStatus[];
  readonly endpoints: { readonly api: string; readonly kubeconfig: string };
  readonly ranges: { readonly pods: string; readonly services: string };
  readonly api: { readonly answers: boolean; readonly problem?: string };
  readonly nodes: readonly { readonly name: string; readonly ready: boolean; readonly address: string }[];
  /** What was found on the machine and chosen for it; absent for a control plane without nodes. */
  readonly machine?: {
    readonly cgroups: string;
    readonly engine: string;
    readonly runtime: string;
    readonly snapshotter: string;
    readonly limits: readonly string[];
  };
}

export async function clusterStatus(directory: DataDirectory, settings: ClusterSettings): Promise<ClusterStatus> {
  const components = await componentsOf(directory, settings);
  const api = await askApi(directory);
  return {
    name: settings.name,
    version: kubernetesVersion,
    dataDirectory: directory.root,
    components,
    endpoints: { api: `https://127.0.0.1:${settings.port}`, kubeconfig: settings.kubeconfig },
    ranges: { pods: settings.podRange, services: settings.serviceRange },
    api: api.problem === undefined ? { answers: true } : { answers: false, problem: api.problem },
    nodes: api.nodes,
    ...(settings.nodes > 0 ? { machine: await machineStatus(directory) } : {}),
  };
}

async function componentsOf(directory: DataDirectory, settings: ClusterSettings): Promise<ComponentStatus[]> {
  const component = (name: string, pid: number | undefined): ComponentStatus =>
    pid === undefined ? { name, running: false } : { name, running: true, pid };
  const server = component("server", runningProcess(directory, "server")?.pid);
  const hollow = settings.hollowNodes ? [component("hollow", runningProcess(directory, "hollow")?.pid)] : [];
  if (settings.nodes === 0) return [server, ...hollow];
  return [
    server,
    ...hollow,
    component("node", runningProcess(directory, "node")?.pid),
    component("containerd", await enginePid(directory)),
  ];
}

const askMsMax = 3_000;

async function askApi(directory: DataDirectory): Promise<{ nodes: ClusterStatus["nodes"]; problem?: string }> {
  try {
    const client = await administratorClient(directory);
    try {
      const { items } = await client.list(Nodes, { signal: AbortSignal.timeout(askMsMax) });
      const nodes = items.map((node) => ({
        name: node.metadata.name,
        ready: (node.status.conditions ?? []).some((each) => each.type === "Ready" && each.status === "True"),
        address: node.status.addresses?.find((each) => each.type === "InternalIP")?.address ?? "",
      }));
      return { nodes };
    } finally {
      client.close();
    }
  } catch (error) {
    return { nodes: [], problem: errorMessage(error) };
  }
}

async function machineStatus(directory: DataDirectory): Promise<NonNullable<ClusterStatus["machine"]>> {
  const machine = await machineOf(directory);
  return {
    cgroups: machine.cgroupMode,
    engine: await engineVersion(directory),
    runtime: machine.runtime?.name ?? "none",
    snapshotter: machine.snapshotter,
    limits: [
      ...machine.missing,
      ...(machine.canLowerOomScore ? [] : ["no CAP_SYS_RESOURCE: containers keep the OOM score of this process"]),
    ],
  };
}

async function engineVersion(directory: DataDirectory): Promise<string> {
  if ((await enginePid(directory)) === undefined) return "containerd (stopped)";
  const engine = await connectEngine({ socketPath: enginePaths(directory).socket, clock: systemClock });
  try {
    const { runtime, version } = await engine.version();
    return `${runtime} ${version}`;
  } catch (error) {
    return `containerd (${errorMessage(error)})`;
  } finally {
    engine.close();
  }
}
