// What the cluster's names mean: the Kubernetes DNS specification (version 1.1.0) as a pure function over what the
// informers know. No tables are kept: each question reads the caches.
import { type EndpointSlice, type Service, serviceNameLabel } from "../../api/index.ts";

export interface DnsView {
  readonly domain: string;
  service(namespace: string, name: string): Service | undefined;
  endpointSlices(namespace: string, service: string): readonly EndpointSlice[];
  serviceByAddress(address: string): Service | undefined;
  /** The slices that hold an endpoint with this address. */
  slicesByAddress(address: string): readonly EndpointSlice[];
  namespaceExists(namespace: string): boolean;
}

export type DnsRecord =
  | { readonly type: "A" | "AAAA" | "CNAME" | "PTR" | "TXT"; readonly name: string; readonly data: string }
  | { readonly type: "SRV"; readonly name: string; readonly data: { readonly target: string; readonly port: number } };

export type DnsAnswer =
  /** Not a name of the cluster: ask the machine's resolvers. */
  | { readonly kind: "forward" }
  | { readonly kind: "missing" }
  /** The name exists; `records` may be empty when it has none of that type. `alias` is a name outside that they point to. */
  | { readonly kind: "found"; readonly records: readonly DnsRecord[]; readonly alias?: string };

const missing: DnsAnswer = { kind: "missing" };
const empty: DnsAnswer = { kind: "found", records: [] };
const specificationVersion = "1.1.0";

/** The answer to one question; `name` in lower case and without the final dot. */
export function answerQuestion(view: DnsView, name: string, type: string): DnsAnswer {
  const { domain } = view;
  if (name.endsWith(".in-addr.arpa") || name.endsWith(".ip6.arpa")) return answerReverse(view, name, type);
  if (name === domain) return empty;
  if (!name.endsWith(`.${domain}`)) return { kind: "forward" };
  const labels = name.slice(0, -domain.length - 1).split(".");
  const root = labels.pop();
  if (root === "dns-version" && labels.length === 0) {
    return found(type === "TXT" ? [{ type: "TXT", name, data: specificationVersion }] : []);
  }
  if (root === "pod") return answerPod(view, name, labels, type);
  if (root === "svc") return answerService(view, name, labels, type);
  return missing;
}

function found(records: readonly DnsRecord[]): DnsAnswer {
  return { kind: "found", records };
}

const isIPv6 = (address: string) => address.includes(":");

function addressRecords(name: string, addresses: readonly string[], type: string): DnsRecord[] {
  if (type !== "A" && type !== "AAAA") return [];
  return addresses.filter((each) => isIPv6(each) === (type === "AAAA")).map((data) => ({ type, name, data }));
}

/** `10-42-0-5.namespace.pod.domain`: the address is in the name; whether such a pod exists is not looked at. */
function answerPod(view: DnsView, name: string, labels: readonly string[], type: string): DnsAnswer {
  if (labels.length === 0) return empty;
  const [namespace, dashed] = [labels.at(-1) as string, labels.at(-2)];
  if (labels.length > 2 || !view.namespaceExists(namespace)) return missing;
  if (dashed === undefined) return empty;
  const address = /^\d+-\d+-\d+-\d+$/.test(dashed) ? dashed.replaceAll("-", ".") : dashed.replaceAll("-", ":");
  const valid = /^(\d{1,3}\.){3}\d{1,3}$/.test(address) || /^[0-9a-f:]*:[0-9a-f:]*$/.test(address);
  return valid ? found(addressRecords(name, [address], type)) : missing;
}

function answerService(view: DnsView, name: string, labels: readonly string[], type: string): DnsAnswer {
  const namespace = labels.at(-1);
  if (namespace === undefined) return empty;
  const serviceName = labels.at(-2);
  if (serviceName === undefined) return view.namespaceExists(namespace) ? empty : missing;
  const service = view.service(namespace, serviceName);
  if (!service) return missing;
  const below = labels.slice(0, -2);
  if (service.spec.type === "ExternalName")
    return below.length === 0 ? answerExternalName(view, service, name, type) : missing;

  const base = `${serviceName}.${namespace}.svc.${view.domain}`;
  if (below.length === 2 && below[0]?.startsWith("_") && below[1]?.startsWith("_")) {
    return answerPort(view, service, name, base, below[0].slice(1), below[1].slice(1), type);
  }
  const clusterIPs = clusterAddresses(service);
  if (below.length === 0) {
    if (clusterIPs.length > 0) return found(addressRecords(name, clusterIPs, type));
    const endpoints = endpointsOf(view, service);
    return endpoints.length === 0
      ? missing
      : found(
          addressRecords(
            name,
            endpoints.map((each) => each.address),
            type,
          ),
        );
  }
  if (below.length !== 1) return missing;
  const addresses = endpointsOf(view, service)
    .filter((each) => each.label === below[0])
    .map((each) => each.address);
  return addresses.length === 0 ? missing : found(addressRecords(name, addresses, type));
}

function answerExternalName(view: DnsView, service: Service, name: string, type: string): DnsAnswer {
  const target = (service.spec.externalName ?? "").replace(/\.$/, "").toLowerCase();
  if (target === "") return missing;
  const alias: DnsRecord = { type: "CNAME", name, data: target };
  if (type === "CNAME") return found([alias]);
  // One step is enough: a chain of ExternalNames ends with the alias that the client may ask for itself.
  const next = target.endsWith(`.${view.domain}`) ? answerQuestion(view, target, type) : undefined;
  if (next?.kind === "found" && !next.alias) return found([alias, ...next.records]);
  return next ? found([alias]) : { kind: "found", records: [alias], alias: target };
}

function answerPort(
  view: DnsView,
  service: Service,
  name: string,
  base: string,
  portName: string,
  protocol: string,
  type: string,
): DnsAnswer {
  const matches = (port: { name?: string | undefined; protocol?: string | undefined }) =>
    port.name?.toLowerCase() === portName && (port.protocol ?? "TCP").toLowerCase() === protocol;
  if (clusterAddresses(service).length > 0) {
    const port = service.spec.ports?.find(matches);
    if (!port) return missing;
    return found(type === "SRV" ? [{ type: "SRV", name, data: { target: base, port: port.port } }] : []);
  }
  const targets = endpointsOf(view, service).flatMap((endpoint) =>
    endpoint.ports
      .filter((port) => matches(port) && port.port !== undefined)
      .map((port) => ({ target: `${endpoint.label}.${base}`, port: port.port as number })),
  );
  if (targets.length === 0) return missing;
  return found(type === "SRV" ? targets.map((data) => ({ type: "SRV", name, data })) : []);
}

function clusterAddresses(service: Service): readonly string[] {
  const addresses = service.spec.clusterIPs ?? (service.spec.clusterIP ? [service.spec.clusterIP] : []);
  return addresses.filter((each) => each !== "" && each !== "None");
}

interface NamedEndpoint {
  readonly address: string;
  /** The hostname below the service: the pod's, or the address with dashes. */
  readonly label: string;
  readonly ports: NonNullable<EndpointSlice["ports"]>;
}

/** The ready endpoints of a service; publishNotReadyAddresses is already in their ready condition. */
function endpointsOf(view: DnsView, service: Service): NamedEndpoint[] {
  const namespace = service.metadata.namespace ?? "";
  return view.endpointSlices(namespace, service.metadata.name).flatMap((slice) =>
    (slice.endpoints ?? [])
      .filter((each) => each.conditions?.ready !== false)
      .flatMap((each) =>
        each.addresses.map((address) => ({
          address,
          label: each.hostname ?? address.replaceAll(/[.:]/g, "-"),
          ports: slice.ports ?? [],
        })),
      ),
  );
}

function answerReverse(view: DnsView, name: string, type: string): DnsAnswer {
  const address = reverseAddress(name);
  if (address === undefined) return { kind: "forward" };
  const names = reverseNames(view, address);
  if (names.length === 0) return { kind: "forward" };
  return found(type === "PTR" ? names.map((data) => ({ type: "PTR", name, data })) : []);
}

function reverseNames(view: DnsView, address: string): string[] {
  const service = view.serviceByAddress(address);
  if (service) return [`${service.metadata.name}.${service.metadata.namespace}.svc.${view.domain}`];
  return view.slicesByAddress(address).flatMap((slice) => {
    const of = slice.metadata.labels?.[serviceNameLabel];
    const base = `${of}.${slice.metadata.namespace}.svc.${view.domain}`;
    return (slice.endpoints ?? [])
      .filter((each) => each.addresses.includes(address))
      .map((each) => `${each.hostname ?? address.replaceAll(/[.:]/g, "-")}.${base}`);
  });
}

/** The IPv4 address that a name of in-addr.arpa stands for; undefined for a part of one and for IPv6. */
function reverseAddress(name: string): string | undefined {
  const labels = name.split(".").slice(0, -2).reverse();
  const whole = name.endsWith(".in-addr.arpa") && labels.length === 4 && labels.every((each) => /^\d{1,3}$/.test(each));
  return whole ? labels.join(".") : undefined;
}
