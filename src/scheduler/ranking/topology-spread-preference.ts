import { hostnameLabel } from "../../api/index.ts";
import { isInTopologies } from "../domain-tally.ts";
import { type RankingRule, ratingMax } from "../rule.ts";
import type { NodeState } from "../snapshot.ts";
import type { SpreadSource } from "../spread-defaults.ts";
import { spreadTallies } from "../spread-tallies.ts";

/** Prefers domains that have fewer of the pods that the pod would rather be spread with. */
export function topologySpreadPreference(source: SpreadSource): RankingRule {
  return {
    name: "PodTopologySpread",
    weight: 2,
    isRelative: ({ pod }) => source.of(pod, "ScheduleAnyway").length > 0,
    prepare(toPlace, snapshot) {
      const { pod } = toPlace;
      const constraints = source.of(pod, "ScheduleAnyway");
      if (constraints.length === 0) return undefined;
      const anyTopology = source.anyTopology(pod);
      const tallies = spreadTallies("preference", constraints, toPlace, snapshot, anyTopology);
      const isRated = (node: NodeState) => anyTopology || isInTopologies(node, constraints);
      const rate = (node: NodeState, weights: readonly number[]) => {
        let sum = 0;
        for (const [index, { topologyKey, maxSkew }] of constraints.entries()) {
          if (node.label(topologyKey) !== undefined) sum += tallies[index]!.at(node) * weights[index]! + maxSkew - 1;
        }
        return Math.round(sum);
      };
      return {
        // How much a domain counts depends on how many there are among the feasible nodes: all is done in `normalize`.
        rate: () => 0,
        normalize(ratings, nodes) {
          const rated = nodes.filter(isRated);
          const weights = constraints.map(({ topologyKey }) => {
            // A topology of few domains is not to be drowned by one of many.
            const domainCount =
              topologyKey === hostnameLabel ? rated.length : new Set(rated.map((node) => node.label(topologyKey))).size;
            return Math.log(domainCount + 2);
          });
          const sums = nodes.map((node) => (isRated(node) ? rate(node, weights) : undefined));
          let highest = 0;
          let lowest = Number.POSITIVE_INFINITY;
          for (const sum of sums) {
            if (sum === undefined) continue;
            highest = Math.max(highest, sum);
            lowest = Math.min(lowest, sum);
          }
          for (const [i, sum] of sums.entries()) {
            if (sum === undefined) ratings[i] = 0;
            else ratings[i] = highest === 0 ? ratingMax : Math.floor((ratingMax * (highest + lowest - sum)) / highest);
          }
        },
      };
    },
  };
}
