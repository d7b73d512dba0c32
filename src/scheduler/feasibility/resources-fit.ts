import type { Amounts } from "../amounts.ts";
import type { FeasibilityRule, Rejection } from "../rule.ts";
import type { NodeState } from "../snapshot.ts";

/** Extended resources that something else than this scheduler accounts for. */
export interface IgnoredResources {
  readonly names: ReadonlySet<string>;
  /** What stands before the slash of a name. */
  readonly groups: ReadonlySet<string>;
}

/** What the node has left must be enough for what the pod asks for, and there must be room for one more pod. */
export function resourcesFit(ignored: IgnoredResources): FeasibilityRule {
  return {
    name: "NodeResourcesFit",
    prepare({ shape }) {
      const requests = withoutIgnored(shape.requests, ignored);
      return (node) => (fits(requests, node) ? undefined : rejection(requests, node));
    },
  };
}

function withoutIgnored(requests: Amounts, { names, groups }: IgnoredResources): Amounts {
  if (requests.others.size === 0 || names.size + groups.size === 0) return requests;
  const others = [...requests.others].filter(([name]) => !names.has(name) && !groups.has(name.split("/")[0] ?? ""));
  return { ...requests, others: new Map(others) };
}

/** The common case, without a list of reasons. */
function fits(requests: Amounts, { requested, allocatable, pods, podsMax }: NodeState): boolean {
  if (pods.size >= podsMax) return false;
  if (isShort(requests.milliCpu, requested.milliCpu, allocatable.milliCpu)) return false;
  if (isShort(requests.memoryBytes, requested.memoryBytes, allocatable.memoryBytes)) return false;
  if (isShort(requests.ephemeralBytes, requested.ephemeralBytes, allocatable.ephemeralBytes)) return false;
  for (const [name, wanted] of requests.others) {
    if (isShort(wanted, requested.others.get(name) ?? 0, allocatable.others.get(name) ?? 0)) return false;
  }
  return true;
}

/** Who asks for nothing of a resource is not turned away for its lack, not even on a node that is overcommitted. */
function isShort(wanted: number, requested: number, allocatable: number): boolean {
  return wanted > 0 && wanted > allocatable - requested;
}

/** All that is missing. What an empty node would lack too cannot be mended by removing pods. */
function rejection(requests: Amounts, node: NodeState): Rejection {
  const { requested, allocatable } = node;
  const reasons: string[] = [];
  let isResolvable = true;
  if (node.pods.size >= node.podsMax) reasons.push("Too many pods");
  const check = (name: string, wanted: number, used: number, all: number) => {
    if (!isShort(wanted, used, all)) return;
    reasons.push(`Insufficient ${name}`);
    if (wanted > all) isResolvable = false;
  };
  check("cpu", requests.milliCpu, requested.milliCpu, allocatable.milliCpu);
  check("memory", requests.memoryBytes, requested.memoryBytes, allocatable.memoryBytes);
  check("ephemeral-storage", requests.ephemeralBytes, requested.ephemeralBytes, allocatable.ephemeralBytes);
  for (const [name, wanted] of requests.others) {
    check(name, wanted, requested.others.get(name) ?? 0, allocatable.others.get(name) ?? 0);
  }
  return { reasons, isResolvable };
}
