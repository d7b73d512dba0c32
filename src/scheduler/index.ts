// Gives pods their nodes. README.md says how.
export {
  defaultSchedulerName,
  readSchedulerConfiguration,
  type SchedulerConfiguration,
} from "./configuration.ts";
export type { Diagnosis, NodeRejection } from "./diagnosis.ts";
export { type NodeVerdict, type RuleScore, totalOf } from "./explanation.ts";
export { type Decision, type Explanation, PlacementRecord } from "./placement-record.ts";
export {
  type Plugin,
  type PluginContext,
  type PluginDefinition,
  type Remedy,
  type WakeHint,
  wakeHint,
} from "./plugin.ts";
export type { PodShape } from "./pod-shape.ts";
export {
  type FeasibilityRule,
  type NodeChange,
  type NodeCheck,
  type NodeRating,
  type PodToPlace,
  type RankingRule,
  type Rejection,
  resolvable,
  unresolvable,
} from "./rule.ts";
export { runScheduler, type SchedulerOptions } from "./scheduler.ts";
export type { NodeState, PlacedPod, Snapshot } from "./snapshot.ts";
