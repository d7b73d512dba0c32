import { matchesNodeSelector, matchNodeSelectorTerms, type NodeSelectorTerm } from "../../api/index.ts";
import { type FeasibilityRule, unresolvable } from "../rule.ts";

const otherLabels = unresolvable("node(s) didn't match Pod's node affinity/selector");
const conflict = unresolvable("pod affinity terms conflict");
const otherLabelsAdded = unresolvable("node(s) didn't match scheduler-enforced node affinity");

/** The pod's nodeSelector and its required node affinity have to match the node, and what the profile adds for all. */
export function nodeAffinity(added: readonly NodeSelectorTerm[] | undefined): FeasibilityRule {
  return {
    name: "NodeAffinity",
    prepare({ pod, shape }) {
      const required = shape.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
      // No term names a node on which it can hold.
      if (shape.nodeNames?.size === 0) return conflict;
      const hasOwn = required !== undefined || Object.keys(shape.spec.nodeSelector ?? {}).length > 0;
      if (!hasOwn && added === undefined) return undefined;
      return ({ node }) => {
        if (added !== undefined && !matchNodeSelectorTerms(added, node)) return otherLabelsAdded;
        return matchesNodeSelector(pod, node) ? undefined : otherLabels;
      };
    },
  };
}
