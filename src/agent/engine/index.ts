export * from "./engine.ts";
export * from "./hollow.ts";
