// Whether bytes are certificates: ParseCertificates of Go's crypto/x509, in whose words Kubernetes refuses what is none.
// What extensions say is left to those who use the certificate.
import { type DerElement, derElementAt, derHexadecimal, expectDer, latin1Text, MalformedDer } from "../../lib/index.ts";
import { attributeValue, checkAsn1, MalformedAsn1, structure } from "./go-asn1.ts";
import { pemBlocks } from "./pem.ts";
import { readPublicKey } from "./public-key.ts";
import { derTags } from "./x509-certificate.ts";

/** Says what is wrong with `status.certificate` of a CertificateSigningRequest; undefined when there is none or a good one. */
export function whatIsNoCertificate(base64: string): string | undefined {
  if (base64 === "") return undefined;
  const blocks = pemBlocks(base64);
  for (const { type, hasHeaders, bytes } of blocks) {
    if (type !== "CERTIFICATE") return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(type)}`;
    if (hasHeaders) return "no PEM block headers are permitted";
    if (bytes.length === 0) return "found CERTIFICATE PEM block containing 0 certificates";
    const wrong = wrongCertificates(bytes);
    if (wrong) return wrong;
  }
  return blocks.length === 0 ? "must contain at least one CERTIFICATE PEM block" : undefined;
}

function wrongCertificates(bytes: Uint8Array<ArrayBuffer>): string | undefined {
  try {
    for (let at = 0; at < bytes.length; ) {
      const whole = new Reader(bytes, { start: at, end: bytes.length });
      const certificate = whole.read(derTags.sequence, "certificate");
      readCertificate(bytes, new Reader(bytes, certificate));
      at = certificate.end;
    }
    return undefined;
  } catch (error) {
    if (error instanceof Wrong) return error.message;
    if (error instanceof MalformedDer) return "x509: malformed certificate";
    throw error;
  }
}

/** The message is Go's. */
class Wrong extends Error {}

/** Takes the parts of a structure one after the other. */
class Reader {
  readonly #bytes: Uint8Array;
  #at: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, { start, end }: Pick<DerElement, "start" | "end">) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  get isEmpty(): boolean {
    return this.#at === this.#end;
  }

  /** Throws Wrong, which says that `what` is malformed, when another part comes. */
  read(tag: number, what: string): DerElement {
    try {
      const element = expectDer(derElementAt(this.#bytes, this.#at, this.#end), tag);
      this.#at = element.end;
      return element;
    } catch (error) {
      if (error instanceof MalformedDer) throw malformed(what);
      throw error;
    }
  }

  readOptional(tag: number, what: string): DerElement | undefined {
    return this.#bytes[this.#at] === tag && !this.isEmpty ? this.read(tag, what) : undefined;
  }

  inside(tag: number, what: string): Reader {
    return new Reader(this.#bytes, this.read(tag, what));
  }
}

const integerTag = 0x02;
const booleanTag = 0x01;
const issuerIdTag = 0x81;
const subjectIdTag = 0x82;
const extensionsTag = 0xa3;
const attribute = structure("", attributeValue, attributeValue);

function readCertificate(bytes: Uint8Array<ArrayBuffer>, certificate: Reader): void {
  const body = certificate.inside(derTags.sequence, "tbs certificate");
  const version = versionOf(bytes, body);
  const serial = body.read(integerTag, "serial number");
  if (!isMinimalInteger(bytes, serial)) throw malformed("serial number");
  if (bytes[serial.start]! >= 0x80) throw new Wrong("x509: negative serial number");
  const inner = body.read(derTags.sequence, "signature algorithm identifier");
  const outer = certificate.read(derTags.sequence, "algorithm identifier");
  if (derHexadecimal(bytes, inner) !== derHexadecimal(bytes, outer))
    throw new Wrong("x509: inner and outer signature algorithm identifiers don't match");
  readAlgorithm(new Reader(bytes, inner));
  readName(bytes, body.inside(derTags.sequence, "issuer"));
  readValidity(bytes, body.inside(derTags.sequence, "validity"));
  readName(bytes, body.inside(derTags.sequence, "issuer"));
  const keyInfo = body.read(derTags.sequence, "spki");
  const key = new Reader(bytes, keyInfo);
  readAlgorithm(key.inside(derTags.sequence, "public key algorithm identifier"));
  key.read(derTags.bitString, "subjectPublicKey");
  const wrongKey = readPublicKey(bytes.subarray(keyInfo.at, keyInfo.end));
  if (typeof wrongKey === "string") throw new Wrong(wrongKey);
  if (version > 1) {
    body.readOptional(issuerIdTag, "issuerUniqueID");
    body.readOptional(subjectIdTag, "subjectUniqueID");
  }
  if (version === 3) readExtensions(bytes, body);
  certificate.read(derTags.bitString, "signature");
}

/** 1 to 3. */
function versionOf(bytes: Uint8Array, body: Reader): number {
  const explicit = body.readOptional(derTags.version, "version");
  if (!explicit) return 1;
  const number = new Reader(bytes, explicit).read(integerTag, "version");
  if (!isMinimalInteger(bytes, number) || bytes[number.start]! >= 0x80) throw malformed("version");
  const version = number.end - number.start === 1 ? bytes[number.start]! + 1 : Number.POSITIVE_INFINITY;
  if (version > 3) throw new Wrong("x509: invalid version");
  return version;
}

function isMinimalInteger(bytes: Uint8Array, { start, end }: DerElement): boolean {
  if (start === end) return false;
  const [first = 0, second = 0] = bytes.subarray(start, end);
  return end - start === 1 || !((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80));
}

function readAlgorithm(identifier: Reader): void {
  identifier.read(derTags.objectIdentifier, "OID");
}

function readName(bytes: Uint8Array, name: Reader): void {
  while (!name.isEmpty) {
    const set = orElse(() => name.inside(derTags.set, ""), "x509: invalid RDNSequence");
    while (!set.isEmpty) {
      const element = orElse(() => set.read(derTags.sequence, ""), "x509: invalid RDNSequence: invalid attribute");
      const pair = new Reader(bytes, element);
      orElse(() => pair.read(derTags.objectIdentifier, ""), "x509: invalid RDNSequence: invalid attribute type");
      try {
        checkAsn1(bytes.subarray(element.at, element.end), attribute);
      } catch (error) {
        if (error instanceof MalformedAsn1)
          throw new Wrong(`x509: invalid RDNSequence: invalid attribute value: ${error.message}`);
        throw error;
      }
    }
  }
}

function orElse<T>(read: () => T, message: string): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Wrong) throw new Wrong(message);
    throw error;
  }
}

const times: Readonly<Record<number, readonly [name: string, pattern: RegExp]>> = {
  [derTags.utcTime]: ["UTCTime", /^\d{10}(\d\d)?(Z|[+-]\d{4})$/],
  [derTags.generalizedTime]: ["GeneralizedTime", /^\d{14}Z$/],
};

function readValidity(bytes: Uint8Array, validity: Reader): void {
  for (let count = 0; count < 2; count++) {
    const time =
      validity.readOptional(derTags.utcTime, "UTCTime") ??
      validity.readOptional(derTags.generalizedTime, "GeneralizedTime");
    if (!time) throw new Wrong("x509: unsupported time format");
    const [name, pattern] = times[time.tag]!;
    if (!pattern.test(latin1Text(bytes.subarray(time.start, time.end)))) throw malformed(name);
  }
}

function readExtensions(bytes: Uint8Array, body: Reader): void {
  const explicit = body.readOptional(extensionsTag, "extensions");
  if (!explicit) return;
  const extensions = new Reader(bytes, explicit).inside(derTags.sequence, "extensions");
  const seen = new Set<string>();
  while (!extensions.isEmpty) {
    const extension = extensions.inside(derTags.sequence, "extension");
    const id = derHexadecimal(bytes, extension.read(derTags.objectIdentifier, "extension OID field"));
    extension.readOptional(booleanTag, "extension critical field");
    extension.read(derTags.octetString, "extension value field");
    if (seen.has(id)) throw new Wrong("x509: certificate contains duplicate extensions");
    seen.add(id);
  }
}

function malformed(what: string): Wrong {
  return new Wrong(`x509: malformed ${what}`);
}
