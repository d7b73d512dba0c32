import assert from "node:assert/strict";
import { test } from "node:test";
import { type Draft, deepCopy } from "../../lib/index.ts";
import {
  cells,
  created,
  errorsOnCreate,
  errorsOnStatusUpdate,
  type Partially,
  strategyContext,
} from "../definition-fixture.ts";
import { rootPath } from "../meta/field-error.ts";
import type { CertificateSigningRequest } from "../types.generated.ts";
import { certificateRequest, selfSignedCertificate } from "./certificate-fixture.ts";
import { validateApproval } from "./certificate-request-validation.ts";
import { CertificateSigningRequests } from "./certificate-signing-request.ts";

type Request = Partially<CertificateSigningRequest>;

const pem = (type: string, body = "MAA=") => btoa(`-----BEGIN ${type}-----\n${body}\n-----END ${type}-----\n`);
const request = certificateRequest();
const spec = { request, signerName: "kubernetes.io/kube-apiserver-client", usages: ["client auth"] };
const approved = { type: "Approved", status: "True" };
const time = "2025-01-01T00:00:00Z";
const approvedBefore = { ...approved, lastUpdateTime: time, lastTransitionTime: time };
type Status = NonNullable<Request["status"]>;

test("a request says who asks, whatever it claims", () => {
  const object = created(CertificateSigningRequests, {
    spec: { ...spec, username: "root", groups: ["system:masters"], extra: { a: ["b"] } },
  });
  assert.deepEqual(object.spec, { ...spec, username: "tester", uid: "uid-of-tester", groups: ["testers"] });
});

test("what was asked for stays as it was", () => {
  const old = created(CertificateSigningRequests, { spec });
  const next = deepCopy(old);
  next.spec.signerName = "example.com/other";
  CertificateSigningRequests.prepareForUpdate?.(next, old, strategyContext);
  assert.equal(next.spec.signerName, spec.signerName);
});

const invalid: readonly (readonly [string, Request, readonly string[]])[] = [
  ["a good one", { spec }, []],
  ["no usages", { spec: { ...spec, usages: [] } }, ["spec.usages: Required value"]],
  [
    "usages twice",
    { spec: { ...spec, usages: ["client auth", "client auth"] } },
    ['spec.usages[1]: Duplicate value: "client auth"'],
  ],
  ["no signer", { spec: { ...spec, signerName: "" } }, ["spec.signerName: Required value"]],
  [
    "a signer without a domain",
    { spec: { ...spec, signerName: "me/you" } },
    ['spec.signerName: Invalid value: "me": should be a domain with at least two segments separated by dots'],
  ],
  [
    "a signer without a path",
    { spec: { ...spec, signerName: "example.com" } },
    [
      `spec.signerName: Invalid value: "example.com": must be a fully qualified domain and path of the form 'example.com/signer-name'`,
    ],
  ],
  [
    "the signer of old",
    { spec: { ...spec, signerName: "kubernetes.io/legacy-unknown" } },
    [
      'spec.signerName: Invalid value: "kubernetes.io/legacy-unknown": the legacy signerName is not allowed via this API version',
    ],
  ],
  [
    "a short life",
    { spec: { ...spec, expirationSeconds: 599 } },
    ["spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 600 seconds (10 minutes)"],
  ],
];

for (const [name, object, errors] of invalid)
  test(`a request is validated: ${name}`, () => {
    assert.deepEqual(errorsOnCreate(CertificateSigningRequests, object), errors);
  });

const certificate = selfSignedCertificate();

const statusUpdates: readonly (readonly [string, Status, Status, readonly string[]])[] = [
  ["signing", { conditions: [approvedBefore] }, { conditions: [approvedBefore], certificate }, []],
  [
    "signing again",
    { certificate },
    { certificate: btoa(atob(certificate).repeat(2)) },
    ["status.certificate: Forbidden: updates may not modify existing certificate content"],
  ],
  [
    "signing with a key",
    {},
    { certificate: pem("PRIVATE KEY") },
    [
      'status.certificate: Invalid value: "<certificate data>": only CERTIFICATE PEM blocks are allowed, found "PRIVATE KEY"',
    ],
  ],
  [
    "signing with what is no certificate",
    {},
    { certificate: pem("CERTIFICATE") },
    ['status.certificate: Invalid value: "<certificate data>": x509: malformed tbs certificate'],
  ],
  [
    "signing with anything",
    {},
    { certificate: btoa("anything") },
    ['status.certificate: Invalid value: "<certificate data>": must contain at least one CERTIFICATE PEM block'],
  ],
  [
    "approving",
    {},
    { conditions: [approved] },
    ['status.conditions: Forbidden: updates may not add a condition of type "Approved"'],
  ],
  [
    "forgetting a denial",
    { conditions: [{ type: "Denied", status: "True" }] },
    {},
    ['status.conditions: Forbidden: updates may not remove a condition of type "Denied"'],
  ],
  [
    "failing in part",
    {},
    { conditions: [{ type: "Failed", status: "False" }] },
    ['status.conditions[0].status: Unsupported value: "False": supported values: "True"'],
  ],
];

for (const [name, before, after, errors] of statusUpdates)
  test(`the signer's update is validated: ${name}`, () => {
    const found = errorsOnStatusUpdate(CertificateSigningRequests, { spec, status: before }, (draft) => {
      draft.status = after as Draft<CertificateSigningRequest["status"]>;
    });
    assert.deepEqual(found, errors);
  });

test("the approver decides once and signs nothing", () => {
  const old = created(CertificateSigningRequests, { spec });
  const after = (status: Status) =>
    validateApproval({ ...old, status: status as CertificateSigningRequest["status"] }, old, rootPath).map(
      ({ field, detail }) => `${field}: ${detail}`,
    );
  assert.deepEqual(after({ conditions: [approved] }), []);
  assert.deepEqual(after({ conditions: [approved, { type: "Denied", status: "True" }] }), [
    "status.conditions: Approved and Denied conditions are mutually exclusive",
  ]);
  assert.deepEqual(after({ certificate }), ["status.certificate: updates may not set certificate content"]);
});

test("conditions get the times that they lack", () => {
  const lastTransitionTime = "2024-01-01T00:00:00Z";
  const old = created(CertificateSigningRequests, {
    spec,
    status: { conditions: [{ ...approved, lastTransitionTime }] },
  });
  const next = deepCopy(old);
  next.status = { conditions: [{ ...approved }, { type: "Failed", status: "True" }] };
  CertificateSigningRequests.prepareForStatusUpdate?.(next, old, strategyContext);
  const now = "2025-01-01T00:00:00Z";
  assert.deepEqual(next.status.conditions, [
    { ...approved, lastUpdateTime: now, lastTransitionTime },
    { type: "Failed", status: "True", lastUpdateTime: now, lastTransitionTime: now },
  ]);
});

test("the row of a request says how far it came", () => {
  const row = cells(CertificateSigningRequests, {
    metadata: { name: "node", creationTimestamp: "2024-12-31T23:59:00Z" },
    spec: { ...spec, username: "tester", expirationSeconds: 3600 },
    status: { conditions: [approved], certificate },
  });
  assert.deepEqual(row, {
    Name: "node",
    Age: "60s",
    SignerName: "kubernetes.io/kube-apiserver-client",
    Requestor: "tester",
    RequestedDuration: "60m",
    Condition: "Approved,Issued",
  });
});
