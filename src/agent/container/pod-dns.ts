// The pod's resolv.conf by dnsPolicy and dnsConfig. https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/
import type { Pod } from "../../api/index.ts";
import type { SandboxConfig } from "../engine/index.ts";
import type { AgentSettings } from "../settings.ts";

type Dns = NonNullable<SandboxConfig["dns"]>;

/** What the C library and the kubelet take at most. */
const serversMax = 3;
const searchesMax = 32;
const searchCharactersMax = 2_048;

export function podDns(pod: Pod, machine: Dns, settings: Pick<AgentSettings, "clusterDns" | "clusterDomain">): Dns {
  const base = policyDns(pod, machine, settings);
  const { nameservers = [], searches = [], options = [] } = pod.spec.dnsConfig ?? {};
  const merged = new Map(base.options.map((each) => [optionName(each), each]));
  for (const { name, value } of options) if (name) merged.set(name, value === undefined ? name : `${name}:${value}`);
  return {
    servers: [...new Set([...base.servers, ...nameservers])].slice(0, serversMax),
    searches: fittingSearches([
      ...new Set([...base.searches, ...searches].map((each) => each.replace(/(?<=.)\.$/, ""))),
    ]),
    options: [...merged.values()],
  };
}

function policyDns(
  pod: Pod,
  machine: Dns,
  { clusterDns, clusterDomain }: Pick<AgentSettings, "clusterDns" | "clusterDomain">,
): Dns {
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
