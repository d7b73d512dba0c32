// The node's network: interface and routes, the service proxy, and the cluster's DNS.
export * from "./dns/index.ts";
export * from "./host/commands.ts";
export * from "./host/kernel-features.ts";
export * from "./host/node-network.ts";
export { findConflict, type NetworkConflict } from "./host/occupancy.ts";
export { serveProxyHealth } from "./proxy-health.ts";
export * from "./service-proxy.ts";
