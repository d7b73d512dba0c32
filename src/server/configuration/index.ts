// How the server reads the files that an operator writes for it.
export * from "./fields.ts";
