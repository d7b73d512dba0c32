export type { ConnectionOptions } from "./connection.ts";
export * from "./https-client.ts";
export * from "./kubeconfig.ts";
