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
    isRelative: (toPlace, snapshot) => {
      const { pod, shape } = toPlace;
      const { preferredAffinity, preferredAntiAffinity } = podTermsOf(shape, pod.metadata.namespace ?? "");
      if (preferredAffinity.length + preferredAntiAffinity.length > 0) return true;
      return termsOfOthers(toPlace, snapshot, options).length > 0;
    },
    prepare(toPlace, snapshot) {
      const preferences = [...ownPreferences(toPlace, snapshot), ...preferencesOfOthers(toPlace, snapshot, options)];
      if (preferences.every(({ tally }) => tally.isEmpty)) return undefined;
      return {
        rate: (node: NodeState) => preferences.reduce((sum, { tally, weight }) => sum + weight * tally.at(node), 0),
        normalize(ratings) {
          const highest = ratings.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
          const lowest = ratings.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
          const range = highest - lowest;
          for (let i = 0; i < ratings.length; i++) {
            ratings[i] = range <= 0 ? 0 : Math.floor((ratingMax * (ratings[i]! - lowest)) / range);
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

interface TermOfOthers {
  readonly group: PodGroup;
  readonly term: PodTerm;
  readonly factor: number;
}

/** The terms of placed pods that mean the pod, and how much they count beside their own weight. */
function termsOfOthers(
  { pod, shape }: PodToPlace,
  snapshot: Snapshot,
  { requiredByOtherWeight, ignorePreferredTermsOfOthers }: PodAffinityOptions,
): readonly TermOfOthers[] {
  if (ignorePreferredTermsOfOthers) {
    const own = podTermsOf(shape, pod.metadata.namespace ?? "");
    if (own.preferredAffinity.length + own.preferredAntiAffinity.length === 0) return [];
  }
  const found: TermOfOthers[] = [];
  for (const group of snapshot.podsWithTerms()) {
    const add = (terms: readonly PodTerm[], factor: number) => {
      for (const term of terms)
        if (factor !== 0 && term.matches(pod, snapshot.namespaceLabels)) found.push({ group, term, factor });
    };
    add(group.terms.requiredAffinity, requiredByOtherWeight);
    add(group.terms.preferredAffinity, 1);
    add(group.terms.preferredAntiAffinity, -1);
  }
  return found;
}

function preferencesOfOthers(toPlace: PodToPlace, snapshot: Snapshot, options: PodAffinityOptions): Preference[] {
  return termsOfOthers(toPlace, snapshot, options).map(({ group, term, factor }) => {
    const { topologyKey, weight } = term;
    const key = JSON.stringify(["group", group.shape.id, group.namespace, topologyKey]);
    const tally = snapshot.tallies.of(key, () => ({
      topologyKey,
      weigh: (placed) => Number(placed.shape === group.shape && placed.pod.metadata.namespace === group.namespace),
    }));
    return { tally, weight: factor * weight };
  });
}
