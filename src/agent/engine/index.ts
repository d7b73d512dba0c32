export * from "./engine.ts";
export * from "./hollow.ts";
export { measuredEngine } from "./measured.ts";
