// Reads DER (ITU-T X.690): steps over tagged values without copying what they hold.

/** A tagged value inside some bytes: it begins at `at`, its content is from `start` to `end`. */
export interface DerElement {
  readonly tag: number;
  readonly at: number;
  readonly start: number;
  readonly end: number;
}

/** The bytes are not what they should be. */
export class MalformedDer extends Error {}

/** The element that begins at `at`. Throws MalformedDer when it would reach past `end`. */
export function derElementAt(bytes: Uint8Array, at: number, end: number): DerElement {
  const tag = bytes[at];
  let length = bytes[at + 1];
  // A tag that needs more bytes is none of those that are looked for.
  if (tag === undefined || length === undefined || (tag & 0x1f) === 0x1f) throw new MalformedDer();
  let start = at + 2;
  if (length & 0x80) {
    const count = length & 0x7f;
    if (count === 0 || count > 4) throw new MalformedDer();
    length = 0;
    for (let each = 0; each < count; each++) length = length * 256 + (bytes[start++] ?? Number.NaN);
    // A length has one encoding.
    if (!(length >= 256 ** (count - 1) && length >= 0x80)) throw new MalformedDer();
  }
  if (!(start + length <= end)) throw new MalformedDer();
  return { tag, at, start, end: start + length };
}

/** The elements that a constructed one consists of. Throws MalformedDer. */
export function derElements(bytes: Uint8Array, parent: DerElement): DerElement[] {
  const found: DerElement[] = [];
  for (let at = parent.start; at < parent.end; ) {
    const element = derElementAt(bytes, at, parent.end);
    found.push(element);
    at = element.end;
  }
  return found;
}

/** The element, when it has the tag. Throws MalformedDer. */
export function expectDer(element: DerElement | undefined, tag: number): DerElement {
  if (element?.tag !== tag) throw new MalformedDer();
  return element;
}

/** The content as hexadecimal digits. */
export function derHexadecimal(bytes: Uint8Array, { start, end }: DerElement): string {
  let digits = "";
  for (let at = start; at < end; at++) digits += (bytes[at] as number).toString(16).padStart(2, "0");
  return digits;
}
