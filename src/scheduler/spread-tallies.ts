import { type DomainTally, isInTopologies } from "./domain-tally.ts";
import type { SpreadConstraint } from "./pod-terms.ts";
import type { PodToPlace } from "./rule.ts";
import type { PlacedPod, Snapshot } from "./snapshot.ts";

/**
 * For each constraint, how many pods that it is about are in each domain of the nodes that it includes. `kind` tells
 * constraints of one pod apart that come from different places. Nodes outside of a topology count nowhere, unless
 * `anyTopology` says so.
 */
export function spreadTallies(
  kind: string,
  constraints: readonly SpreadConstraint[],
  { pod, shape }: PodToPlace,
  snapshot: Snapshot,
  anyTopology = false,
): readonly DomainTally[] {
  const { namespace = "" } = pod.metadata;
  return constraints.map((constraint, index) => {
    const key = JSON.stringify([kind, shape.id, namespace, index, constraint.selection]);
    return snapshot.tallies.of(key, () => ({
      topologyKey: constraint.topologyKey,
      weigh: (placed) => Number(isSelected(placed, constraint, namespace)),
      includes: (node) => (anyTopology || isInTopologies(node, constraints)) && constraint.includes(node.node),
    }));
  });
}

/** Whether a constraint of a pod in `namespace` is about the pod; those on their way out are not counted. */
function isSelected({ pod: { metadata } }: PlacedPod, constraint: SpreadConstraint, namespace: string): boolean {
  const { deletionTimestamp, labels } = metadata;
  return deletionTimestamp === undefined && metadata.namespace === namespace && constraint.selects(labels);
}
