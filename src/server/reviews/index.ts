export * from "./review-handlers.ts";
