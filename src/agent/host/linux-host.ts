import type { Clock } from "../../lib/index.ts";
import type { AgentHost } from "../host.ts";
import { probeGrpc } from "./connections/grpc-probe.ts";
import { probeHttp } from "./connections/http-probe.ts";
import { probeTcp } from "./connections/tcp-probe.ts";
import { linuxCgroups } from "./linux-cgroups.ts";
import { linuxFiles } from "./linux-files.ts";
import { linuxLoad, linuxMachine, linuxUsage, machineResolvConf } from "./linux-machine.ts";
import { linuxMounts } from "./linux-mounts.ts";

export interface LinuxHostOptions {
  readonly clock: Clock;
  /** A directory that is there, of the file system with the agent's data. */
  readonly directory: string;
}

/** The machine that this process runs on. */
export function linuxHost({ clock, directory }: LinuxHostOptions): AgentHost {
  return {
    files: linuxFiles,
    mounts: linuxMounts,
    cgroups: linuxCgroups(),
    connections: {
      http: (probe, timeoutMs, signal) => probeHttp(probe, timeoutMs, clock, signal),
      tcp: (host, port, timeoutMs) => probeTcp(host, port, timeoutMs, clock),
      grpc: (host, port, service, timeoutMs) => probeGrpc(host, port, service, timeoutMs, clock),
    },
    machine: linuxMachine,
    load: () => linuxLoad(directory),
    usage: linuxUsage,
    resolvConf: machineResolvConf,
  };
}
