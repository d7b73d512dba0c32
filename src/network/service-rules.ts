// From Services and EndpointSlices to nftables rules: a pure function, as kube-proxy's nftables mode documents the behaviour.
import {
  type EndpointHints,
  type EndpointSlice,
  headlessLabel,
  isPodTerminal,
  type Pod,
  type Service,
  serviceNameLabel,
} from "../api/index.ts";
import { canonicalAddress } from "../lib/index.ts";
import type { RuleChain, RuleMap, RuleSet } from "./rule-set.ts";

export interface ServiceRulesInput {
  readonly nodeName: string;
  /** Undefined where the node is in none. */
  readonly zone?: string | undefined;
  readonly podRange: string;
  /** Addresses of these are services' or nobody's. */
  readonly serviceRanges: readonly string[];
  readonly services: readonly Service[];
  readonly endpointSlices: readonly EndpointSlice[];
  /** The pods of this node, for hostPort. */
  readonly pods: readonly Pod[];
}

interface Endpoint {
  readonly address: string;
  readonly port: number;
  readonly local: boolean;
}

interface ServicePort {
  readonly name: string;
  readonly protocol: string;
  readonly port: number;
  readonly nodePort: number | undefined;
  readonly addresses: readonly string[];
  readonly externalAddresses: readonly string[];
  /** For traffic from inside, by internalTrafficPolicy. */
  readonly internal: readonly Endpoint[];
  /** For traffic from outside, by externalTrafficPolicy. */
  readonly external: readonly Endpoint[];
  readonly externalLocal: boolean;
  /** Whether it has endpoints, here or elsewhere. */
  readonly served: boolean;
  readonly affinitySeconds: number | undefined;
}

/** Set on packets whose source must become the node's; the bit that kube-proxy uses. */
const masqueradeMark = "0x4000";

/**
 * What bears one of these is left to somebody else: to another proxy, by KEP-2447, or to those who ask for names. kube-proxy
 * watches neither Services nor EndpointSlices that bear them.
 */
const labelsOfOthers = ["service.kubernetes.io/service-proxy-name", headlessLabel];

function isForUs({ metadata: { labels } }: Service | EndpointSlice): boolean {
  return !labels || !labelsOfOthers.some((label) => label in labels);
}

const key = (address: string, protocol: string, port: number) => `${address} . ${protocol} . ${port}`;

/** What services have in one node's table, together or one of them. */
class Rules {
  readonly chains = new Map<string, RuleChain>();
  readonly maps = new Map<string, RuleMap>();
  readonly addresses = new Map<string, string>();
  readonly localPorts = new Map<string, string>();
  readonly hairpin = new Map<string, string>();

  add(others: Rules): void {
    for (const [name, chain] of others.chains) this.chains.set(name, chain);
    for (const [name, map] of others.maps) this.maps.set(name, map);
    for (const [address, verdict] of others.addresses) this.addresses.set(address, verdict);
    for (const [port, verdict] of others.localPorts) this.localPorts.set(port, verdict);
    for (const [addresses, nothing] of others.hairpin) this.hairpin.set(addresses, nothing);
  }
}

/** What the rules of a service were made of. */
interface Known {
  readonly slices: readonly EndpointSlice[];
  readonly nodeName: string;
  readonly zone: string | undefined;
  readonly podRange: string;
  readonly rules: Rules;
}

/** The rules of services as they were made last: a change in the cluster is about one of them, and every node follows it. */
export class KnownRules {
  readonly #known = new WeakMap<Service, Known>();

  of(service: Service, slices: readonly EndpointSlice[], { nodeName, zone, podRange }: ServiceRulesInput): Rules {
    const known = this.#known.get(service);
    const isSame =
      known?.nodeName === nodeName &&
      known.zone === zone &&
      known.podRange === podRange &&
      known.slices.length === slices.length &&
      known.slices.every((slice, index) => slice === slices[index]);
    if (isSame) return known.rules;
    const rules = rulesOf(service, slices, { nodeName, zone, podRange });
    this.#known.set(service, { slices, nodeName, zone, podRange, rules });
    return rules;
  }
}

function rulesOf(service: Service, slices: readonly EndpointSlice[], place: Place & { podRange: string }): Rules {
  const rules = new Rules();
  const { chains, maps, addresses, localPorts, hairpin } = rules;
  for (const port of servicePorts(service, slices, place)) {
    const inside = addServiceChain(chains, maps, port.name, port, port.internal);
    const outside =
      port.nodePort === undefined && port.externalAddresses.length === 0
        ? undefined
        : addExternalChain(chains, maps, port, inside, place.podRange);
    if (inside)
      for (const address of port.addresses) addresses.set(key(address, port.protocol, port.port), `goto ${inside}`);
    if (outside) {
      for (const address of port.externalAddresses)
        addresses.set(key(address, port.protocol, port.port), `goto ${outside}`);
      if (port.nodePort !== undefined) localPorts.set(`${port.protocol} . ${port.nodePort}`, `goto ${outside}`);
    }
    for (const endpoint of [...port.internal, ...port.external]) {
      if (endpoint.local) hairpin.set(`${endpoint.address} . ${endpoint.address}`, "");
    }
  }
  return rules;
}

/** The rules of one node's table. What `known` remembers of services that are as they were is taken from there. */
export function serviceRules(input: ServiceRulesInput, known = new KnownRules()): RuleSet {
  const all = new Rules();
  const { chains, maps, addresses, localPorts, hairpin } = all;
  const slices = groupByService(input.endpointSlices);
  for (const service of input.services) {
    const ofService = slices.get(`${service.metadata.namespace}/${service.metadata.name}`) ?? [];
    all.add(known.of(service, ofService, input));
  }
  const hostPorts = hostPortsOf(input.pods);
  for (const [portKey, chain] of hostPortChains(hostPorts)) {
    const name = `hostport/${portKey.replace(" . ", "/")}`;
    chains.set(name, chain);
    if (!localPorts.has(portKey)) localPorts.set(portKey, `goto ${name}`);
  }
  for (const { address } of hostPorts) hairpin.set(`${address} . ${address}`, "");

  maps.set("service-addresses", {
    declaration: "type ipv4_addr . inet_proto . inet_service : verdict;",
    elements: addresses,
  });
  maps.set("local-ports", { declaration: "type inet_proto . inet_service : verdict;", elements: localPorts });
  maps.set("hairpin", { declaration: "type ipv4_addr . ipv4_addr;", elements: hairpin, isSet: true });
  for (const [name, chain] of baseChains(input)) chains.set(name, chain);
  return { chains, maps };
}

/** Packets to `port` of `address`, or of any address of the node, that the rules lead to `endpoint`. */
export interface UdpFlow {
  readonly address?: string;
  readonly port: number;
  readonly endpoint: string;
}

/** The UDP flows that the rules lead somewhere, each under a text of its own. */
export function udpFlows(input: ServiceRulesInput): Map<string, UdpFlow> {
  const flows = new Map<string, UdpFlow>();
  const add = (flow: UdpFlow) => flows.set(`${flow.address ?? ""} ${flow.port} ${flow.endpoint}`, flow);
  const slices = groupByService(input.endpointSlices);
  for (const service of input.services) {
    if (!service.spec.ports?.some((port) => port.protocol === "UDP")) continue;
    const ofService = slices.get(`${service.metadata.namespace}/${service.metadata.name}`) ?? [];
    for (const each of servicePorts(service, ofService, input)) {
      if (each.protocol !== "udp") continue;
      const { port, nodePort, externalAddresses } = each;
      for (const { address: endpoint } of each.internal) {
        for (const address of each.addresses) add({ address, port, endpoint });
      }
      for (const { address: endpoint } of [...each.internal, ...each.external]) {
        for (const address of externalAddresses) add({ address, port, endpoint });
        if (nodePort !== undefined) add({ port: nodePort, endpoint });
      }
    }
  }
  for (const { protocol, hostPort, address } of hostPortsOf(input.pods)) {
    if (protocol === "udp") add({ port: hostPort, endpoint: address });
  }
  return flows;
}

function baseChains({ podRange, serviceRanges }: ServiceRulesInput): [string, RuleChain][] {
  const reject = serviceRanges.flatMap((range) => [
    `ip daddr ${range} meta l4proto tcp reject with tcp reset`,
    `ip daddr ${range} reject with icmp port-unreachable`,
  ]);
  return [
    [
      "services",
      {
        hook: "",
        rules: [
          "ip daddr . meta l4proto . th dport vmap @service-addresses",
          "fib daddr type local meta l4proto . th dport vmap @local-ports",
        ],
      },
    ],
    // Priorities as numbers: nft 1.0.6 does not take the names in the output hook.
    ["prerouting", { hook: "type nat hook prerouting priority -100;", rules: ["goto services"] }],
    ["output", { hook: "type nat hook output priority -100;", rules: ["goto services"] }],
    [
      "postrouting",
      {
        hook: "type nat hook postrouting priority 100;",
        rules: [
          `meta mark & ${masqueradeMark} == ${masqueradeMark} meta mark set meta mark & 0xffffbfff masquerade`,
          // A pod that reaches itself through a service would answer itself directly.
          "ip saddr . ip daddr @hairpin masquerade",
          `ip saddr ${podRange} ip daddr != ${podRange} masquerade`,
        ],
      },
    ],
    // An address of the service range that nothing translated has no endpoints, or no service: refused, never routed on.
    ["refuse-forward", { hook: "type filter hook forward priority 0;", rules: reject }],
    ["refuse-output", { hook: "type filter hook output priority 0;", rules: reject }],
    // route_localnet lets NodePorts answer on 127.0.0.1; from outside nobody may reach loopback addresses by it.
    [
      "loopback",
      { hook: "type filter hook prerouting priority -300;", rules: [`iifname != "lo" ip daddr 127.0.0.0/8 drop`] },
    ],
  ];
}

/** Adds the chain that spreads over `endpoints`; undefined when there are none. */
function addServiceChain(
  chains: Map<string, RuleChain>,
  maps: Map<string, RuleMap>,
  name: string,
  port: ServicePort,
  endpoints: readonly Endpoint[],
): string | undefined {
  if (endpoints.length === 0) return undefined;
  const chain = `service/${name}`;
  const protocol = `meta l4proto ${port.protocol}`;
  if (port.affinitySeconds === undefined) {
    const choices = endpoints.map(({ address, port: to }, index) => `${index} : ${address} . ${to}`).join(", ");
    chains.set(chain, {
      hook: "",
      rules: [`${protocol} dnat ip addr . port to numgen random mod ${endpoints.length} map { ${choices} }`],
    });
    return chain;
  }
  const rules: string[] = [];
  const choices: string[] = [];
  for (const [index, { address, port: to }] of endpoints.entries()) {
    const endpoint = `endpoint/${name}/${address}/${to}`;
    const clients = `clients/${port.affinitySeconds}/${name}/${address}/${to}`;
    maps.set(clients, {
      declaration: `type ipv4_addr; flags dynamic,timeout; timeout ${port.affinitySeconds}s;`,
      elements: new Map(),
      dynamic: true,
      isSet: true,
    });
    chains.set(endpoint, {
      hook: "",
      rules: [`update @${clients} { ip saddr }`, `${protocol} dnat to ${address}:${to}`],
    });
    rules.push(`ip saddr @${clients} goto ${endpoint}`);
    choices.push(`${index} : goto ${endpoint}`);
  }
  rules.push(`numgen random mod ${endpoints.length} vmap { ${choices.join(", ")} }`);
  chains.set(chain, { hook: "", rules });
  return chain;
}

/** The chain for node ports and external addresses. */
function addExternalChain(
  chains: Map<string, RuleChain>,
  maps: Map<string, RuleMap>,
  port: ServicePort,
  inside: string | undefined,
  podRange: string,
): string | undefined {
  const chain = `external/${port.name}`;
  if (!port.served) return undefined;
  if (!port.externalLocal) {
    if (!inside) return undefined;
    chains.set(chain, { hook: "", rules: [`meta mark set meta mark | ${masqueradeMark}`, `goto ${inside}`] });
    return chain;
  }
  // externalTrafficPolicy Local keeps the client's address and uses only this node's endpoints; pods and the node
  // itself are not outside and may use all.
  const local = addServiceChain(chains, maps, `local/${port.name}`, port, port.external);
  const rules = inside
    ? [
        `ip saddr ${podRange} goto ${inside}`,
        `fib saddr type local meta mark set meta mark | ${masqueradeMark} goto ${inside}`,
      ]
    : [];
  chains.set(chain, { hook: "", rules: [...rules, local ? `goto ${local}` : "drop"] });
  return chain;
}

function groupByService(slices: readonly EndpointSlice[]): Map<string, EndpointSlice[]> {
  const groups = new Map<string, EndpointSlice[]>();
  for (const slice of slices) {
    const service = slice.metadata.labels?.[serviceNameLabel];
    if (service === undefined || slice.addressType !== "IPv4" || !isForUs(slice)) continue;
    const name = `${slice.metadata.namespace}/${service}`;
    const group = groups.get(name);
    if (group) group.push(slice);
    else groups.set(name, [slice]);
  }
  return groups;
}

/** The IPv4 addresses among them, as nft reads them. */
const ipv4 = (addresses: readonly (string | undefined)[]): string[] =>
  addresses.flatMap((address) => canonicalAddress(address ?? "") ?? []);

/** Which node the rules are for. */
type Place = Pick<ServiceRulesInput, "nodeName" | "zone">;

function servicePorts(service: Service, slices: readonly EndpointSlice[], place: Place): ServicePort[] {
  const { spec, status, metadata } = service;
  const addresses = ipv4(spec.clusterIPs ?? [spec.clusterIP]);
  if (spec.type === "ExternalName" || addresses.length === 0 || !isForUs(service)) return [];
  const loadBalancers = (status.loadBalancer?.ingress ?? []).filter((each) => each.ipMode !== "Proxy");
  const externalAddresses = ipv4([...(spec.externalIPs ?? []), ...loadBalancers.map((each) => each.ip)]);
  const affinity = spec.sessionAffinity === "ClientIP";
  return (spec.ports ?? []).map((port) => {
    const candidates = endpointsOf(slices, port.name ?? "", place.nodeName);
    const all = nearest(usable(candidates), place);
    // Chosen by itself: what still serves here is used although others elsewhere are ready.
    const local = usable(candidates.filter((each) => each.local));
    const protocol = (port.protocol ?? "TCP").toLowerCase();
    return {
      name: `${metadata.namespace}/${metadata.name}/${protocol}/${port.port}`,
      protocol,
      port: port.port,
      nodePort: port.nodePort || undefined,
      addresses,
      externalAddresses,
      internal: spec.internalTrafficPolicy === "Local" ? local : all,
      external: local,
      externalLocal: spec.externalTrafficPolicy === "Local",
      served: all.length > 0,
      affinitySeconds: affinity ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10_800) : undefined,
    };
  });
}

interface Candidate extends Endpoint {
  /** False for one that still serves while it terminates. */
  readonly ready: boolean;
  readonly hints: EndpointHints;
}

/** The endpoints of a port that could serve, in a stable order. */
function endpointsOf(slices: readonly EndpointSlice[], portName: string, nodeName: string): Candidate[] {
  const found = new Map<string, Candidate>();
  for (const slice of slices) {
    const port = slice.ports?.find((each) => (each.name ?? "") === portName)?.port;
    if (port === undefined) continue;
    for (const each of slice.endpoints ?? []) {
      const [address] = ipv4(each.addresses.slice(0, 1));
      if (address === undefined) continue;
      const { ready = true, serving = ready, terminating = false } = each.conditions ?? {};
      if (!ready && !(serving && terminating)) continue;
      const key = `${address}:${port}`;
      if (ready || !found.has(key))
        found.set(key, { address, port, local: each.nodeName === nodeName, ready, hints: each.hints ?? {} });
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint);
}

/** The ready ones; where none is, those that still serve while they terminate. */
function usable(candidates: readonly Candidate[]): readonly Candidate[] {
  const ready = candidates.filter((each) => each.ready);
  return ready.length > 0 ? ready : candidates;
}

/**
 * Those that are meant for this node, or for its zone, where every endpoint says for whom it is and some are for here:
 * pkg/proxy/topology.go. Otherwise all.
 */
function nearest(endpoints: readonly Candidate[], { nodeName, zone }: Place): readonly Endpoint[] {
  if (!endpoints.every(({ ready }) => ready)) return endpoints;
  const meantFor = (hint: keyof EndpointHints, here: string | undefined) =>
    endpoints.every(({ hints }) => (hints[hint] ?? []).length > 0)
      ? endpoints.filter(({ hints }) => hints[hint]?.some(({ name }) => name === here))
      : [];
  return [meantFor("forNodes", nodeName), meantFor("forZones", zone)].find(({ length }) => length > 0) ?? endpoints;
}

interface HostPort {
  readonly protocol: string;
  readonly hostPort: number;
  /** Empty for every address of the node. */
  readonly hostIp: string;
  readonly address: string;
  readonly containerPort: number;
}

/** The host ports of the pods that run here. */
function hostPortsOf(pods: readonly Pod[]): HostPort[] {
  return pods.flatMap((pod) => {
    const [address] = ipv4([pod.status.podIP]);
    if (pod.spec.hostNetwork || address === undefined || isPodTerminal(pod)) return [];
    const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
    return containers
      .flatMap(({ ports = [] }) => ports)
      .flatMap(({ hostPort, hostIP = "", protocol = "TCP", containerPort }) => {
        const [hostIp] = hostIP === "" || hostIP === "0.0.0.0" ? [""] : ipv4([hostIP]);
        return hostPort && hostIp !== undefined
          ? [{ protocol: protocol.toLowerCase(), hostPort, hostIp, address, containerPort }]
          : [];
      });
  });
}

/** One chain for each host port, under `protocol . port`. */
function hostPortChains(hostPorts: readonly HostPort[]): Map<string, RuleChain> {
  const found = new Map<string, RuleChain>();
  for (const { protocol, hostPort, hostIp, address, containerPort } of hostPorts) {
    const only = hostIp === "" ? "" : `ip daddr ${hostIp} `;
    const rule = `${only}meta l4proto ${protocol} dnat to ${address}:${containerPort}`;
    const portKey = `${protocol} . ${hostPort}`;
    const mark = `ip saddr 127.0.0.0/8 meta mark set meta mark | ${masqueradeMark}`;
    found.set(portKey, { hook: "", rules: [...(found.get(portKey)?.rules ?? [mark]), rule] });
  }
  return found;
}
