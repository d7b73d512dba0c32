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

/** What is certified of somebody else's key. */
export interface CertifiedContent {
  /** The distinguished name, DER. */
  readonly subject: der.Der;
  readonly publicKey: KeyObject;
  /** The value of the extension subjectAltName, DER; undefined without other names. */
  readonly alternativeNames: der.Der | undefined;
  /** In the words of Kubernetes: "digital signature", "client auth". */
  readonly usages: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** Who signs. */
export interface Issuer {
  readonly certificate: X509Certificate;
  readonly privateKey: KeyObject;
}

/** A new key and a certificate over it, signed by `issuer`; by itself when there is none. */
export function issue(request: CertificateRequest, random: Random, issuer?: KeyPair): KeyPair {
  const privateKey = newPrivateKey();
  const key = createPrivateKey(privateKey);
  const names = request.alternativeNames ?? [];
  const content = {
    subject: name(request),
    publicKey: createPublicKey(key),
    alternativeNames: names.length === 0 ? undefined : der.sequence(...names.map(generalName)),
    usages: usagesOf[request.usage],
    notBeforeMs: request.notBeforeMs,
    notAfterMs: request.notAfterMs,
  };
  const by = issuer && {
    certificate: new X509Certificate(issuer.certificate),
    privateKey: createPrivateKey(issuer.privateKey),
  };
  return { certificate: certify(content, by ?? key, random), privateKey };
}

/** The certificate, PEM; `by` is the issuer, or the private key of one that signs itself. */
export function certify(content: CertifiedContent, by: Issuer | KeyObject, random: Random): string {
  const issuer = "certificate" in by ? by : undefined;
  const issuerKey = "certificate" in by ? by.privateKey : by;
  const tbs = der.sequence(
    der.explicit(0, der.integer(Uint8Array.of(2))),
    der.integer(serialNumber(random)),
    signatureAlgorithm,
    issuer ? subjectOf(issuer.certificate) : content.subject,
    der.sequence(der.time(content.notBeforeMs), der.time(content.notAfterMs)),
    content.subject,
    publicKeyInfo(content.publicKey),
    der.explicit(3, der.sequence(...extensions(content, issuer?.certificate.publicKey ?? content.publicKey))),
  );
  return pem("CERTIFICATE", der.sequence(tbs, signatureAlgorithm, der.bitString(sign("sha256", tbs, issuerKey))));
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

const usagesOf: Readonly<Record<CertificateRequest["usage"], readonly string[]>> = {
  authority: ["digital signature", "key encipherment", "cert sign"],
  client: ["digital signature", "key encipherment", "client auth"],
  server: ["digital signature", "key encipherment", "server auth"],
};

/** Bits counted from the left: RFC 5280 section 4.2.1.3. */
const keyUsageBits: Readonly<Record<string, number>> = {
  "digital signature": 0,
  "key encipherment": 2,
  "cert sign": 5,
};
const purposes: Readonly<Record<string, string>> = {
  "server auth": oid.serverAuthentication,
  "client auth": oid.clientAuthentication,
};

function extensions({ usages, publicKey, alternativeNames }: CertifiedContent, issuerKey: KeyObject): der.Der[] {
  const extension = (type: string, critical: boolean, value: der.Der) =>
    der.sequence(der.objectIdentifier(type), ...(critical ? [der.boolean(true)] : []), der.octetString(value));
  const isAuthority = usages.includes("cert sign");
  const list = [
    extension(oid.basicConstraints, true, isAuthority ? der.sequence(der.boolean(true)) : der.sequence()),
    ...keyUsage(usages).map((bits) => extension(oid.keyUsage, true, bits)),
    extension(oid.subjectKeyIdentifier, false, der.octetString(keyIdentifier(publicKey))),
    extension(oid.authorityKeyIdentifier, false, der.sequence(der.implicit(0, keyIdentifier(issuerKey)))),
  ];
  const extended = usages.flatMap((usage) => purposes[usage] ?? []).map(der.objectIdentifier);
  if (extended.length > 0) list.push(extension(oid.extendedKeyUsage, false, der.sequence(...extended)));
  if (alternativeNames) list.push(extension(oid.subjectAlternativeName, false, alternativeNames));
  return list;
}

/** Nothing when no bit is set: RFC 5280 forbids the extension then. DER leaves out the zeros at the end of named bits. */
function keyUsage(usages: readonly string[]): der.Der[] {
  const bits = usages.flatMap((usage) => keyUsageBits[usage] ?? []);
  if (bits.length === 0) return [];
  const byte = bits.reduce((set, bit) => set | (0x80 >> bit), 0);
  return [der.bitString(Uint8Array.of(byte), 7 - Math.max(...bits))];
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
