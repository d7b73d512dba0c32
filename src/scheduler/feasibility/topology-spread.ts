import { isInTopologies, withChange } from "../domain-tally.ts";
import { type FeasibilityRule, resolvable, unresolvable } from "../rule.ts";
import type { NodeState } from "../snapshot.ts";
import type { SpreadSource } from "../spread-defaults.ts";
import { spreadTallies } from "../spread-tallies.ts";

const tooSkewed = resolvable("node(s) didn't match pod topology spread constraints");
const inNoDomain = unresolvable("node(s) didn't match pod topology spread constraints (missing required label)");

/** No domain may have more of the pods than the one with the fewest has, plus what the constraint allows. */
export function topologySpread(source: SpreadSource): FeasibilityRule {
  return {
    name: "PodTopologySpread",
    isRelative: true,
    prepare(toPlace, snapshot) {
      const constraints = source.of(toPlace.pod, "DoNotSchedule");
      if (constraints.length === 0) return undefined;
      const tallies = spreadTallies("spread", constraints, toPlace, snapshot);
      const countMaxOf = (index: number) => {
        const { minDomains, maxSkew, selects } = constraints[index]!;
        const tally = tallies[index]!;
        const fewest = tally.domainCount < minDomains ? 0 : tally.fewest;
        return fewest + maxSkew - Number(selects(toPlace.pod.metadata.labels));
      };
      const limits = constraints.map((_, index) => countMaxOf(index));
      const isTooSkewed = (node: NodeState, countMax: (index: number) => number) =>
        tallies.some((tally, index) => tally.at(node) > countMax(index));
      return (node, change) => {
        if (!isInTopologies(node, constraints)) return inNoDomain;
        const skewed = change
          ? withChange(tallies, node, change, () => isTooSkewed(node, countMaxOf))
          : isTooSkewed(node, (index) => limits[index]!);
        return skewed ? tooSkewed : undefined;
      };
    },
  };
}
