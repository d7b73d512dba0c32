// Reads what authentication needs of a certificate (RFC 5280 section 4.1) and steps over the rest: microseconds, where a
// general parser of certificates takes most of a millisecond.

export interface Subject {
  readonly commonName: string | undefined;
  readonly organizations: readonly string[];
  /** From Kubernetes' own attribute type; see KEP-4828. */
  readonly uid: string | undefined;
}

export interface CertificateIdentity extends Subject {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** A tagged value inside `bytes`: its content is from `start` to `end`. */
interface Element {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
}

const tags = { sequence: 0x30, set: 0x31, objectIdentifier: 0x06, utcTime: 0x17, generalizedTime: 0x18, version: 0xa0 };
const universalTags = { utf8: 0x0c, printable: 0x13, teletex: 0x14, ia5: 0x16, bmp: 0x1e };

/** Object identifiers as the hexadecimal digits of their encoding. */
const attributes: Readonly<Record<string, "commonName" | "organization" | "uid">> = {
  "550403": "commonName",
  "55040a": "organization",
  // 1.3.6.1.4.1.57683.2
  "2b0601040183c25302": "uid",
};

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Undefined when the bytes are not a certificate. */
export function readCertificate(bytes: Uint8Array): CertificateIdentity | undefined {
  return whole(() => read(bytes));
}

const requestPem = /-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----([^-]+)-----END/;

/**
 * Whose certificate a request asks for (RFC 2986), from `spec.request` of a CertificateSigningRequest: PEM in base64.
 * Undefined when it is none.
 */
export function readCertificateRequest(base64: string): Subject | undefined {
  return whole(() => {
    const body = requestPem.exec(fromBase64(base64))?.[1];
    if (body === undefined) throw new Malformed();
    const bytes = Uint8Array.from(fromBase64(body), (character) => character.charCodeAt(0));
    const request = expect(elementAt(bytes, 0, bytes.length), tags.sequence);
    const information = expect(elementAt(bytes, request.start, request.end), tags.sequence);
    const [, subject] = elements(bytes, information);
    return readName(bytes, expect(subject, tags.sequence));
  });
}

function fromBase64(text: string): string {
  const bare = text.replace(/\s/g, "");
  if (bare.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(bare)) throw new Malformed();
  return atob(bare);
}

function whole<T>(reading: () => T): T | undefined {
  try {
    return reading();
  } catch (error) {
    // The bytes end early or hold what a certificate cannot: the caller treats both as no certificate.
    if (error instanceof Malformed || error instanceof TypeError) return undefined;
    throw error;
  }
}

class Malformed extends Error {}

function read(bytes: Uint8Array): CertificateIdentity {
  const certificate = expect(elementAt(bytes, 0, bytes.length), tags.sequence);
  const body = expect(elementAt(bytes, certificate.start, certificate.end), tags.sequence);
  let fields = elements(bytes, body);
  if (fields[0]?.tag === tags.version) fields = fields.slice(1);
  const [, , , validity, subject] = fields;
  const [notBefore, notAfter] = elements(bytes, expect(validity, tags.sequence));
  return {
    ...readName(bytes, expect(subject, tags.sequence)),
    notBeforeMs: timeOf(bytes, notBefore),
    notAfterMs: timeOf(bytes, notAfter),
  };
}

function readName(bytes: Uint8Array, name: Element): Subject {
  let commonName: string | undefined;
  let uid: string | undefined;
  const organizations: string[] = [];
  for (const set of elements(bytes, name)) {
    for (const pair of elements(bytes, expect(set, tags.set))) {
      const [type, value] = elements(bytes, expect(pair, tags.sequence));
      const attribute = attributes[hexadecimal(bytes, expect(type, tags.objectIdentifier))];
      if (attribute === undefined || value === undefined) continue;
      const text = stringOf(bytes, value);
      // Go's crypto/x509, which Kubernetes reads certificates with, takes the last common name where there are several.
      if (attribute === "commonName") commonName = text;
      else if (attribute === "uid") uid = text;
      else organizations.push(text);
    }
  }
  return { commonName, organizations, uid };
}

function elementAt(bytes: Uint8Array, at: number, end: number): Element {
  const tag = bytes[at];
  let length = bytes[at + 1];
  if (tag === undefined || length === undefined) throw new Malformed();
  let start = at + 2;
  if (length & 0x80) {
    const count = length & 0x7f;
    if (count === 0 || count > 4) throw new Malformed();
    length = 0;
    for (let each = 0; each < count; each++) length = length * 256 + (bytes[start++] ?? Number.NaN);
  }
  if (!(start + length <= end)) throw new Malformed();
  return { tag, start, end: start + length };
}

function elements(bytes: Uint8Array, parent: Element): Element[] {
  const found: Element[] = [];
  for (let at = parent.start; at < parent.end; ) {
    const element = elementAt(bytes, at, parent.end);
    found.push(element);
    at = element.end;
  }
  return found;
}

function expect(element: Element | undefined, tag: number): Element {
  if (element?.tag !== tag) throw new Malformed();
  return element;
}

function hexadecimal(bytes: Uint8Array, element: Element): string {
  let digits = "";
  for (let at = element.start; at < element.end; at++) digits += (bytes[at] as number).toString(16).padStart(2, "0");
  return digits;
}

function stringOf(bytes: Uint8Array, element: Element): string {
  const content = bytes.subarray(element.start, element.end);
  switch (element.tag) {
    case universalTags.utf8:
    case universalTags.printable:
    case universalTags.ia5:
      return decoder.decode(content);
    case universalTags.teletex:
      return String.fromCharCode(...content);
    case universalTags.bmp: {
      let text = "";
      for (let at = 0; at + 1 < content.length; at += 2)
        text += String.fromCharCode((content[at] as number) * 256 + (content[at + 1] as number));
      return text;
    }
    default:
      throw new Malformed();
  }
}

function timeOf(bytes: Uint8Array, element: Element | undefined): number {
  if (element?.tag !== tags.utcTime && element?.tag !== tags.generalizedTime) throw new Malformed();
  const text = decoder.decode(bytes.subarray(element.start, element.end));
  // RFC 5280: two-digit years from 50 on belong to the twentieth century.
  const century = element.tag === tags.generalizedTime ? "" : Number(text.slice(0, 2)) >= 50 ? "19" : "20";
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(century + text)?.map(Number) ?? [];
  if (year === undefined) throw new Malformed();
  return Date.UTC(year, month! - 1, day, hour, minute, second);
}
