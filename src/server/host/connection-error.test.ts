import assert from "node:assert/strict";
import { test } from "node:test";
import { errorMessage } from "../../lib/index.ts";
import { connectionError } from "./connection-error.ts";

const nodeError = (message: string, fields: object) => Object.assign(new Error(message), fields);

const refused = { code: "ECONNREFUSED", syscall: "connect", port: 80 };
const untold: readonly [string, unknown, string][] = [
  [
    "a refusal at an address",
    nodeError("connect ECONNREFUSED 192.0.2.1:80", { ...refused, address: "192.0.2.1" }),
    "dial tcp 192.0.2.1:80: connect: connection refused",
  ],
  [
    "refusals at all addresses of a name",
    Object.assign(new AggregateError([nodeError("", { ...refused, address: "::1" })]), { code: "ECONNREFUSED" }),
    "dial tcp [::1]:80: connect: connection refused",
  ],
  [
    "a name that there is not",
    nodeError("getaddrinfo ENOTFOUND a.example", { code: "ENOTFOUND", hostname: "a.example" }),
    "dial tcp: lookup a.example: no such host",
  ],
  ["an answer that breaks off", nodeError("socket hang up", { code: "ECONNRESET" }), "EOF"],
  [
    "a certificate of nobody known",
    nodeError("self-signed certificate", { code: "DEPTH_ZERO_SELF_SIGNED_CERT" }),
    "tls: failed to verify certificate: x509: certificate signed by unknown authority",
  ],
  [
    "a certificate without names",
    nodeError("Hostname/IP does not match", { code: "ERR_TLS_CERT_ALTNAME_INVALID", host: "a.example.", cert: {} }),
    "tls: failed to verify certificate: x509: certificate relies on legacy Common Name field, use SANs instead",
  ],
  ["a time that ran out", new Error("context deadline exceeded"), "context deadline exceeded"],
];

for (const [what, error, words] of untold)
  test(`${what} is told in Go's words`, () => assert.equal(errorMessage(connectionError(error)), words));
