import type { DomainTally } from "../domain-tally.ts";
import { type PodTerm, podTermsOf } from "../pod-terms.ts";
import { type PodToPlace, type RankingRule, ratingMax } from "../rule.ts";
import type { NodeState, PodGroup, Snapshot } from "../snapshot.ts";

interface Preference {
  readonly tally: DomainTally;
  readonly weight: number;
}

export interface PodAffinityOptions {
  /** What it counts that a pod there requires this one near it: kube-scheduler's hardPodAffinityWeight. */
  readonly requiredByOtherWeight: number;
  /** Whether only the pod's own terms count if it has any: kube-scheduler's ignorePreferredTermsOfExistingPods. */
  readonly ignorePreferredTermsOfOthers: boolean;
}

/** Prefers domains with pods that the pod prefers to be near to, or that prefer it; avoids those of the contrary. */
export function podAffinityPreference(options: PodAffinityOptions): RankingRule {
  return {
    name: "InterPodAffinity",
    weight: 2,
    prepare(toPlace, snapshot) {
      const preferences = [...ownPreferences(toPlace, snapshot), ...preferencesOfOthers(toPlace, snapshot, options)];
      if (preferences.every(({ tally }) => tally.isEmpty)) return undefined;
      return {
        rate: (node: NodeState) => preferences.reduce((sum, { tally, weight }) => sum + weight * tally.at(node), 0),
        normalize(ratings) {
          const highest = ratings.reduce((a, b) => Math.max(a, b), 0);
          const lowest = ratings.reduce((a, b) => Math.min(a, b), 0);
          const range = highest - lowest;
          for (let i = 0; i < ratings.length; i++) {
            ratings[i] = range === 0 ? 0 : Math.floor((ratingMax * (ratings[i]! - lowest)) / range);
          }
        },
      };
    },
  };
}

function ownPreferences({ pod, shape }: PodToPlace, snapshot: Snapshot): Preference[] {
  if (!shape.hasAffinityTerms) return [];
  const { namespace = "" } = pod.metadata;
  const { preferredAffinity, preferredAntiAffinity } = podTermsOf(shape, namespace);
  const of = (kind: string, terms: readonly PodTerm[], sign: 1 | -1) =>
    terms.map((term, index) => ({
      weight: sign * term.weight,
      tally: snapshot.tallies.of(JSON.stringify([kind, shape.id, namespace, index]), () => ({
        topologyKey: term.topologyKey,
        weigh: ({ pod: other }) => Number(term.matches(other, snapshot.namespaceLabels)),
      })),
    }));
  return [...of("prefers", preferredAffinity, 1), ...of("avoids", preferredAntiAffinity, -1)];
}

function preferencesOfOthers(
  { pod, shape }: PodToPlace,
  snapshot: Snapshot,
  { requiredByOtherWeight, ignorePreferredTermsOfOthers }: PodAffinityOptions,
): Preference[] {
  const own = podTermsOf(shape, pod.metadata.namespace ?? "");
  const hasOwn = own.preferredAffinity.length + own.preferredAntiAffinity.length > 0;
  if (ignorePreferredTermsOfOthers && !hasOwn) return [];
  const preferences: Preference[] = [];
  const add = (group: PodGroup, theirs: readonly PodTerm[], factor: number) => {
    for (const term of theirs) {
      if (factor === 0 || !term.matches(pod, snapshot.namespaceLabels)) continue;
      const { topologyKey } = term;
      const key = JSON.stringify(["group", group.shape.id, group.namespace, topologyKey]);
      const tally = snapshot.tallies.of(key, () => ({
        topologyKey,
        weigh: (placed) => Number(placed.shape === group.shape && placed.pod.metadata.namespace === group.namespace),
      }));
      preferences.push({ tally, weight: factor * term.weight });
    }
  };
  for (const group of snapshot.podsWithTerms()) {
    add(group, group.terms.requiredAffinity, requiredByOtherWeight);
    add(group, group.terms.preferredAffinity, 1);
    add(group, group.terms.preferredAntiAffinity, -1);
  }
  return preferences;
}
