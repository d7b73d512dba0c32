// What the node's agent offers. The adapters of the machine and of CRI are imported by name: ./host/index.ts, ./engine/cri/index.ts.
export * from "./agent.ts";
export { type ClusterView, SharedViews, watchedView } from "./cluster-view.ts";
export * from "./engine/index.ts";
export { evictionHardDefaults } from "./eviction/node-pressure.ts";
export * from "./hollow-host.ts";
export * from "./host.ts";
export { logFiles } from "./logs/container-logs.ts";
export { type LogLine, parseLogLine } from "./logs/log-line.ts";
export { TokenAccess } from "./node/token-access.ts";
export type { ContainerLocation, ContainerQuery } from "./pod/locate-container.ts";
export * from "./settings.ts";
