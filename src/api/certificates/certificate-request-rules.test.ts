import assert from "node:assert/strict";
import { test } from "node:test";
import {
  certificateRequest,
  encodedPem,
  requestBodies,
  selfSignedCertificate,
  withBytes,
} from "./certificate-fixture.ts";
import { whatIsWrongWithRequest } from "./certificate-request-rules.ts";
import { whatIsNoCertificate } from "./certificate-rules.ts";

const { ecdsaP224, ecdsaP256, ed25519, rsaSha256 } = requestBodies;
const bytes = (...values: readonly number[]) => btoa(String.fromCharCode(...values));
const changedName = (body: string) => withBytes(body, atob(body).indexOf("carl"), 0x64);
const lengthOf = (body: string) => atob(body).length;
const rules =
  "{optional:false explicit:false application:false private:false defaultValue:<nil> tag:<nil> stringType:0 timeType:0 set:false omitEmpty:false}";

for (const [name, body] of Object.entries(requestBodies))
  test(`a request that its own key signed is one: ${name}`, async () => {
    assert.equal(await whatIsWrongWithRequest(certificateRequest(body)), undefined);
  });

const malformed: readonly (readonly [string, string, string])[] = [
  ["nothing", "", "asn1: syntax error: sequence truncated"],
  ["an empty structure", bytes(0x30, 0), "asn1: syntax error: sequence truncated"],
  ["a cut request", btoa(atob(ecdsaP256).slice(0, -9)), "asn1: syntax error: data truncated"],
  ["bytes after the request", btoa(`${atob(ecdsaP256)}\0`), "asn1: syntax error: trailing data"],
  ["a length without an end", bytes(0x30, 0x80, 0, 0), "asn1: syntax error: indefinite length found (not DER)"],
  ["a length that is cut", bytes(0x30, 0x82, 1), "asn1: syntax error: truncated tag or length"],
  ["a length that is too large", bytes(0x30, 0x84, 0x7f, 1, 1, 1), "asn1: syntax error: data truncated"],
  ["a length longer than needed", bytes(0x30, 0x81, 1, 0), "asn1: structure error: non-minimal length"],
  [
    "a number",
    bytes(2, 1, 5),
    `asn1: structure error: tags don't match (16 vs {class:0 tag:2 length:1 isCompound:false}) ${rules} certificateRequest @2`,
  ],
  [
    "text",
    btoa("hello"),
    `asn1: structure error: tags don't match (16 vs {class:1 tag:8 length:101 isCompound:true}) ${rules} certificateRequest @2`,
  ],
  [
    "a certificate",
    atob(selfSignedCertificate()).split("\n").slice(1, -2).join(""),
    `asn1: structure error: tags don't match (2 vs {class:2 tag:0 length:3 isCompound:true}) ${rules} int @2`,
  ],
  ["a version that is no number", withBytes(ecdsaP256, 8, 0), "asn1: structure error: empty integer"],
  ["an unknown curve", withBytes(ecdsaP256, 61, 0x99), "x509: unsupported elliptic curve"],
  ["a point beside the curve", withBytes(ecdsaP256, 80, 1, 2, 3), "x509: failed to unmarshal elliptic curve point"],
  ["a subject that somebody changed", changedName(ecdsaP256), "x509: ECDSA verification failure"],
  [
    "a point beside the curve P-224",
    withBytes(ecdsaP224, 60, 1, 2, 3),
    "x509: failed to unmarshal elliptic curve point",
  ],
  ["another subject, signed on P-224", changedName(ecdsaP224), "x509: ECDSA verification failure"],
  ["another subject, signed with RSA", changedName(rsaSha256), "crypto/rsa: verification error"],
  [
    "a short RSA key",
    "MIIBCTCBlAIBADAPMQ0wCwYDVQQDDARjYXJsMHwwDQYJKoZIhvcNAQEBBQADawAwaAJhAMs+PagZmg/S96lA4DphypOo6Q0VqQ2XO/2fYmmgfa2AaUhmIOEAIDhm3wyN00pTmRzx7FcPC6WttpsOgAW4EkyprLEnZPmubDMaOFz5xAeW6opa/G+wlIJ1GZvvIBLKYwIDAQABoAAwDQYJKoZIhvcNAQELBQADYQBTOFG8inPmoenwWYFIaFRssFcDVX38iKlZXJhB7DhwUFlZdRNDni3fK3cYpsascZlFEoR+yh8M2H0mG3tT5QDPo7ArThH0M18PhOkF0IoK6DLPoqTWJY1LD8jyVERkEe4=",
    "crypto/rsa: 768-bit keys are insecure (see https://go.dev/pkg/crypto/rsa#hdr-Minimum_key_size)",
  ],
  ["another signature", withBytes(ed25519, lengthOf(ed25519) - 1, 0), "x509: Ed25519 verification failure"],
];

for (const [name, body, message] of malformed)
  test(`a request for a certificate is refused in Go's words: ${name}`, async () => {
    assert.equal(await whatIsWrongWithRequest(certificateRequest(body)), message);
  });

test("a request whose bytes are broken anywhere is refused, never an error of the server", async () => {
  for (const body of [ecdsaP224, ecdsaP256, ed25519])
    for (let at = 0; at < lengthOf(body); at++) {
      const broken = withBytes(body, at, (atob(body).charCodeAt(at) ^ 0xff) & 0xff);
      assert.equal(typeof (await whatIsWrongWithRequest(certificateRequest(broken))), "string", String(at));
    }
});

test("a request is PEM of the right type", async () => {
  const message = "PEM block type must be CERTIFICATE REQUEST";
  assert.equal(await whatIsWrongWithRequest("AAAA"), message);
  assert.equal(await whatIsWrongWithRequest(encodedPem("NEW CERTIFICATE REQUEST", ecdsaP256)), message);
});

const certificate = atob(selfSignedCertificate()).split("\n").slice(1, -2).join("");

const certificates: readonly (readonly [string, string, string | undefined])[] = [
  ["a good one", certificate, undefined],
  ["two in one block", btoa(atob(certificate) + atob(certificate)), undefined],
  ["nothing", "", "found CERTIFICATE PEM block containing 0 certificates"],
  ["an empty structure", bytes(0x30, 0), "x509: malformed tbs certificate"],
  ["a cut one", btoa(atob(certificate).slice(0, -1)), "x509: malformed certificate"],
  ["a request", ecdsaP256, "x509: inner and outer signature algorithm identifiers don't match"],
];

for (const [name, body, message] of certificates)
  test(`what a signer writes has to be certificates: ${name}`, () => {
    assert.equal(whatIsNoCertificate(selfSignedCertificate(body)), message);
  });

test("a certificate whose bytes are broken anywhere is no error of the server", () => {
  for (let at = 0; at < lengthOf(certificate); at++)
    for (const byte of [0x00, 0x1f, 0x7f, 0xff])
      whatIsNoCertificate(selfSignedCertificate(withBytes(certificate, at, byte)));
});

test("a block of PEM with headers is refused", () => {
  const text = `-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n\n${certificate}\n-----END CERTIFICATE-----\n`;
  assert.equal(whatIsNoCertificate(btoa(text)), "no PEM block headers are permitted");
});
