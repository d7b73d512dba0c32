import assert from "node:assert/strict";
import { test } from "node:test";
import { created } from "../definition-fixture.ts";
import { Secrets } from "./secret.ts";

const pem = (type: string) => `-----BEGIN ${type}-----\nAA==\n-----END ${type}-----\n`;
const certificate = pem("CERTIFICATE");
const key = pem("EC PRIVATE KEY");

const table: readonly (readonly [string, string, string, readonly string[]])[] = [
  ["a pair", certificate, key, []],
  ["nothing", "", "", ["tls: failed to find any PEM data in certificate input"]],
  ["no key", certificate, "secret", ["tls: failed to find any PEM data in key input"]],
  [
    "the one for the other",
    key,
    certificate,
    [
      "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched",
    ],
  ],
  [
    "a certificate twice",
    certificate,
    certificate,
    ["tls: found a certificate rather than a key in the PEM for the private key"],
  ],
  [
    "a request",
    pem("CERTIFICATE REQUEST"),
    key,
    [
      'tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: [CERTIFICATE REQUEST]',
    ],
  ],
  [
    "public keys",
    certificate,
    pem("EC PARAMETERS") + pem("PUBLIC KEY"),
    [
      'tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the following types: [EC PARAMETERS PUBLIC KEY]',
    ],
  ],
];

for (const [name, crt, privateKey, warnings] of table)
  test(`a secret for TLS is warned about: ${name}`, () => {
    const stringData = { "tls.crt": crt, "tls.key": privateKey };
    const secret = created(Secrets, { type: "kubernetes.io/tls", stringData });
    assert.deepEqual(Secrets.warnings?.(secret, undefined), warnings);
    assert.deepEqual(Secrets.warnings?.(created(Secrets, { stringData }), undefined), []);
  });
