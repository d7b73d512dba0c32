import type { RankingRule } from "../rule.ts";
import { balancedAllocation } from "./balanced-allocation.ts";
import { imageLocality } from "./image-locality.ts";
import { leastAllocated } from "./least-allocated.ts";
import { nodeAffinityPreference } from "./node-affinity-preference.ts";
import { podAffinityPreference } from "./pod-affinity-preference.ts";
import { taintPreference } from "./taint-preference.ts";
import { topologySpreadPreference } from "./topology-spread-preference.ts";

/** With the weights of Kubernetes' default profile; the weighted sum of the ratings decides. */
export const rankingRules: readonly RankingRule[] = [
  leastAllocated,
  balancedAllocation,
  imageLocality,
  nodeAffinityPreference,
  taintPreference,
  topologySpreadPreference,
  podAffinityPreference,
];
