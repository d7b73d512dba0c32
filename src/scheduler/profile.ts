import type { Plugin } from "./plugin.ts";
import type { FeasibilityRule, RankingRule } from "./rule.ts";

/** A ranking rule and how much it counts. */
export interface WeightedRule {
  readonly rule: RankingRule;
  readonly weight: number;
}

/** The plugins that place the pods of one scheduler name, by extension point, in the order in which they act. */
export interface Profile {
  readonly schedulerName: string;
  readonly preEnqueue: readonly Plugin[];
  readonly filters: readonly FeasibilityRule[];
  readonly postFilter: readonly Plugin[];
  readonly scores: readonly WeightedRule[];
  readonly reserve: readonly Plugin[];
  readonly permit: readonly Plugin[];
  readonly preBind: readonly Plugin[];
  /** All of them, each once. */
  readonly plugins: readonly Plugin[];
}

/** A profile with all that the plugins offer, in their order. */
export function profileOf(schedulerName: string, plugins: readonly Plugin[]): Profile {
  return {
    schedulerName,
    plugins,
    preEnqueue: plugins.filter((plugin) => plugin.preEnqueue),
    filters: plugins.flatMap((plugin) => plugin.filter ?? []),
    postFilter: plugins.filter((plugin) => plugin.postFilter),
    scores: plugins.flatMap(({ score }) => (score ? [{ rule: score, weight: score.weight }] : [])),
    reserve: plugins.filter((plugin) => plugin.reserve || plugin.unreserve),
    permit: plugins.filter((plugin) => plugin.permit),
    preBind: plugins.filter((plugin) => plugin.preBind),
  };
}
