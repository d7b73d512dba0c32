import { toleratesTaint } from "../../api/index.ts";
import { normalizeToLowest, type RankingRule } from "../rule.ts";

/** Avoids nodes with PreferNoSchedule taints that the pod does not tolerate, the more of them the more. */
export const taintPreference: RankingRule = {
  name: "TaintToleration",
  weight: 3,
  prepare({ shape }, snapshot) {
    if (snapshot.softTaintedNodes === 0) return undefined;
    const tolerations = shape.spec.tolerations ?? [];
    return {
      rate: ({ taints }) =>
        taints.filter(
          (taint) =>
            taint.effect === "PreferNoSchedule" && !tolerations.some((toleration) => toleratesTaint(toleration, taint)),
        ).length,
      normalize: normalizeToLowest,
    };
  },
  basis: (_, snapshot) => Number(snapshot.softTaintedNodes > 0),
};
