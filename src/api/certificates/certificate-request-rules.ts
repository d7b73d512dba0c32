// Whether bytes are a request for a certificate (RFC 2986): ParseCertificateRequest and CheckSignature of Go's
// crypto/x509, in whose words Kubernetes refuses those that are none.
import { type DerElement, derElementAt, derElements, derHexadecimal, MalformedDer } from "../../lib/index.ts";
import { certificateRequestIds } from "./certificate-request.ts";
import {
  type Asn1Shape,
  anyValue,
  attributeValue,
  bitString,
  boolean,
  checkAsn1,
  integer,
  listOf,
  MalformedAsn1,
  objectIdentifier,
  octetString,
  structure,
} from "./go-asn1.ts";
import { pemBytes } from "./pem.ts";
import { readPublicKey } from "./public-key.ts";
import { whatIsWrongWithSignature } from "./request-signature.ts";

const algorithmIdentifier = structure("AlgorithmIdentifier", objectIdentifier, { shape: anyValue, optional: true });
const certificateRequest = structure(
  "certificateRequest",
  structure("tbsCertificateRequest", integer, anyValue, structure("publicKeyInfo", algorithmIdentifier, bitString), {
    shape: listOf(anyValue),
    contextTag: 0,
  }),
  algorithmIdentifier,
  bitString,
);
const name = listOf(
  listOf(structure("AttributeTypeAndValue", objectIdentifier, attributeValue), {
    name: "RelativeDistinguishedNameSET",
    set: true,
  }),
  { name: "RDNSequence" },
);
const attribute = structure("pkcs10Attribute", objectIdentifier, { shape: listOf(anyValue, { set: true }) });
const requestedExtensions = listOf(
  structure("Extension", objectIdentifier, { shape: boolean, optional: true }, octetString),
);

/** Says what is wrong with `spec.request` of a CertificateSigningRequest; undefined when it is one, signed with its key. */
export async function whatIsWrongWithRequest(base64: string): Promise<string | undefined> {
  const bytes = pemBytes(base64, "CERTIFICATE REQUEST");
  if (!bytes) return "PEM block type must be CERTIFICATE REQUEST";
  return whatIsMalformed(bytes) ?? (await whatItsKeySays(bytes));
}

function whatIsMalformed(bytes: Uint8Array<ArrayBuffer>): string | undefined {
  try {
    if (checkAsn1(bytes, certificateRequest) !== bytes.length) return "asn1: syntax error: trailing data";
    const { subject, publicKey, attributes } = partsOf(bytes);
    const key = readPublicKey(bytes.subarray(publicKey.at, publicKey.end));
    if (typeof key === "string") return key;
    checkAsn1(bytes.subarray(subject.at, subject.end), name);
    return wrongExtensions(bytes, derElements(bytes, attributes));
  } catch (error) {
    if (error instanceof MalformedAsn1) return error.message;
    if (error instanceof MalformedDer) return "asn1: structure error: unknown tag";
    throw error;
  }
}

async function whatItsKeySays(bytes: Uint8Array<ArrayBuffer>): Promise<string | undefined> {
  const { content, publicKey, algorithm, signature } = partsOf(bytes);
  const key = readPublicKey(bytes.subarray(publicKey.at, publicKey.end));
  if (typeof key === "string") return key;
  const signed = {
    content: bytes.subarray(content.at, content.end),
    algorithm: bytes.subarray(algorithm.at, algorithm.end),
    // The first byte of a bit string counts the unused bits; a signature has none.
    signature: bytes.subarray(signature.start + 1, signature.end),
  };
  return whatIsWrongWithSignature(signed, key);
}

/** The parts of a well-formed request. */
function partsOf(bytes: Uint8Array) {
  const [content, algorithm, signature] = derElements(bytes, derElementAt(bytes, 0, bytes.length)) as Parts;
  const [, subject, publicKey, attributes] = derElements(bytes, content) as [DerElement, ...Parts];
  return { content, algorithm, signature, subject, publicKey, attributes };
}

/** That they are there was found out before. */
type Parts = [DerElement, DerElement, DerElement];

function wrongExtensions(bytes: Uint8Array, attributes: readonly DerElement[]): string | undefined {
  const seen = new Set<string>();
  for (const { at, end } of attributes) {
    const value = requestedIn(bytes.subarray(at, end));
    if (!value) continue;
    checkAsn1(value, requestedExtensions);
    for (const extension of derElements(value, derElementAt(value, 0, value.length))) {
      const [id, ...rest] = derElements(value, extension) as [DerElement, ...DerElement[]];
      const oid = derHexadecimal(value, id);
      if (seen.has(oid)) return "x509: certificate request contains duplicate requested extensions";
      seen.add(oid);
      const content = rest.at(-1);
      if (oid !== certificateRequestIds.subjectAlternativeName || !content) continue;
      const wrong = wrongNames(value.subarray(content.start, content.end));
      if (wrong) return wrong;
    }
  }
  return undefined;
}

/** The extensions that the attribute asks for; undefined where it says something else, or nothing that can be read. */
function requestedIn(bytes: Uint8Array): Uint8Array | undefined {
  if (!isA(attribute, bytes)) return undefined;
  const [id, values] = derElements(bytes, derElementAt(bytes, 0, bytes.length));
  if (!id || !values || derHexadecimal(bytes, id) !== certificateRequestIds.extensionRequest) return undefined;
  const [first] = derElements(bytes, values);
  return first && bytes.subarray(first.at, first.end);
}

function isA(shape: Asn1Shape, bytes: Uint8Array): boolean {
  try {
    return checkAsn1(bytes, shape) === bytes.length;
  } catch (error) {
    if (error instanceof MalformedAsn1) return false;
    throw error;
  }
}

const texts: Readonly<Record<number, string>> = {
  129: "x509: SAN rfc822Name is malformed",
  130: "x509: SAN dNSName is malformed",
  134: "x509: SAN uniformResourceIdentifier is malformed",
};
const addressTag = 135;

/** The rules of subjectAltName: RFC 5280 section 4.2.1.6. */
function wrongNames(bytes: Uint8Array): string | undefined {
  if (!isA(listOf(anyValue), bytes)) return "x509: invalid subject alternative names";
  for (const { tag, start, end } of derElements(bytes, derElementAt(bytes, 0, bytes.length))) {
    const malformed = texts[tag];
    if (malformed && bytes.subarray(start, end).some((byte) => byte > 0x7f)) return malformed;
    const length = end - start;
    if (tag === addressTag && length !== 4 && length !== 16) return `x509: cannot parse IP address of length ${length}`;
  }
  return undefined;
}
