import type { Path } from "./field-error.ts";

/** An address. IPv4-mapped IPv6 addresses count as IPv4, as in Go's net package. */
export interface IpAddress {
  readonly family: 4 | 6;
  readonly value: bigint;
}

export interface Cidr {
  /** The address as written, host bits included. */
  readonly address: IpAddress;
  readonly prefixLength: number;
}

/** Reads an address; leading zeros in IPv4 are decimal, as Kubernetes reads them for the sake of stored objects. */
export function parseIp(text: string): IpAddress | undefined {
  if (!text.includes(":")) {
    const value = parseIpv4(text);
    return value === undefined ? undefined : { family: 4, value };
  }
  const value = parseIpv6(text);
  if (value === undefined) return undefined;
  return value >> 32n === 0xffffn ? { family: 4, value: value & 0xffffffffn } : { family: 6, value };
}

function parseIpv4(text: string): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    if (!/^[0-9]{1,9}$/.test(part) || Number(part) > 255) return undefined;
    value = (value << 8n) | BigInt(part);
  }
  return value;
}

function parseIpv6(text: string): bigint | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0] ?? "");
  const tail = halves.length === 2 ? groupsOf(halves[1] ?? "") : [];
  if (!head || !tail) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  return [...head, ...Array<bigint>(missing).fill(0n), ...tail].reduce((value, group) => (value << 16n) | group, 0n);
}

/** The 16-bit groups of one side of `::`; an IPv4 address at the end makes two. */
function groupsOf(text: string): bigint[] | undefined {
  if (text === "") return [];
  const groups: bigint[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (part.includes(".") && index === parts.length - 1) {
      const embedded = parseIpv4(part);
      if (embedded === undefined) return undefined;
      groups.push(embedded >> 16n, embedded & 0xffffn);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(BigInt(`0x${part}`));
    else return undefined;
  }
  return groups;
}

/** The canonical text of an address: RFC 5952 for IPv6. */
export function formatIp({ family, value }: IpAddress): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join(".");
  const groups = Array.from({ length: 8 }, (_, index) => Number((value >> BigInt(112 - 16 * index)) & 0xffffn));
  let best = { start: 0, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  const hex = (from: number, to: number) =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(":");
  return best.length < 2 ? hex(0, 8) : `${hex(0, best.start)}::${hex(best.start + best.length, 8)}`;
}

/** Reads `address/prefixLength`. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf("/");
  if (slash < 0) return undefined;
  const address = parseIp(text.slice(0, slash));
  const bits = text.slice(slash + 1);
  if (!address || !/^[0-9]{1,3}$/.test(bits)) return undefined;
  const mapped = address.family === 4 && text.includes(":");
  const prefixLength = Number(bits) - (mapped ? 96 : 0);
  return prefixLength >= 0 && prefixLength <= (address.family === 4 ? 32 : 128) ? { address, prefixLength } : undefined;
}

/** The first address of the network. */
export function networkOf({ address, prefixLength }: Cidr): IpAddress {
  const hostBits = BigInt((address.family === 4 ? 32 : 128) - prefixLength);
  return { family: address.family, value: (address.value >> hostBits) << hostBits };
}

/** The canonical text: the network's first address and the prefix length. */
export function formatCidr(cidr: Cidr): string {
  return `${formatIp(networkOf(cidr))}/${cidr.prefixLength}`;
}

export function cidrContains(cidr: Cidr, address: IpAddress): boolean {
  if (cidr.address.family !== address.family) return false;
  return networkOf(cidr).value === networkOf({ address, prefixLength: cidr.prefixLength }).value;
}

// Validation, with the messages of k8s.io/apimachinery/pkg/util/validation/ip.go.

export function isIp(value: string): string[] {
  return parseIp(value) ? [] : ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"];
}

export function isIpv4(value: string): string[] {
  return parseIp(value)?.family === 4 ? [] : ["must be a valid IPv4 address"];
}

export function isIpv6(value: string): string[] {
  return parseIp(value)?.family === 6 ? [] : ["must be a valid IPv6 address"];
}

export function isCidr(value: string): string[] {
  return parseCidr(value) ? [] : ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"];
}

/** As isIp where no other text for the address is accepted: the names of IPAddress objects. */
export function isCanonicalIp(text: string): string[] {
  const ip = parseIp(text);
  if (!ip) return isIp(text);
  if (hasLeadingZeros(text)) return ["must not have leading 0s"];
  if (ip.family === 4 && text.includes(":")) return ["must not be an IPv4-mapped IPv6 address"];
  const canonical = formatIp(ip);
  return canonical === text ? [] : [`must be in canonical form ("${canonical}")`];
}

/** As isCidr where no other text for the network is accepted: the ranges of ServiceCIDR objects. */
export function isCanonicalCidr(text: string): string[] {
  const cidr = parseCidr(text);
  if (!cidr) return isCidr(text);
  const [before = "", bits = ""] = text.split("/");
  if (hasLeadingZeros(before) || /^0\d/.test(bits)) return ["must not have leading 0s in IP or prefix length"];
  if (cidr.address.family === 4 && before.includes(":")) return ["must not have an IPv4-mapped IPv6 address"];
  if (networkOf(cidr).value !== cidr.address.value) return ["must not have bits set beyond the prefix length"];
  const canonical = formatCidr(cidr);
  return canonical === text ? [] : [`must be in canonical form ("${canonical}")`];
}

// Warnings, with the sentences of the same file: what is accepted for the sake of old objects and may not be one day.

/** Whether Go's strict parsers refuse the IPv4 part of the text, which some programs read as octal numbers. */
function hasLeadingZeros(text: string): boolean {
  return text.includes(".") && /(^|[.:])0\d/.test(text.slice(text.lastIndexOf(":") + 1));
}

/** What clients should know of an address that was accepted; nothing of a text that is no address. */
export function ipWarnings(at: Path, text: string): string[] {
  const ip = parseIp(text);
  if (!ip) return [];
  const canonical = formatIp(ip);
  const shown = JSON.stringify(text);
  if (hasLeadingZeros(text) || (ip.family === 4 && text.includes(":")))
    return [
      `${at}: non-standard IP address ${shown} will be considered invalid in a future Kubernetes release: use "${canonical}"`,
    ];
  return canonical === text
    ? []
    : [`${at}: IPv6 address ${shown} should be in RFC 5952 canonical format ("${canonical}")`];
}

export function cidrWarnings(at: Path, text: string): string[] {
  const cidr = parseCidr(text);
  if (!cidr) return [];
  const { address } = cidr;
  const [canonical, shown] = [formatCidr(cidr), JSON.stringify(text)];
  const warnings: string[] = [];
  if (networkOf(cidr).value !== address.value) {
    const single = `${formatIp(address)}/${address.family === 4 ? 32 : 128}`;
    warnings.push(`${at}: CIDR value ${shown} is ambiguous in this context (should be "${canonical}" or "${single}"?)`);
  }
  const [before = "", bits = ""] = text.split("/");
  if (hasLeadingZeros(before) || /^0\d/.test(bits) || (address.family === 4 && before.includes(":")))
    warnings.push(
      `${at}: non-standard CIDR value ${shown} will be considered invalid in a future Kubernetes release: use "${canonical}"`,
    );
  if (warnings.length === 0 && canonical !== text)
    warnings.push(`${at}: IPv6 CIDR value ${shown} should be in RFC 5952 canonical format ("${canonical}")`);
  return warnings;
}
