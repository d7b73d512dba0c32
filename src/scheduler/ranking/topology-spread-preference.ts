import { spreadConstraintsOf } from "../pod-terms.ts";
import { type RankingRule, ratingMax } from "../rule.ts";
import type { NodeState } from "../snapshot.ts";
import { countSelected, isInTopologies, spreadCounts } from "../topology-counts.ts";

const hostname = "kubernetes.io/hostname";

/** Prefers domains that have fewer of the pods that the pod would rather be spread with. */
export const topologySpreadPreference: RankingRule = {
  name: "PodTopologySpread",
  weight: 2,
  prepare({ pod }, snapshot) {
    const constraints = spreadConstraintsOf(pod, "ScheduleAnyway");
    if (constraints.length === 0) return undefined;
    const counts = spreadCounts(constraints, pod, snapshot);
    let weights: readonly number[] = [];
    const isRated = (node: NodeState) => isInTopologies(node, constraints);
    const rate = (node: NodeState) => {
      let sum = 0;
      for (const [i, constraint] of constraints.entries()) {
        const count =
          constraint.topologyKey === hostname
            ? countSelected(node, constraint, pod)
            : counts[i]!.at(constraint.topologyKey, node);
        sum += count * weights[i]! + constraint.maxSkew - 1;
      }
      return Math.round(sum);
    };
    return {
      // How much a domain counts depends on how many there are among the feasible nodes: all is done in `normalize`.
      rate: () => 0,
      normalize(ratings, nodes) {
        const rated = nodes.filter(isRated);
        weights = constraints.map(({ topologyKey }) => {
          // A topology of few domains is not to be drowned by one of many.
          const domains = new Set(rated.map((node) => node.node.metadata.labels?.[topologyKey]));
          return Math.log(domains.size + 2);
        });
        const sums = nodes.map((node) => (isRated(node) ? rate(node) : undefined));
        const known = sums.filter((sum) => sum !== undefined);
        const highest = Math.max(0, ...known);
        const lowest = Math.min(...known);
        for (const [i, sum] of sums.entries()) {
          if (sum === undefined) ratings[i] = 0;
          else ratings[i] = highest === 0 ? ratingMax : Math.floor((ratingMax * (highest + lowest - sum)) / highest);
        }
      },
    };
  },
};
