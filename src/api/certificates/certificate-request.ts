// Reads requests for certificates: PKCS #10, RFC 2986.
import { type DerElement, derElementAt, derElements, derHexadecimal, expectDer } from "../../lib/index.ts";
import { pemBytes } from "./pem.ts";
import { derTags, readName, type Subject, wholeDer } from "./x509-certificate.ts";

/** Which kinds of other names a request asks for (RFC 5280 section 4.2.1.6). */
export type NameKind = "dns" | "ip" | "email" | "uri";

export interface CertificateRequestContent extends Subject {
  readonly otherNames: ReadonlySet<NameKind>;
  /** What the signature is over; DER, as the others. */
  readonly signed: Uint8Array;
  readonly subjectName: Uint8Array;
  readonly publicKey: Uint8Array;
  /** The value of the extension subjectAltName; undefined when none is asked for. */
  readonly alternativeNames: Uint8Array | undefined;
  /** The object identifier of the signature's algorithm, as the hexadecimal digits of its encoding. */
  readonly signatureAlgorithm: string;
  readonly signature: Uint8Array;
}

/** 1.2.840.113549.1.9.14 and 2.5.29.17. */
export const certificateRequestIds = { extensionRequest: "2a864886f70d01090e", subjectAlternativeName: "551d11" };
const attributesTag = 0xa0;
const nameKinds: Readonly<Record<number, NameKind>> = { 129: "email", 130: "dns", 134: "uri", 135: "ip" };

/** What a request asks for, from `spec.request` of a CertificateSigningRequest: PEM in base64. Undefined when it is none. */
export function readCertificateRequest(base64: string): CertificateRequestContent | undefined {
  const bytes = pemBytes(base64, "CERTIFICATE REQUEST");
  return bytes && wholeDer(() => read(bytes));
}

function read(bytes: Uint8Array): CertificateRequestContent {
  const request = expectDer(derElementAt(bytes, 0, bytes.length), derTags.sequence);
  const [information, algorithm, signature] = derElements(bytes, request);
  const signed = expectDer(information, derTags.sequence);
  const [, subject, publicKey, attributes] = derElements(bytes, signed);
  const [algorithmId] = derElements(bytes, expectDer(algorithm, derTags.sequence));
  const bits = expectDer(signature, derTags.bitString);
  const subjectName = expectDer(subject, derTags.sequence);
  const key = expectDer(publicKey, derTags.sequence);
  const names = attributes?.tag === attributesTag ? alternativeNamesOf(bytes, attributes) : undefined;
  return {
    ...readName(bytes, subjectName),
    otherNames: new Set(names ? kindsOf(bytes, names) : []),
    signed: bytes.subarray(signed.at, signed.end),
    subjectName: bytes.subarray(subjectName.at, subjectName.end),
    publicKey: bytes.subarray(key.at, key.end),
    alternativeNames: names && bytes.subarray(names.start, names.end),
    signatureAlgorithm: derHexadecimal(bytes, expectDer(algorithmId, derTags.objectIdentifier)),
    // The first byte of a bit string counts the unused bits; a signature has none.
    signature: bytes.subarray(bits.start + 1, bits.end),
  };
}

/** The content of the extension's octet string. */
function alternativeNamesOf(bytes: Uint8Array, attributes: DerElement): DerElement | undefined {
  for (const attribute of derElements(bytes, attributes)) {
    const [type, values] = derElements(bytes, expectDer(attribute, derTags.sequence));
    if (derHexadecimal(bytes, expectDer(type, derTags.objectIdentifier)) !== certificateRequestIds.extensionRequest)
      continue;
    const [extensions] = derElements(bytes, expectDer(values, derTags.set));
    for (const extension of derElements(bytes, expectDer(extensions, derTags.sequence))) {
      const fields = derElements(bytes, expectDer(extension, derTags.sequence));
      if (
        derHexadecimal(bytes, expectDer(fields[0], derTags.objectIdentifier)) !==
        certificateRequestIds.subjectAlternativeName
      )
        continue;
      // Between both there may be whether it is critical.
      return expectDer(fields.at(-1), derTags.octetString);
    }
  }
  return undefined;
}

function kindsOf(bytes: Uint8Array, names: DerElement): NameKind[] {
  const list = expectDer(derElementAt(bytes, names.start, names.end), derTags.sequence);
  return derElements(bytes, list).flatMap(({ tag }) => nameKinds[tag] ?? []);
}
