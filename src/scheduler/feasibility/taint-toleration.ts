import { untoleratedTaint } from "../../api/index.ts";
import { type FeasibilityRule, unresolvable } from "../rule.ts";

const untolerated = unresolvable("node(s) had untolerated taint(s)");
/** NoExecute keeps new pods away as well; PreferNoSchedule is a matter of ranking. */
const hardEffects = ["NoSchedule", "NoExecute"];

/** A tainted node takes only pods that tolerate all its taints. */
export const taintToleration: FeasibilityRule = {
  name: "TaintToleration",
  prepare({ shape }) {
    const { tolerations } = shape.spec;
    return ({ taints }) =>
      taints.length > 0 && untoleratedTaint(taints, tolerations, hardEffects) ? untolerated : undefined;
  },
};
