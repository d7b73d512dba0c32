// The node's own containerd: what the machine allows, its configuration, its process and its images.
export * from "./config.ts";
export { connectEngine } from "./engine.ts";
export * from "./image-store.ts";
export * from "./machine.ts";
export * from "./oci-archive.ts";
export * from "./pause-image.ts";
export * from "./pause-program.ts";
export { endProcess, runningPid, startTicksOf } from "./processes.ts";
export { killContainers, type RemoveEngineOptions, removeEngine, unmountBelow } from "./remove-engine.ts";
export * from "./supervisor.ts";
