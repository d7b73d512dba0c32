import { type PodTerm, podTermsOf } from "../pod-terms.ts";
import { type PodToPlace, type RankingRule, ratingMax } from "../rule.ts";
import type { PlacedPod, Snapshot } from "../snapshot.ts";
import { TopologyCounts } from "../topology-counts.ts";

/** What it counts that a pod there requires this one near it: kube-scheduler's hardPodAffinityWeight. */
const requiredByOtherWeight = 1;

/** Prefers domains with pods that the pod prefers to be near to, or that prefer it; avoids those of the contrary. */
export const podAffinityPreference: RankingRule = {
  name: "InterPodAffinity",
  weight: 2,
  prepare(toPlace, snapshot) {
    const sums = new TopologyCounts();
    addOwnPreferences(sums, toPlace, snapshot);
    addPreferencesOfOthers(sums, toPlace, snapshot);
    if (sums.isEmpty) return undefined;
    return {
      rate: (node) => sums.sumAt(node),
      normalize(ratings) {
        const highest = Math.max(0, ...ratings);
        const lowest = Math.min(0, ...ratings);
        const range = highest - lowest;
        for (let i = 0; i < ratings.length; i++) {
          ratings[i] = range === 0 ? 0 : Math.floor((ratingMax * (ratings[i]! - lowest)) / range);
        }
      },
    };
  },
};

function addOwnPreferences(sums: TopologyCounts, { pod, shape }: PodToPlace, snapshot: Snapshot): void {
  const { preferredAffinity, preferredAntiAffinity } = podTermsOf(shape, pod.metadata.namespace ?? "");
  if (preferredAffinity.length + preferredAntiAffinity.length === 0) return;
  for (const node of snapshot.nodes) {
    const add = (terms: readonly PodTerm[], other: PlacedPod, sign: 1 | -1) => {
      for (const term of terms) {
        if (term.matches(other.pod, snapshot.namespaceLabels)) sums.add(term.topologyKey, node, sign * term.weight);
      }
    };
    for (const other of node.pods.values()) {
      add(preferredAffinity, other, 1);
      add(preferredAntiAffinity, other, -1);
    }
  }
}

function addPreferencesOfOthers(sums: TopologyCounts, { pod }: PodToPlace, snapshot: Snapshot): void {
  for (const { terms, placed } of snapshot.podsWithTerms()) {
    const add = (theirs: readonly PodTerm[], factor: number) => {
      for (const term of theirs) {
        if (!term.matches(pod, snapshot.namespaceLabels)) continue;
        for (const { nodeName } of placed) {
          const node = snapshot.node(nodeName);
          if (node) sums.add(term.topologyKey, node, factor * term.weight);
        }
      }
    };
    add(terms.requiredAffinity, requiredByOtherWeight);
    add(terms.preferredAffinity, 1);
    add(terms.preferredAntiAffinity, -1);
  }
}
