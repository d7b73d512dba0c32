/** An IPv4 range in CIDR notation, as numbers. */
export interface AddressRange {
  readonly base: number;
  readonly prefixLength: number;
}

/** The number of an IPv4 address; undefined for anything else. */
export function parseAddress(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (!match) return undefined;
  let value = 0;
  for (const part of match.slice(1)) {
    const byte = Number(part);
    if (byte > 255) return undefined;
    value = value * 256 + byte;
  }
  return value;
}

function formatAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");
}

/**
 * An IPv4 address without the leading zeros that Kubernetes has always read as decimal. Other programs read them as octal
 * (CVE-2021-29923), so no address that a client wrote may be handed on as it is. Undefined for anything else.
 */
export function canonicalAddress(text: string): string | undefined {
  const value = parseAddress(text);
  return value === undefined ? undefined : formatAddress(value);
}

/** The range of `10.42.0.0/16`; undefined when it is not one, or when bits below the prefix are set. */
export function parseRange(text: string): AddressRange | undefined {
  const [address = "", length = "", ...rest] = text.split("/");
  const base = parseAddress(address);
  if (base === undefined || rest.length > 0 || !/^\d{1,2}$/.test(length)) return undefined;
  const prefixLength = Number(length);
  if (prefixLength > 32 || base % rangeSize({ base, prefixLength }) !== 0) return undefined;
  return { base, prefixLength };
}

export function rangeSize(range: AddressRange): number {
  return 2 ** (32 - range.prefixLength);
}

/** The address at `offset` in the range. */
export function addressAt(range: AddressRange, offset: number): string {
  return formatAddress(range.base + offset);
}

export function rangesOverlap(a: AddressRange, b: AddressRange): boolean {
  return a.base < b.base + rangeSize(b) && b.base < a.base + rangeSize(a);
}

/** Whether every address of `inner` is one of `outer`. */
export function rangeEncloses(outer: AddressRange, inner: AddressRange): boolean {
  return outer.prefixLength <= inner.prefixLength && rangesOverlap(outer, inner);
}

export function rangeContains(range: AddressRange, address: string): boolean {
  const value = parseAddress(address);
  return value !== undefined && value >= range.base && value < range.base + rangeSize(range);
}
