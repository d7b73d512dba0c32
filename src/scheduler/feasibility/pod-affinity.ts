import { podTermsOf } from "../pod-terms.ts";
import { type FeasibilityRule, type PodToPlace, resolvable, unresolvable } from "../rule.ts";
import type { Snapshot } from "../snapshot.ts";
import { isInTopologies, TopologyCounts } from "../topology-counts.ts";

const notNear = unresolvable("node(s) didn't match pod affinity rules");
const notApart = resolvable("node(s) didn't match pod anti-affinity rules");
const notWanted = resolvable("node(s) didn't satisfy existing pods anti-affinity rules");

/** The pod's required affinity and anti-affinity to other pods, and theirs against it. */
export const podAffinity: FeasibilityRule = {
  name: "InterPodAffinity",
  prepare(toPlace, snapshot) {
    const { pod, shape } = toPlace;
    const { requiredAffinity: near, requiredAntiAffinity: apart } = podTermsOf(shape, pod.metadata.namespace ?? "");
    const against = countTermsAgainst(toPlace, snapshot);
    if (near.length === 0 && apart.length === 0 && against.isEmpty) return undefined;
    const { nearCounts, apartCounts } = countOthers(toPlace, snapshot);
    // The first of a group that wants to be together has nobody to be near to: it may go anywhere.
    const isFirst = nearCounts.isEmpty && near.every((term) => term.matches(pod, snapshot.namespaceLabels));
    return (node) => {
      if (!isInTopologies(node, near)) return notNear;
      if (!isFirst && near.some(({ topologyKey }) => nearCounts.at(topologyKey, node) === 0)) return notNear;
      if (apart.some(({ topologyKey }) => apartCounts.at(topologyKey, node) > 0)) return notApart;
      return against.sumAt(node) > 0 ? notWanted : undefined;
    };
  },
};

/** In each domain, the pods that do not want this one there. */
function countTermsAgainst({ pod }: PodToPlace, snapshot: Snapshot): TopologyCounts {
  const counts = new TopologyCounts();
  for (const { terms, placed } of snapshot.podsWithTerms()) {
    for (const term of terms.requiredAntiAffinity) {
      if (!term.matches(pod, snapshot.namespaceLabels)) continue;
      for (const { nodeName } of placed) {
        const node = snapshot.node(nodeName);
        if (node) counts.add(term.topologyKey, node, 1);
      }
    }
  }
  return counts;
}

/** In each domain, the pods that the pod wants to be near to (those that all of its terms mean), and apart from. */
function countOthers({ pod, shape }: PodToPlace, snapshot: Snapshot) {
  const { requiredAffinity: near, requiredAntiAffinity: apart } = podTermsOf(shape, pod.metadata.namespace ?? "");
  const nearCounts = new TopologyCounts();
  const apartCounts = new TopologyCounts();
  for (const node of near.length + apart.length > 0 ? snapshot.nodes : []) {
    for (const { pod: other } of node.pods.values()) {
      if (near.length > 0 && near.every((term) => term.matches(other, snapshot.namespaceLabels))) {
        for (const { topologyKey } of near) nearCounts.add(topologyKey, node, 1);
      }
      for (const term of apart) {
        if (term.matches(other, snapshot.namespaceLabels)) apartCounts.add(term.topologyKey, node, 1);
      }
    }
  }
  return { nearCounts, apartCounts };
}
