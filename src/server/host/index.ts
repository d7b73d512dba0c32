// What the server needs of the machine beside its listener.
export * from "./authority-agent.ts";
export * from "./connection-error.ts";
export * from "./process-metrics.ts";
export * from "./profiler.ts";
export * from "./webhook-caller.ts";
