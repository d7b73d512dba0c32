import { matchNodeSelectorTerm, type PreferredSchedulingTerm } from "../../api/index.ts";
import { normalizeToHighest, type RankingRule } from "../rule.ts";

/** Prefers nodes that match the pod's preferred node affinity, or the profile's, by the weights of the terms that match. */
export function nodeAffinityPreference(added: readonly PreferredSchedulingTerm[]): RankingRule {
  return {
    name: "NodeAffinity",
    weight: 2,
    prepare({ shape }) {
      const own = shape.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
      const terms = [...added, ...own].filter(({ weight }) => weight !== 0);
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
}
