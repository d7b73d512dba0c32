// https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-ip-address-library
// https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-cidr-library
import { cidrContains, formatIp, type IpAddress, networkOf as networkStart, parseIp } from "../../api/meta/index.ts";
import * as cost from "../cost.ts";
import { type Definition, define, member } from "../functions.ts";
import { boolType, intType, opaqueType, stringType } from "../types.ts";
import { EvaluationError, Opaque } from "../values.ts";

export const ipType = opaqueType("net.IP");
export const cidrType = opaqueType("net.CIDR");

class Ip extends Opaque {
  readonly type = ipType;
  readonly address: IpAddress;
  constructor(address: IpAddress) {
    super();
    this.address = address;
  }
  equals(other: Opaque) {
    return other instanceof Ip && sameAddress(this.address, other.address);
  }
}

class Network extends Opaque {
  readonly type = cidrType;
  readonly address: IpAddress;
  readonly prefixLength: number;
  constructor(address: IpAddress, prefixLength: number) {
    super();
    this.address = address;
    this.prefixLength = prefixLength;
  }
  equals(other: Opaque) {
    return (
      other instanceof Network && sameAddress(this.address, other.address) && this.prefixLength === other.prefixLength
    );
  }
}

function sameAddress(left: IpAddress, right: IpAddress): boolean {
  return left.family === right.family && left.value === right.value;
}

const bitsOf = ({ family }: IpAddress) => (family === 4 ? 32 : 128);

/** Stricter than the API's own fields: no leading zeros, no zones, no IPv4 within IPv6. */
function addressOf(text: string): IpAddress | string {
  if (text.includes("%") && text.includes(":"))
    return `IP address ${JSON.stringify(text)} with zone value is not allowed`;
  const address = parseIp(text);
  if (!address || (!text.includes(":") && /(^|\.)0\d/.test(text)))
    return `IP Address ${JSON.stringify(text)} parse error during conversion from string: ParseAddr(${JSON.stringify(text)}): unable to parse IP`;
  if (text.includes(":") && address.family === 4)
    return `IPv4-mapped IPv6 address ${JSON.stringify(text)} is not allowed`;
  return address;
}

function readIp(text: string): Ip {
  const address = addressOf(text);
  if (typeof address === "string") throw new EvaluationError(address);
  return new Ip(address);
}

function networkOf(text: string): Network | string {
  const fail = (why: string) =>
    `network address parse error during conversion from string: netip.ParsePrefix(${JSON.stringify(text)}): ${why}`;
  const slash = text.lastIndexOf("/");
  if (slash < 0) return fail("no '/'");
  const address = addressOf(text.slice(0, slash));
  if (typeof address === "string") return address.startsWith("IPv4-mapped") ? address : fail("unable to parse IP");
  const length = text.slice(slash + 1);
  if (!/^(0|[1-9]\d{0,2})$/.test(length)) return fail(`bad bits after slash: ${JSON.stringify(length)}`);
  if (Number(length) > bitsOf(address)) return fail("prefix length out of range");
  return new Network(address, Number(length));
}

function readNetwork(text: string): Network {
  const network = networkOf(text);
  if (typeof network === "string")
    throw new EvaluationError(`network address parse error during conversion from string: ${network}`);
  return network;
}

function containsIp(network: Network, { address }: Ip): boolean {
  return cidrContains(network, address);
}

function containsNetwork(outer: Network, inner: Network): boolean {
  // Upstream compares the inner network's own address, so one with bits behind its prefix must lie in the outer one too.
  return outer.prefixLength <= inner.prefixLength && containsIp(outer, new Ip(inner.address));
}

const inRange = (address: IpAddress, text: string) => containsIp(readNetwork(text), new Ip(address));

function isGlobalUnicast(address: IpAddress): boolean {
  const { family, value } = address;
  if (value === 0n || isLoopback(address) || isLinkLocalUnicast(address)) return false;
  if (family === 4) return value !== 0xffffffffn && !inRange(address, "224.0.0.0/4");
  return !inRange(address, "ff00::/8");
}
const isLoopback = (address: IpAddress) => inRange(address, "127.0.0.0/8") || inRange(address, "::1/128");
const isLinkLocalUnicast = (address: IpAddress) => inRange(address, "169.254.0.0/16") || inRange(address, "fe80::/10");

/** Multicast that stays on the link: in IPv6 the scope stands in the second byte. */
const isLinkLocalMulticast = ({ family, value }: IpAddress) =>
  family === 4 ? value >> 8n === 0xe00000n : value >> 120n === 0xffn && ((value >> 112n) & 0xfn) === 2n;

const property = (name: string, id: string, holds: (address: IpAddress) => boolean) =>
  member(name, id, [ipType], boolType, ({ address }: Ip) => holds(address), cost.nominal);

/** Two byte lists are compared; upstream counts the network's own bytes as one. */
function containing(times: number, plus: number, isText: boolean): cost.CostRule {
  const text = cost.traversal();
  return {
    actual: (args) => {
      const base = Math.ceil(2 * cost.traversalFactor) + (times > 2 ? Math.ceil(cost.traversalFactor) : 0) + plus;
      return base + (isText ? text.actual(args.slice(1)) : 0);
    },
    estimate: (args) => {
      const bytes: cost.Range = { min: 4, max: 16 };
      let sum = cost.scale({ min: 8, max: 32 }, cost.traversalFactor);
      if (times > 2) sum = cost.add(sum, cost.scale(bytes, cost.traversalFactor));
      sum = cost.add(sum, cost.fixed(plus));
      return { cost: isText ? cost.add(sum, text.estimate(args.slice(1)).cost) : sum };
    },
  };
}

export const addressFunctions: readonly Definition[] = [
  define("ip", "string_to_ip", [stringType], ipType, readIp, cost.traversal()),
  define(
    "isIP",
    "is_ip",
    [stringType],
    boolType,
    (text: string) => typeof addressOf(text) !== "string",
    cost.traversal(),
  ),
  define(
    "ip.isCanonical",
    "ip_is_canonical",
    [stringType],
    boolType,
    (text: string) => formatIp(readIp(text).address) === text,
    cost.traversal(2),
  ),
  define("string", "ip_to_string", [ipType], stringType, ({ address }: Ip) => formatIp(address)),
  member("family", "ip_family", [ipType], intType, ({ address }: Ip) => BigInt(address.family), cost.nominal),
  property("isUnspecified", "ip_is_unspecified", ({ value }) => value === 0n),
  property("isLoopback", "ip_is_loopback", isLoopback),
  property("isLinkLocalMulticast", "ip_is_link_local_multicast", isLinkLocalMulticast),
  property("isLinkLocalUnicast", "ip_is_link_local_unicast", isLinkLocalUnicast),
  property("isGlobalUnicast", "ip_is_global_unicast", isGlobalUnicast),
  define("cidr", "string_to_cidr", [stringType], cidrType, readNetwork, cost.traversal()),
  define(
    "isCIDR",
    "is_cidr",
    [stringType],
    boolType,
    (text: string) => typeof networkOf(text) !== "string",
    cost.traversal(),
  ),
  define(
    "string",
    "cidr_to_string",
    [cidrType],
    stringType,
    ({ address, prefixLength }: Network) => `${formatIp(address)}/${prefixLength}`,
  ),
  member(
    "containsIP",
    "cidr_contains_ip_string",
    [cidrType, stringType],
    boolType,
    (network: Network, text: string) => containsIp(network, readIp(text)),
    containing(2, 0, true),
  ),
  member("containsIP", "cidr_contains_ip_ip", [cidrType, ipType], boolType, containsIp, containing(2, 0, false)),
  member(
    "containsCIDR",
    "cidr_contains_cidr_string",
    [cidrType, stringType],
    boolType,
    (network: Network, text: string) => containsNetwork(network, readNetwork(text)),
    containing(3, 1, true),
  ),
  member(
    "containsCIDR",
    "cidr_contains_cidr",
    [cidrType, cidrType],
    boolType,
    containsNetwork,
    containing(3, 1, false),
  ),
  member("ip", "cidr_ip", [cidrType], ipType, ({ address }: Network) => new Ip(address), cost.nominal),
  member(
    "prefixLength",
    "cidr_prefix_length",
    [cidrType],
    intType,
    ({ prefixLength }: Network) => BigInt(prefixLength),
    cost.nominal,
  ),
  member(
    "masked",
    "cidr_masked",
    [cidrType],
    cidrType,
    (network: Network) => new Network(networkStart(network), network.prefixLength),
    cost.nominal,
  ),
];
