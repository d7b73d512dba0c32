import { withChange } from "../domain-tally.ts";
import { type FeasibilityRule, type Rejection, resolvable, unresolvable } from "../rule.ts";
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
      // The first constraint that does not hold says why.
      const verdict = (node: NodeState, countMax: (index: number) => number): Rejection | undefined => {
        for (let index = 0; index < tallies.length; index++) {
          const tally = tallies[index]!;
          if (node.label(tally.topologyKey) === undefined) return inNoDomain;
          if (tally.at(node) > countMax(index)) return tooSkewed;
        }
        return undefined;
      };
      return (node, change) =>
        change
          ? withChange(tallies, node, change, () => verdict(node, countMaxOf))
          : verdict(node, (index) => limits[index]!);
    },
  };
}
