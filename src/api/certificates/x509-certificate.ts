// Reads what Kubernetes needs of a certificate (RFC 5280 section 4.1) and steps over the rest: microseconds, where a
// general parser of certificates takes most of a millisecond.
import {
  type DerElement,
  derElementAt,
  derElements,
  derHexadecimal,
  expectDer,
  latin1Text,
  MalformedDer,
} from "../../lib/index.ts";
import { pemBytes } from "./pem.ts";

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

/** The tags of DER that certificates and requests are made of. */
export const derTags = {
  sequence: 0x30,
  set: 0x31,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  version: 0xa0,
};
const textTags = { utf8: 0x0c, printable: 0x13, teletex: 0x14, ia5: 0x16, bmp: 0x1e };

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
  return wholeDer(() => read(bytes));
}

/** The first certificate of `status.certificate` of a CertificateSigningRequest: PEM in base64. Undefined when it is none. */
export function readEncodedCertificate(base64: string): CertificateIdentity | undefined {
  const bytes = pemBytes(base64, "CERTIFICATE");
  return bytes && readCertificate(bytes);
}

/** What `reading` gives; undefined when the bytes are not what it expects. */
export function wholeDer<T>(reading: () => T): T | undefined {
  try {
    return reading();
  } catch (error) {
    // The bytes end early or hold text that is none: the caller treats both as something else.
    if (error instanceof MalformedDer || error instanceof TypeError) return undefined;
    throw error;
  }
}

function read(bytes: Uint8Array): CertificateIdentity {
  const certificate = expectDer(derElementAt(bytes, 0, bytes.length), derTags.sequence);
  const body = expectDer(derElementAt(bytes, certificate.start, certificate.end), derTags.sequence);
  let fields = derElements(bytes, body);
  if (fields[0]?.tag === derTags.version) fields = fields.slice(1);
  const [, , , validity, subject] = fields;
  const [notBefore, notAfter] = derElements(bytes, expectDer(validity, derTags.sequence));
  return {
    ...readName(bytes, expectDer(subject, derTags.sequence)),
    notBeforeMs: timeOf(bytes, notBefore),
    notAfterMs: timeOf(bytes, notAfter),
  };
}

/** A distinguished name. Throws MalformedDer. */
export function readName(bytes: Uint8Array, name: DerElement): Subject {
  let commonName: string | undefined;
  let uid: string | undefined;
  const organizations: string[] = [];
  for (const set of derElements(bytes, name)) {
    for (const pair of derElements(bytes, expectDer(set, derTags.set))) {
      const [type, value] = derElements(bytes, expectDer(pair, derTags.sequence));
      const attribute = attributes[derHexadecimal(bytes, expectDer(type, derTags.objectIdentifier))];
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

function stringOf(bytes: Uint8Array, element: DerElement): string {
  const content = bytes.subarray(element.start, element.end);
  switch (element.tag) {
    case textTags.utf8:
    case textTags.printable:
    case textTags.ia5:
      return decoder.decode(content);
    case textTags.teletex:
      return latin1Text(content);
    case textTags.bmp: {
      let text = "";
      for (let at = 0; at + 1 < content.length; at += 2)
        text += String.fromCharCode((content[at] as number) * 256 + (content[at + 1] as number));
      return text;
    }
    default:
      throw new MalformedDer();
  }
}

function timeOf(bytes: Uint8Array, element: DerElement | undefined): number {
  if (element?.tag !== derTags.utcTime && element?.tag !== derTags.generalizedTime) throw new MalformedDer();
  const text = decoder.decode(bytes.subarray(element.start, element.end));
  // RFC 5280: two-digit years from 50 on belong to the twentieth century.
  const century = element.tag === derTags.generalizedTime ? "" : Number(text.slice(0, 2)) >= 50 ? "19" : "20";
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(century + text)?.map(Number) ?? [];
  if (year === undefined) throw new MalformedDer();
  return Date.UTC(year, month! - 1, day, hour, minute, second);
}
