import { matchNodeSelectorTerm } from "../../api/index.ts";
import { normalizeToHighest, type RankingRule } from "../rule.ts";

/** Prefers nodes that match the pod's preferred node affinity, by the weights of the terms that match. */
export const nodeAffinityPreference: RankingRule = {
  name: "NodeAffinity",
  weight: 2,
  prepare({ shape }) {
    const terms = shape.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    if (terms.length === 0) return undefined;
    return {
      rate({ node }) {
        let sum = 0;
        for (const { preference, weight } of terms) if (matchNodeSelectorTerm(preference, node)) sum += weight;
        return sum;
      },
      normalize: normalizeToHighest,
    };
  },
};
