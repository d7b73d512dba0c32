// The Node object that an agent reports: pure functions of the machine and its load.
import {
  binaryQuantity,
  type ContainerImage,
  formatQuantity,
  hostnameLabel,
  isExtendedResource,
  localVolumesAnnotation,
  milliQuantity,
  type NewObject,
  type Node,
  type NodeCondition,
  type NodeStatus,
  parseQuantity,
} from "../../api/index.ts";
import { timestamp } from "../../lib/index.ts";
import type { Image } from "../engine/index.ts";
import { type EvictionSignal, type PressureType, pressureTypes, thresholdValue } from "../eviction/node-pressure.ts";
import type { Machine, MachineLoad } from "../host.ts";
import { Paths } from "../paths.ts";
import { type AgentSettings, settingsDefaults } from "../settings.ts";

export interface NodeFacts {
  readonly name: string;
  readonly machine: Machine;
  readonly settings: AgentSettings;
  readonly engine: { readonly runtime: string; readonly version: string };
}

export interface NodeReport extends NodeFacts {
  readonly load: MachineLoad;
  readonly images: readonly Image[];
  /** What the node is short of. */
  readonly pressures: readonly PressureType[];
  /** Why pods cannot run here now; empty when they can. */
  readonly notReady: string;
  readonly nowMs: number;
}

/** What the node is registered with. */
export function newNode({ name, machine, settings }: NodeFacts): NewObject<Node> {
  const { nodeTaints } = settings;
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: nodeLabels(name, machine, settings), annotations: nodeAnnotations(settings) },
    spec: nodeTaints && nodeTaints.length > 0 ? { taints: nodeTaints } : {},
  };
}

/** The labels that the agent keeps on its node, whatever others do to them. */
export function nodeLabels(name: string, machine: Machine, settings: AgentSettings): Record<string, string> {
  return {
    "beta.kubernetes.io/arch": machine.architecture,
    "beta.kubernetes.io/os": "linux",
    "kubernetes.io/arch": machine.architecture,
    [hostnameLabel]: name,
    "kubernetes.io/os": "linux",
    ...settings.nodeLabels,
  };
}

/** The annotations that the agent keeps on its node. */
export function nodeAnnotations(settings: AgentSettings): Record<string, string> {
  return settings.localVolumes === false ? {} : { [localVolumesAnnotation]: new Paths(settings).localVolumes };
}

/** The node's status; fields of `previous` that the agent does not own are kept. */
export function nodeStatus(report: NodeReport, previous: NodeStatus | undefined): NodeStatus {
  const { name, machine, settings, engine } = report;
  const version = settings.version ?? settingsDefaults.version;
  const { images: _before, ...kept } = previous ?? {};
  return {
    ...kept,
    addresses: [
      ...settings.nodeIps.map((address) => ({ type: "InternalIP", address })),
      { type: "Hostname", address: name },
    ],
    ...withOthers(resources(report), previous),
    conditions: conditions(report, previous?.conditions ?? []),
    daemonEndpoints: { kubeletEndpoint: { Port: settings.port ?? settingsDefaults.port } },
    // The API drops an empty list, and what differs from it would be written again and again.
    ...(report.images.length > 0 ? { images: largestImages(report.images) } : {}),
    nodeInfo: {
      architecture: machine.architecture,
      bootID: machine.bootId,
      containerRuntimeVersion: `${engine.runtime}://${engine.version}`,
      kernelVersion: machine.kernelVersion,
      kubeProxyVersion: "",
      kubeletVersion: version,
      machineID: machine.machineId,
      operatingSystem: "linux",
      osImage: machine.osImage,
      systemUUID: machine.systemUuid,
    },
  };
}

function resources({ machine, load, settings }: NodeReport): Required<Pick<NodeStatus, "capacity" | "allocatable">> {
  const { reserved = {} } = settings;
  // What pods would be ended for is nothing that can be given to them.
  const evictionHard = settings.evictionHard ?? settingsDefaults.evictionHard;
  const keptFree = (signal: EvictionSignal, capacity: number) => thresholdValue(evictionHard[signal] ?? "0", capacity);
  const memoryKept = (reserved.memoryBytes ?? 0) + keptFree("memory.available", machine.memoryBytes);
  const diskKept = keptFree("nodefs.available", load.diskCapacityBytes);
  const pods = String(settings.podsMax ?? settingsDefaults.podsMax);
  const huge = { "hugepages-1Gi": "0", "hugepages-2Mi": "0" };
  return {
    capacity: {
      cpu: String(machine.cpus),
      "ephemeral-storage": binaryQuantity(load.diskCapacityBytes),
      ...huge,
      memory: binaryQuantity(machine.memoryBytes),
      pods,
    },
    allocatable: {
      cpu: milliQuantity(machine.cpus * 1_000 - (reserved.cpuMilli ?? 0)),
      "ephemeral-storage": formatQuantity(parseQuantity(String(load.diskCapacityBytes - diskKept))),
      ...huge,
      memory: binaryQuantity(Math.max(0, machine.memoryBytes - memoryKept)),
      pods,
    },
  };
}

/**
 * The resources of the agent, and what others advertise in the capacity: as much of it can be allocated, until they take it
 * back. https://kubernetes.io/docs/tasks/administer-cluster/extended-resource-node/
 */
function withOthers(
  own: Required<Pick<NodeStatus, "capacity" | "allocatable">>,
  previous: NodeStatus | undefined,
): Pick<NodeStatus, "capacity" | "allocatable"> {
  const capacity = { ...previous?.capacity, ...own.capacity };
  const left = Object.entries(previous?.allocatable ?? {}).filter(
    ([name]) => capacity[name] !== undefined || !isExtendedResource(name),
  );
  return { capacity, allocatable: { ...Object.fromEntries(left), ...capacity, ...own.allocatable } };
}

interface Verdict {
  readonly type: string;
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
}

function conditions({ pressures, notReady, nowMs }: NodeReport, previous: readonly NodeCondition[]): NodeCondition[] {
  const now = timestamp(nowMs);
  const own = verdicts(pressures, notReady).map((verdict) => {
    const old = previous.find((each) => each.type === verdict.type);
    const same = old?.status === verdict.status ? old.lastTransitionTime : undefined;
    return { ...verdict, lastHeartbeatTime: now, lastTransitionTime: same ?? now };
  });
  const others = previous.filter((each) => !own.some((verdict) => verdict.type === each.type));
  return [...others, ...own];
}

/** Reason and message of a condition that is there, and of one that is not. */
const pressureWords: Readonly<Record<PressureType, readonly [readonly [string, string], readonly [string, string]]>> = {
  MemoryPressure: [
    ["KubeletHasInsufficientMemory", "kubelet has insufficient memory available"],
    ["KubeletHasSufficientMemory", "kubelet has sufficient memory available"],
  ],
  DiskPressure: [
    ["KubeletHasDiskPressure", "kubelet has disk pressure"],
    ["KubeletHasNoDiskPressure", "kubelet has no disk pressure"],
  ],
  PIDPressure: [
    ["KubeletHasInsufficientPID", "kubelet has insufficient PID available"],
    ["KubeletHasSufficientPID", "kubelet has sufficient PID available"],
  ],
};

function verdicts(pressures: readonly PressureType[], notReady: string): Verdict[] {
  const ofPressure = pressureTypes.map((type): Verdict => {
    const has = pressures.includes(type);
    const [reason, message] = pressureWords[type][has ? 0 : 1];
    return { type, status: has ? "True" : "False", reason, message };
  });
  return [
    ...ofPressure,
    notReady === ""
      ? { type: "Ready", status: "True", reason: "KubeletReady", message: "kubelet is posting ready status" }
      : { type: "Ready", status: "False", reason: "KubeletNotReady", message: notReady },
  ];
}

/** nodeStatusMaxImages and maxNamesPerImageInNodeStatus of the kubelet. */
const imagesMax = 50;
const namesMax = 5;

function largestImages(images: readonly Image[]): ContainerImage[] {
  return [...images]
    .sort((a, b) => b.sizeBytes - a.sizeBytes)
    .slice(0, imagesMax)
    .map(({ tags, digests, sizeBytes }) => {
      const names = [...digests, ...tags].slice(0, namesMax);
      // As the API shows it: what is said again in other words would be written again.
      return { names: names.length > 0 ? names : null, sizeBytes };
    });
}
