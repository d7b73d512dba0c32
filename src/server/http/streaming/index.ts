// Exec, attach, portforward, log and proxy: the API server carries them to agents and pods.
export type { AgentTls } from "./forward.ts";
export * from "./streaming.ts";
