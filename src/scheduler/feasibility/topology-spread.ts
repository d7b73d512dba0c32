import { spreadConstraintsOf } from "../pod-terms.ts";
import { type FeasibilityRule, resolvable, unresolvable } from "../rule.ts";
import { spreadCounts } from "../topology-counts.ts";

const tooSkewed = resolvable("node(s) didn't match pod topology spread constraints");
const inNoDomain = unresolvable("node(s) didn't match pod topology spread constraints (missing required label)");

/** No domain may have more of the pods than the one with the fewest has, plus what the constraint allows. */
export const topologySpread: FeasibilityRule = {
  name: "PodTopologySpread",
  prepare({ pod }, snapshot) {
    const constraints = spreadConstraintsOf(pod, "DoNotSchedule");
    if (constraints.length === 0) return undefined;
    const counts = spreadCounts(constraints, pod, snapshot);
    const limits = constraints.map(({ topologyKey, minDomains, maxSkew, selects }, i) => {
      const domains = counts[i]!.of(topologyKey);
      const fewest = domains.length < minDomains ? 0 : Math.min(...domains);
      return { topologyKey, countMax: fewest + maxSkew - Number(selects(pod.metadata.labels)) };
    });
    return (node) => {
      const labels = node.node.metadata.labels ?? {};
      for (const [i, { topologyKey, countMax }] of limits.entries()) {
        if (!Object.hasOwn(labels, topologyKey)) return inNoDomain;
        if (counts[i]!.at(topologyKey, node) > countMax) return tooSkewed;
      }
      return undefined;
    };
  },
};
