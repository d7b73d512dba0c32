// From what was used since the start to what is used now: two summaries of a node, and the time between them.
import {
  binaryQuantity,
  type ContainerMetrics,
  formatQuantity,
  type NodeMetrics,
  type PodMetrics,
  type StatsSummary,
} from "../../api/index.ts";
import { timestamp } from "../../lib/index.ts";

type Use = Pick<StatsSummary["node"], "cpu" | "memory">;
type Measured<T> = Omit<T, "metadata" | "kind" | "apiVersion">;

export interface NodeUse {
  readonly node: Measured<NodeMetrics> | undefined;
  /** By uid; only pods of which every container that runs is known. */
  readonly pods: ReadonlyMap<string, Measured<PodMetrics>>;
}

/** What a node used between `before` and `now`. */
export function usageBetween(before: StatsSummary, now: StatsSummary): NodeUse {
  const pods = new Map<string, Measured<PodMetrics>>();
  const podsBefore = new Map(before.pods.map((each) => [each.podRef.uid, each.containers]));
  for (const { podRef, containers } of now.pods) {
    const old = new Map(podsBefore.get(podRef.uid)?.map((each) => [each.name, each]));
    const used = containers.map(({ name, ...stats }) => {
      const first = old.get(name);
      const usage = first && rateOf(first, stats);
      return usage && { name, usage };
    });
    // Half a pod would look as if it needed half as much.
    if (used.length === 0 || used.includes(undefined)) continue;
    pods.set(podRef.uid, { ...timesOf(before, now), containers: used as ContainerMetrics[] }); // none is undefined
  }
  const usage = rateOf(before.node, now.node);
  return { node: usage && { ...timesOf(before, now), usage }, pods };
}

/** Undefined for what was started anew in between, and for times that do not go on. */
function rateOf(before: Use, now: Use): ContainerMetrics["usage"] | undefined {
  const used = now.cpu.usageCoreNanoSeconds - before.cpu.usageCoreNanoSeconds;
  const passedMs = Date.parse(now.cpu.time) - Date.parse(before.cpu.time);
  if (used < 0 || passedMs <= 0) return undefined;
  const nanoCores = BigInt(Math.round(used / (passedMs / 1000)));
  return {
    cpu: formatQuantity({ mantissa: nanoCores, scale: -9, format: "DecimalSI" }),
    memory: binaryQuantity(now.memory.workingSetBytes),
  };
}

function timesOf(before: StatsSummary, now: StatsSummary) {
  const atMs = Date.parse(now.node.cpu.time);
  return { timestamp: timestamp(atMs), window: goSeconds(atMs - Date.parse(before.node.cpu.time)) };
}

/** A duration as Go prints it. */
function goSeconds(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  return `${minutes > 0 ? `${minutes}m` : ""}${(ms % 60_000) / 1000}s`;
}
