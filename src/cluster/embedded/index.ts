// What `import { Cluster } from "roder"` gives: the cluster, and the kinds and types with which one talks to it.
export * from "../../api/index.ts";
export {
  also,
  type Cache,
  type Client,
  type ControllerDefinition,
  defineController,
  type EventRecorder,
  type Key,
  keyOf,
  type ListOptions,
  type ObjectKey,
  type ReconcileContext,
  type ReconcileResult,
  splitKey,
  type WatchOptions,
  type WriteOptions,
} from "../../client/index.ts";
export { type Draft, deepCopy } from "../../lib/index.ts";
export {
  type FeasibilityRule,
  type NodeState,
  type Plugin,
  type PluginContext,
  type PluginDefinition,
  type PodToPlace,
  type RankingRule,
  type Rejection,
  resolvable,
  unresolvable,
  wakeHint,
} from "../../scheduler/index.ts";
export { MemoryStorage } from "../../storage/index.ts";
export { Cluster, type ClusterOptions, type RunOptions, type UntilOptions } from "./cluster.ts";
export type { FaultRates, Faults } from "./faults.ts";
export type { HollowNode } from "./hollow-node.ts";
export type { HollowContainerProfile, HollowProfile } from "./hollow-profile.ts";
export { type CommitObserver, type RecordedStorage, recordedStorage } from "./recorded-storage.ts";
