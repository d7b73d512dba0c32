// Where `proxy` subresources lead: names are `name`, `name:port` or `scheme:name:port` (apimachinery, SplitSchemeNamePort).
import {
  badRequest,
  type EndpointSlice,
  formatIp,
  type Pod,
  parseIp,
  type Service,
  serviceUnavailable,
} from "../../../api/index.ts";
import type { Random } from "../../../lib/index.ts";

export interface ProxyName {
  readonly scheme: "http" | "https";
  readonly name: string;
  /** A number, a service's port name, or empty. */
  readonly port: string;
}

/** Throws 400; `kind` is how the message names the resource: pod, service, node. */
export function parseProxyName(kind: string, text: string): ProxyName {
  const parts = text.split(":");
  const [first = "", second = "", third = ""] = parts;
  const parsed =
    parts.length === 1
      ? { scheme: "", name: first, port: "" }
      : parts.length === 2
        ? { scheme: "", name: first, port: second }
        : { scheme: first, name: second, port: third };
  const { scheme, name, port } = parsed;
  const known = scheme === "" || scheme === "http" || scheme === "https";
  if (parts.length > 3 || !known || name === "") throw badRequest(`invalid ${kind} request ${JSON.stringify(text)}`);
  return { scheme: scheme === "https" ? "https" : "http", name, port };
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** The pod's address and the port, by default the first that one of its containers declares. */
export function podAddress(pod: Pod, { scheme, port }: ProxyName): Address {
  const declared = pod.spec.containers.flatMap((container) => container.ports ?? [])[0]?.containerPort;
  const number = port === "" ? (declared ?? (scheme === "https" ? 443 : 80)) : Number(port);
  if (!isPort(number)) throw badRequest(`invalid port ${JSON.stringify(port)}`);
  return { host: allowed(pod.status?.podIP ?? ""), port: number };
}

/** One of the service's ready endpoints. Throws 503 when there is none for the port. */
export function serviceAddress(
  service: Service,
  slices: readonly EndpointSlice[],
  asked: ProxyName,
  random: Random,
): Address {
  const portName = servicePortName(service, asked);
  const found = slices.flatMap((slice) => {
    const port = (slice.ports ?? []).find((each) => (each.name ?? "") === portName)?.port;
    if (port === undefined || slice.addressType === "FQDN") return [];
    const ready = (slice.endpoints ?? []).filter((endpoint) => endpoint.conditions?.ready !== false);
    return ready.flatMap((endpoint) => endpoint.addresses.slice(0, 1)).map((host) => ({ host, port }));
  });
  const chosen = found[Math.floor(random.next() * found.length)];
  if (!chosen) throw serviceUnavailable(`no endpoints available for service ${JSON.stringify(service.metadata.name)}`);
  return { host: allowed(chosen.host), port: chosen.port };
}

/** A number stands for the name of the service's port with that number; no port for the port without a name. */
function servicePortName(service: Service, { port, name }: ProxyName): string {
  if (!/^\d+$/.test(port)) return port;
  const found = service.spec.ports?.find((each) => each.port === Number(port));
  if (!found) throw serviceUnavailable(`no service port ${port} found for service ${JSON.stringify(name)}`);
  return found.name ?? "";
}

/**
 * The address as it is written when everybody reads it alike. Statuses are written by others: they must not lead into the
 * machine of the API server itself, however they write that. Throws 400.
 */
export function allowed(text: string): string {
  const parsed = parseIp(text);
  const address = parsed ? formatIp(parsed) : "";
  const unfit = address.includes(":")
    ? /^(::1?$|fe[89ab]|ff)/
    : /^($|0\.0\.0\.0$|127\.|169\.254\.|2(2[4-9]|[3-5]\d)\.)/;
  if (unfit.test(address)) throw badRequest("address not allowed");
  return address;
}

export function isPort(number: number): boolean {
  return Number.isInteger(number) && number >= 1 && number <= 65_535;
}
