import type { HostAlias, Pod } from "../../api/index.ts";
import { podHostname } from "./pod-hostname.ts";

const header = "# Kubernetes-managed hosts file.\n";
const hostNetworkHeader = "# Kubernetes-managed hosts file (host network).\n";
const localEntries = [
  "127.0.0.1\tlocalhost",
  "::1\tlocalhost ip6-localhost ip6-loopback",
  "fe00::0\tip6-localnet",
  "fe00::0\tip6-mcastprefix",
  "fe00::1\tip6-allnodes",
  "fe00::2\tip6-allrouters",
];

/** The content of a pod's /etc/hosts: its own name and aliases; with the host's network what the machine has, and the aliases. */
export function etcHosts(pod: Pod, podIps: readonly string[], clusterDomain: string, machineHosts: string): string {
  const aliases = aliasEntries(pod.spec.hostAliases ?? []);
  if (pod.spec.hostNetwork) return `${hostNetworkHeader}${machineHosts}${aliases}`;
  const { hostname, fqdn } = podHostname(pod, clusterDomain);
  const names = fqdn === undefined ? hostname : `${fqdn}\t${hostname}`;
  const own = podIps.map((ip) => `${ip}\t${names}`);
  return `${header}${[...localEntries, ...own].join("\n")}\n${aliases}`;
}

function aliasEntries(aliases: readonly HostAlias[]): string {
  if (aliases.length === 0) return "";
  const lines = aliases.map(({ ip, hostnames = [] }) => `${ip}\t${hostnames.join("\t")}\n`);
  return `\n# Entries added by HostAliases.\n${lines.join("")}`;
}
