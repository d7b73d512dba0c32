import type { FeasibilityRule } from "../rule.ts";
import { nodeAffinity } from "./node-affinity.ts";
import { nodeName } from "./node-name.ts";
import { nodePorts } from "./node-ports.ts";
import { nodeUnschedulable } from "./node-unschedulable.ts";
import { podAffinity } from "./pod-affinity.ts";
import { resourcesFit } from "./resources-fit.ts";
import { taintToleration } from "./taint-toleration.ts";
import { topologySpread } from "./topology-spread.ts";

/** In Kubernetes' order: the first that rejects a node gives the reason. */
export const feasibilityRules: readonly FeasibilityRule[] = [
  nodeUnschedulable,
  nodeName,
  taintToleration,
  nodeAffinity,
  nodePorts,
  resourcesFit,
  topologySpread,
  podAffinity,
];
