import { type FeasibilityRule, unresolvable } from "../rule.ts";

const otherNode = unresolvable("node(s) didn't match the requested node name");

/** A pod that names its node goes there or nowhere. */
export const nodeName: FeasibilityRule = {
  name: "NodeName",
  prepare({ pod }) {
    const wanted = pod.spec.nodeName;
    if (!wanted) return undefined;
    return ({ name }) => (name === wanted ? undefined : otherNode);
  },
};
