// The pod's resolv.conf by dnsPolicy and dnsConfig. https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/
import type { Pod } from "../../api/index.ts";
import type { SandboxConfig } from "../engine/index.ts";
import type { AgentSettings } from "../settings.ts";

type Dns = NonNullable<SandboxConfig["dns"]>;

/** What the C library and the kubelet take at most. */
const serversMax = 3;
const searchesMax = 32;
const searchCharactersMax = 2_048;

const searchLengthMax = 253;

type DnsSettings = Pick<AgentSettings, "clusterDns" | "clusterDomain">;

export function podDns(pod: Pod, machine: Dns, settings: DnsSettings): Dns {
  const { servers, searches, options } = composedDns(pod, machine, settings);
  return { servers: servers.slice(0, serversMax), searches: fittingSearches(searches), options };
}

/** What of the pod's resolv.conf does not fit into it, in the kubelet's words. */
export function omissionsOfDns(pod: Pod, machine: Dns, settings: DnsSettings): string[] {
  const wanted = composedDns(pod, machine, settings);
  const { servers, searches } = podDns(pod, machine, settings);
  const said = (what: string, which: string, line: string, applied: readonly string[]) =>
    `${what} limits were exceeded, some ${which} have been omitted, the applied ${line} line is: ${applied.join(" ")}`;
  const omissions: string[] = [];
  if (servers.length < wanted.servers.length) omissions.push(said("Nameserver", "nameservers", "nameserver", servers));
  if (searches.length < wanted.searches.length) omissions.push(said("Search Line", "search paths", "search", searches));
  return omissions;
}

function composedDns(pod: Pod, machine: Dns, settings: DnsSettings): Dns {
  const base = policyDns(pod, machine, settings);
  const { nameservers = [], searches = [], options = [] } = pod.spec.dnsConfig ?? {};
  const merged = new Map(base.options.map((each) => [optionName(each), each]));
  for (const { name, value } of options) if (name) merged.set(name, value === undefined ? name : `${name}:${value}`);
  return {
    servers: [...new Set([...base.servers, ...nameservers])],
    searches: [...new Set([...base.searches, ...searches].map((each) => each.replace(/(?<=.)\.$/, "")))],
    options: [...merged.values()],
  };
}

function policyDns(pod: Pod, machine: Dns, { clusterDns, clusterDomain }: DnsSettings): Dns {
  const policy = pod.spec.dnsPolicy ?? "ClusterFirst";
  if (policy === "None") return { servers: [], searches: [], options: [] };
  const cluster = policy === "ClusterFirstWithHostNet" || (policy === "ClusterFirst" && !pod.spec.hostNetwork);
  if (!cluster || clusterDns.length === 0) return machine;
  const own = [`${pod.metadata.namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain];
  return { servers: clusterDns, searches: [...own, ...machine.searches], options: ["ndots:5"] };
}

function fittingSearches(searches: readonly string[]): string[] {
  const fitting: string[] = [];
  let characters = 0;
  for (const search of searches.slice(0, searchesMax)) {
    if (search.length > searchLengthMax) continue;
    characters += search.length + (fitting.length > 0 ? 1 : 0);
    if (characters > searchCharactersMax) break;
    fitting.push(search);
  }
  return fitting;
}

function optionName(option: string): string {
  return option.split(":")[0]!;
}

/** Reads resolv.conf(5); the last search line counts, options add up. */
export function parseResolvConf(text: string): Dns {
  const servers: string[] = [];
  const options: string[] = [];
  let searches: string[] = [];
  for (const line of text.split("\n")) {
    const [keyword, ...words] = line
      .replace(/[#;].*/, "")
      .trim()
      .split(/\s+/);
    if (keyword === "nameserver" && words[0]) servers.push(words[0]);
    else if (keyword === "search" || keyword === "domain")
      searches = words.map((each) => each.replace(/(?<=.)\.$/, ""));
    else if (keyword === "options") options.push(...words);
  }
  return { servers, searches, options };
}
