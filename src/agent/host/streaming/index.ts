// The agent's HTTPS server: logs, exec, attach and port-forward of this node's pods.
export * from "./agent-server.ts";
