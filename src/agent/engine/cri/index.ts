// A container runtime over CRI's gRPC.
export * from "./cri-engine.ts";
export * from "./engine-error.ts";
export { SpdyRefusal, type Upgraded, upgradeToSpdy } from "./spdy/index.ts";
