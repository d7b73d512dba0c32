// Simulated nodes, for clusters inside one program and for real ones.
export * from "./hollow-node.ts";
export * from "./hollow-profile.ts";
