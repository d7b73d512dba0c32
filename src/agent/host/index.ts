// The agent's adapters of a Linux machine. What serves requests (./streaming) and runs containerd (./containerd) is imported by its own name.
export { type LinuxHostOptions, linuxHost } from "./linux-host.ts";
