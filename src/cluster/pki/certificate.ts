import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  X509Certificate,
} from "node:crypto";
import { isIP } from "node:net";
import type { Random } from "../../lib/index.ts";
import * as der from "./der.ts";

/** A certificate with its private key, both PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly privateKey: string;
}

export interface CertificateRequest {
  readonly commonName: string;
  readonly organizations?: readonly string[];
  /** Names and addresses that a server may be called by. */
  readonly alternativeNames?: readonly string[];
  readonly usage: "authority" | "client" | "server";
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

const oid = {
  commonName: "2.5.4.3",
  organization: "2.5.4.10",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAlternativeName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  serverAuthentication: "1.3.6.1.5.5.7.3.1",
  clientAuthentication: "1.3.6.1.5.5.7.3.2",
};

const signatureAlgorithm = der.sequence(der.objectIdentifier(oid.ecdsaWithSha256));

/** A new private key, PKCS #8 PEM: ECDSA P-256, which is made in a tenth of a millisecond where RSA takes a hundred. */
export function newPrivateKey(): string {
  return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({
    type: "pkcs8",
    format: "pem",
  }) as string;
}

/** A new key and a certificate over it, signed by `issuer`; by itself when there is none. */
export function issue(request: CertificateRequest, random: Random, issuer?: KeyPair): KeyPair {
  const privateKey = newPrivateKey();
  const key = createPrivateKey(privateKey);
  const publicKey = createPublicKey(key);
  const issuerKey = issuer ? createPrivateKey(issuer.privateKey) : key;
  const issuerCertificate = issuer ? new X509Certificate(issuer.certificate) : undefined;
  const subject = name(request);
  const tbs = der.sequence(
    der.explicit(0, der.integer(Uint8Array.of(2))),
    der.integer(serialNumber(random)),
    signatureAlgorithm,
    issuerCertificate ? subjectOf(issuerCertificate) : subject,
    der.sequence(der.time(request.notBeforeMs), der.time(request.notAfterMs)),
    subject,
    publicKeyInfo(publicKey),
    der.explicit(3, der.sequence(...extensions(request, publicKey, issuerCertificate?.publicKey ?? publicKey))),
  );
  const certificate = der.sequence(tbs, signatureAlgorithm, der.bitString(sign("sha256", tbs, issuerKey)));
  return { certificate: pem("CERTIFICATE", certificate), privateKey };
}

/** A positive serial number of 16 bytes: unique by chance (RFC 5280 allows up to 20). */
function serialNumber(random: Random): Uint8Array {
  const bytes = random.bytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes;
}

function name(request: CertificateRequest): der.Der {
  const attribute = (type: string, value: string) =>
    der.set(der.sequence(der.objectIdentifier(type), der.utf8String(value)));
  return der.sequence(
    ...(request.organizations ?? []).map((each) => attribute(oid.organization, each)),
    attribute(oid.commonName, request.commonName),
  );
}

/** The issuer field has to repeat the issuer's subject; our authorities are only named by a common name. */
function subjectOf(authority: X509Certificate): der.Der {
  const commonName = /(?:^|\n)CN=(.*)/.exec(authority.subject)?.[1];
  if (commonName === undefined) throw new Error(`the authority's certificate has no common name: ${authority.subject}`);
  return name({ commonName, usage: "authority", notBeforeMs: 0, notAfterMs: 0 });
}

const publicKeyInfo = (key: KeyObject): Uint8Array => key.export({ type: "spki", format: "der" });

/** RFC 7093 method 1 over the whole public key: any value that names the key will do. */
const keyIdentifier = (key: KeyObject): Uint8Array =>
  createHash("sha256").update(publicKeyInfo(key)).digest().subarray(0, 20);

function extensions(request: CertificateRequest, publicKey: KeyObject, issuerKey: KeyObject): der.Der[] {
  const extension = (type: string, critical: boolean, value: der.Der) =>
    der.sequence(der.objectIdentifier(type), ...(critical ? [der.boolean(true)] : []), der.octetString(value));
  const isAuthority = request.usage === "authority";
  const alternativeNames = request.alternativeNames ?? [];
  const list = [
    extension(oid.basicConstraints, true, isAuthority ? der.sequence(der.boolean(true)) : der.sequence()),
    // Bits from the left: digitalSignature 0, keyEncipherment 2, keyCertSign 5.
    isAuthority
      ? extension(oid.keyUsage, true, der.bitString(Uint8Array.of(0b1010_0100), 2))
      : extension(oid.keyUsage, true, der.bitString(Uint8Array.of(0b1010_0000), 5)),
    extension(oid.subjectKeyIdentifier, false, der.octetString(keyIdentifier(publicKey))),
    extension(oid.authorityKeyIdentifier, false, der.sequence(der.implicit(0, keyIdentifier(issuerKey)))),
  ];
  if (!isAuthority) {
    const purpose = request.usage === "server" ? oid.serverAuthentication : oid.clientAuthentication;
    list.push(extension(oid.extendedKeyUsage, false, der.sequence(der.objectIdentifier(purpose))));
  }
  if (alternativeNames.length > 0) {
    list.push(extension(oid.subjectAlternativeName, false, der.sequence(...alternativeNames.map(generalName))));
  }
  return list;
}

function generalName(nameOrAddress: string): der.Der {
  return isIP(nameOrAddress) === 0
    ? der.implicit(2, new TextEncoder().encode(nameOrAddress))
    : der.implicit(7, addressBytes(nameOrAddress));
}

/** The bytes of an IPv4 or IPv6 address. */
export function addressBytes(address: string): Uint8Array {
  if (isIP(address) === 4) return Uint8Array.from(address.split("."), Number);
  // The URL parser knows every way to write an IPv6 address; it gives the compressed form without IPv4 notation.
  const [head = "", tail] = new URL(`http://[${address.replace(/%.*/, "")}]`).hostname.slice(1, -1).split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16)));
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const middle = new Array<number>(8 - before.length - after.length).fill(0);
  return Uint8Array.from([...before, ...middle, ...after].flatMap((group) => [group >> 8, group & 0xff]));
}

function pem(label: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/** Whether the pair is whole: the key is the certificate's and the authority signed it. */
export function belongsTogether(pair: KeyPair, authority: string): boolean {
  const certificate = new X509Certificate(pair.certificate);
  const issuer = new X509Certificate(authority);
  return (
    certificate.checkPrivateKey(createPrivateKey(pair.privateKey)) &&
    certificate.checkIssued(issuer) &&
    certificate.verify(issuer.publicKey)
  );
}

/** The names and addresses that a certificate is for, in the order of `alternativeNames`. */
export function alternativeNamesOf(certificate: string): string[] {
  const text = new X509Certificate(certificate).subjectAltName ?? "";
  return text === "" ? [] : text.split(", ").map((entry) => entry.replace(/^(DNS|IP Address):/, ""));
}

/** When a certificate begins, in milliseconds since 1970. */
export function notBeforeMsOf(certificate: string): number {
  return new X509Certificate(certificate).validFromDate.getTime();
}

/** When a certificate ends, in milliseconds since 1970. */
export function notAfterMsOf(certificate: string): number {
  return new X509Certificate(certificate).validToDate.getTime();
}
