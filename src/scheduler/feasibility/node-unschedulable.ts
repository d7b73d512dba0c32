import { type Taint, toleratesTaint, unschedulableTaint } from "../../api/index.ts";
import { type FeasibilityRule, unresolvable } from "../rule.ts";

const cordoned = unresolvable("node(s) were unschedulable");
/** The taint that the node lifecycle controller gives a cordoned node; who tolerates it may be there. */
const taint: Taint = { key: unschedulableTaint, effect: "NoSchedule" };

/** A cordoned node takes no new pods but those that tolerate it. */
export const nodeUnschedulable: FeasibilityRule = {
  name: "NodeUnschedulable",
  prepare({ shape }) {
    if (shape.spec.tolerations?.some((toleration) => toleratesTaint(toleration, taint))) return undefined;
    return ({ node }) => (node.spec?.unschedulable ? cordoned : undefined);
  },
};
