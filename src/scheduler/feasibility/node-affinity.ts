import { matchesNodeSelector } from "../../api/index.ts";
import { type FeasibilityRule, unresolvable } from "../rule.ts";

const otherLabels = unresolvable("node(s) didn't match Pod's node affinity/selector");

/** The pod's nodeSelector and its required node affinity have to match the node. */
export const nodeAffinity: FeasibilityRule = {
  name: "NodeAffinity",
  prepare({ pod, shape }) {
    const required = shape.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
    if (required === undefined && Object.keys(shape.spec.nodeSelector ?? {}).length === 0) return undefined;
    return ({ node }) => (matchesNodeSelector(pod, node) ? undefined : otherLabels);
  },
};
