import { type Container, claimNameOf, isRestartableInitContainer, type Pod } from "../../api/index.ts";
import type { PortMapping, SandboxConfig } from "../engine/index.ts";
import type { Paths } from "../paths.ts";
import type { AgentSettings } from "../settings.ts";
import { sandboxLabels } from "./container-labels.ts";
import { podCgroup } from "./linux-resources.ts";
import { parseResolvConf, podDns } from "./pod-dns.ts";
import { kernelHostname } from "./pod-hostname.ts";
import { sandboxSecurity } from "./security-context.ts";
import { sysctlName } from "./sysctl.ts";

export interface SandboxInput {
  readonly pod: Pod;
  readonly attempt: number;
  readonly settings: AgentSettings;
  readonly paths: Paths;
  /** The machine's resolv.conf. */
  readonly resolvConf: string;
  /** The handler of the pod's RuntimeClass; empty for the default one. */
  readonly runtimeHandler: string;
}

/** What the engine is told about a pod as a whole. Throws when the pod asks for what cannot be done here. */
export function sandboxConfig({
  pod,
  attempt,
  settings,
  paths,
  resolvConf,
  runtimeHandler,
}: SandboxInput): SandboxConfig {
  const { metadata, spec } = pod;
  // Running it without would be weaker than what was asked for.
  if (spec.hostUsers === false) throw new Error("user namespaces (hostUsers: false) are not supported on this node");
  if (spec.resourceClaims?.some((claim) => claimNameOf(pod, claim) !== ""))
    throw new Error("dynamic resources (resourceClaims) are not supported on this node");
  const hostNetwork = spec.hostNetwork ?? false;
  return {
    name: metadata.name,
    namespace: metadata.namespace ?? "",
    uid: metadata.uid,
    attempt,
    // With the host's network the host's name is kept.
    hostname: hostNetwork ? "" : kernelHostname(pod, settings.clusterDomain),
    logDirectory: paths.podLogs(pod),
    dns: podDns(pod, parseResolvConf(resolvConf), settings),
    labels: sandboxLabels(pod),
    annotations: metadata.annotations ?? {},
    cgroupParent: podCgroup(settings.cgroupRoot, pod),
    hostNetwork,
    hostPid: spec.hostPID ?? false,
    hostIpc: spec.hostIPC ?? false,
    shareProcessNamespace: spec.shareProcessNamespace ?? false,
    sysctls: Object.fromEntries(
      (spec.securityContext?.sysctls ?? []).map(({ name, value }) => [sysctlName(name), value]),
    ),
    security: sandboxSecurity(pod),
    runtimeHandler,
    portMappings: hostNetwork ? [] : portMappings(pod),
  };
}

/** The ports that containers and sidecars bind on the machine. */
function portMappings(pod: Pod): PortMapping[] {
  const sidecars = (pod.spec.initContainers ?? []).filter(isRestartableInitContainer);
  return [...pod.spec.containers, ...sidecars].flatMap((container: Container) =>
    (container.ports ?? []).flatMap(({ hostPort, containerPort, protocol, hostIP }) =>
      hostPort ? [{ hostPort, containerPort, protocol: protocolOf(protocol), hostIp: hostIP ?? "" }] : [],
    ),
  );
}

function protocolOf(protocol: string | undefined): PortMapping["protocol"] {
  return protocol === "UDP" || protocol === "SCTP" ? protocol : "TCP";
}
