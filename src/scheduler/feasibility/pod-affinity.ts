import { type DomainTally, isInTopologies, withChange } from "../domain-tally.ts";
import { type PodTerm, podTermsOf } from "../pod-terms.ts";
import { type FeasibilityRule, type PodToPlace, resolvable, unresolvable } from "../rule.ts";
import type { NodeState, Snapshot } from "../snapshot.ts";

const notNear = unresolvable("node(s) didn't match pod affinity rules");
const notApart = resolvable("node(s) didn't match pod anti-affinity rules");
const notWanted = resolvable("node(s) didn't satisfy existing pods anti-affinity rules");

/** The pod's required affinity and anti-affinity to other pods, and theirs against it. */
export const podAffinity: FeasibilityRule = {
  name: "InterPodAffinity",
  isRelative: true,
  prepare(toPlace, snapshot) {
    const { pod, shape } = toPlace;
    const { requiredAffinity: near, requiredAntiAffinity: apart } = podTermsOf(shape, pod.metadata.namespace ?? "");
    const against = talliesAgainst(toPlace, snapshot);
    if (near.length === 0 && apart.length === 0 && against.length === 0) return undefined;
    const { namespaceLabels } = snapshot;
    // A pod to be near to is one that all terms mean.
    const nearTallies = tallies("near", near, toPlace, snapshot, near);
    const apartTallies = tallies("apart", apart, toPlace, snapshot);
    const selfIsNear = near.every((term) => term.matches(pod, namespaceLabels));
    const verdict = (node: NodeState) => {
      if (!isInTopologies(node, near)) return notNear;
      // The first of a group that wants to be together has nobody to be near to: it may go anywhere.
      const isFirst = selfIsNear && nearTallies.every((tally) => tally.isEmpty);
      if (!isFirst && nearTallies.some((tally) => tally.at(node) === 0)) return notNear;
      if (apartTallies.some((tally) => tally.at(node) > 0)) return notApart;
      return against.some((tally) => tally.at(node) > 0) ? notWanted : undefined;
    };
    const all = [...nearTallies, ...apartTallies, ...against];
    return (node, change) => (change ? withChange(all, node, change, () => verdict(node)) : verdict(node));
  },
};

/** In each domain, the pods that do not want this one there. */
function talliesAgainst({ pod }: PodToPlace, snapshot: Snapshot): readonly DomainTally[] {
  return snapshot.groupsAgainst(pod).flatMap(({ shape, namespace, terms }) =>
    terms.requiredAntiAffinity.flatMap((term) => {
      if (!term.matches(pod, snapshot.namespaceLabels)) return [];
      const { topologyKey } = term;
      return snapshot.tallies.of(JSON.stringify(["group", shape.id, namespace, topologyKey]), () => ({
        topologyKey,
        weigh: (placed) => Number(placed.shape === shape && placed.pod.metadata.namespace === namespace),
      }));
    }),
  );
}

/** For each term, the pods that it means, or that all of `together` mean. */
function tallies(
  kind: string,
  terms: readonly PodTerm[],
  { pod, shape }: PodToPlace,
  snapshot: Snapshot,
  together?: readonly PodTerm[],
): readonly DomainTally[] {
  const { namespaceLabels } = snapshot;
  return terms.map((term, index) =>
    snapshot.tallies.of(JSON.stringify([kind, shape.id, pod.metadata.namespace, index]), () => ({
      topologyKey: term.topologyKey,
      weigh: ({ pod: other }) => Number((together ?? [term]).every((each) => each.matches(other, namespaceLabels))),
    })),
  );
}
