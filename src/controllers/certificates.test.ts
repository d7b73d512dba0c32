import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { type TestContext, test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import {
  type CertificateSigningRequest,
  CertificateSigningRequests,
  ClusterRoleBindings,
  type NewObject,
  type User,
} from "../api/index.ts";
import { validity } from "./certificate-signing.ts";

const skip = spawnSync("openssl", ["version"]).status !== 0 && "no openssl here";
const controllers = [
  "certificatesigningrequest-approving-controller",
  "certificatesigningrequest-cleaner-controller",
  "certificatesigningrequest-signing-controller",
];
const dayMs = 86_400_000;
const signer = "kubernetes.io/kube-apiserver-client";
const nodeSigner = "kubernetes.io/kube-apiserver-client-kubelet";
const servingSigner = "kubernetes.io/kubelet-serving";
const clientUsages = ["digital signature", "client auth"];
const serverUsages = ["digital signature", "server auth"];

/** A request as PEM in base64; the key is thrown away. */
function encodedRequest(
  subject: string,
  names?: string,
  key: readonly string[] = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
) {
  const extensions = names === undefined ? [] : ["-addext", `subjectAltName=${names}`];
  const parameters = ["req", "-new", "-nodes", "-newkey", ...key, "-subj", subject, "-keyout", "/dev/null"];
  return execFileSync("openssl", [...parameters, ...extensions], { stdio: ["ignore", "pipe", "ignore"] }).toString(
    "base64",
  );
}

type Spec = Partial<CertificateSigningRequest["spec"]>;

async function scene(t: TestContext) {
  const plane = await startTestControlPlane(t, { controllers });
  const { client, create, rest } = plane;
  const get = (name: string) => client.get(CertificateSigningRequests, { name });
  const ask = async (name: string, request: string, spec: Spec = {}) => {
    const object: NewObject<CertificateSigningRequest> = {
      metadata: { name },
      spec: { request, signerName: signer, usages: clientUsages, ...spec },
    };
    await create(CertificateSigningRequests, object);
    await rest();
  };
  const decide = async (name: string, type: "Approved" | "Denied") => {
    const csr = await get(name);
    const conditions = [{ type, status: "True", reason: "Test", message: "" }];
    await client.update(CertificateSigningRequests, { ...csr, status: { conditions } }, { subresource: "approval" });
    await rest();
  };
  const signed = async (name: string) => {
    const { certificate } = (await get(name)).status;
    return certificate === undefined ? undefined : new X509Certificate(atob(certificate));
  };
  const failure = async (name: string) =>
    (await get(name)).status.conditions?.find(({ type }) => type === "Failed")?.message;
  return { ...plane, get, ask, decide, signed, failure };
}

test("an approved request is signed for the subject that it names", { skip }, async (t) => {
  const { ask, decide, signed } = await scene(t);
  await ask("jane", encodedRequest("/O=dev/O=ops/CN=jane"));
  assert.equal(await signed("jane"), undefined);
  await decide("jane", "Approved");
  const certificate = await signed("jane");
  assert.equal(certificate?.subject, "O=dev\nO=ops\nCN=jane");
  assert.equal(certificate?.issuer, "CN=kubernetes");
  assert.equal(certificate?.ca, false);
  assert.deepEqual(certificate?.keyUsage, ["1.3.6.1.5.5.7.3.2"]);
});

test("requests with RSA and Ed25519 keys are signed", { skip }, async (t) => {
  const { ask, decide, signed } = await scene(t);
  for (const [name, key] of [
    ["rsa", ["rsa:2048"]],
    ["ed25519", ["ed25519"]],
  ] as const) {
    await ask(name, encodedRequest(`/CN=${name}`, undefined, key));
    await decide(name, "Approved");
    assert.equal((await signed(name))?.publicKey.asymmetricKeyType, name);
  }
});

test("a certificate for the one usage that clients need is one that they can use", { skip }, async (t) => {
  const { ask, decide, get } = await scene(t);
  await ask("jane", encodedRequest("/CN=jane"), { usages: ["client auth"] });
  await decide("jane", "Approved");
  const input = atob((await get("jane")).status.certificate ?? "");
  const purposes = execFileSync("openssl", ["x509", "-noout", "-purpose"], { input }).toString();
  assert.match(purposes, /^SSL client : Yes$/m);
  assert.match(purposes, /^SSL server : No$/m);
});

test("a certificate says no more than the usages that were asked for", { skip }, async (t) => {
  const { ask, decide, signed } = await scene(t);
  const request = encodedRequest("/CN=jane");
  const described = async (name: string, usages: readonly string[]) => {
    await ask(name, request, { usages });
    await decide(name, "Approved");
    const certificate = await signed(name);
    const text = execFileSync("openssl", ["x509", "-noout", "-ext", "keyUsage,extendedKeyUsage"], {
      input: certificate?.toString(),
      stdio: ["pipe", "pipe", "ignore"],
    }).toString();
    return text
      .split("\n")
      .filter((line) => line.startsWith("    "))
      .map((line) => line.trim());
  };
  assert.deepEqual(await described("one", ["client auth"]), ["TLS Web Client Authentication"]);
  assert.deepEqual(await described("three", ["digital signature", "key encipherment", "client auth"]), [
    "Digital Signature, Key Encipherment",
    "TLS Web Client Authentication",
  ]);
});

test("a denied request is not signed", { skip }, async (t) => {
  const { ask, decide, signed } = await scene(t);
  await ask("jane", encodedRequest("/CN=jane"));
  await decide("jane", "Denied");
  assert.equal(await signed("jane"), undefined);
});

test("a request that its own key did not sign is refused", { skip }, async (t) => {
  const { ask } = await scene(t);
  const pem = atob(encodedRequest("/CN=jane"));
  const bytes = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ""), "base64");
  const at = bytes.indexOf("jane");
  bytes.write("john", at);
  const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString("base64")}\n-----END CERTIFICATE REQUEST-----\n`;
  await assert.rejects(
    ask("forged", btoa(forged)),
    /spec.request: Invalid value: .*: x509: ECDSA verification failure/,
  );
});

test("other signers' requests are left alone", { skip }, async (t) => {
  const { ask, decide, get } = await scene(t);
  await ask("web", encodedRequest("/CN=web"), { signerName: "example.com/web" });
  await decide("web", "Approved");
  assert.deepEqual(Object.keys((await get("web")).status), ["conditions"]);
});

test("Kubernetes' signers refuse what they do not sign", { skip }, async (t) => {
  const { ask, decide, failure } = await scene(t);
  const node = "/O=system:nodes/CN=system:node:n1";
  const cases: readonly (readonly [string, string, Spec])[] = [
    ["invalid usage for client certificate: server auth", encodedRequest("/CN=a"), { usages: serverUsages }],
    [
      "missing required usage for client certificate: client auth",
      encodedRequest("/CN=a"),
      { usages: ["digital signature"] },
    ],
    [
      "subject organization is not system:nodes",
      encodedRequest("/O=dev/CN=system:node:n1"),
      { signerName: nodeSigner },
    ],
    ["DNS subjectAltNames are not allowed", encodedRequest(node, "DNS:n1"), { signerName: nodeSigner }],
    ["IP subjectAltNames are not allowed", encodedRequest(node, "IP:192.0.2.1"), { signerName: nodeSigner }],
    [
      "subject common name does not begin with system:node:",
      encodedRequest("/O=system:nodes/CN=n1"),
      { signerName: nodeSigner },
    ],
    [
      "usages did not match [client auth digital signature key encipherment]",
      encodedRequest(node),
      { signerName: nodeSigner, usages: serverUsages },
    ],
    ["DNS or IP subjectAltName is required", encodedRequest(node), { signerName: servingSigner, usages: serverUsages }],
    [
      "URI subjectAltNames are not allowed",
      encodedRequest(node, "DNS:n1,URI:https://n1"),
      { signerName: servingSigner, usages: serverUsages },
    ],
    [
      "usages did not match [digital signature key encipherment server auth]",
      encodedRequest(node, "DNS:n1"),
      { signerName: servingSigner },
    ],
  ];
  for (const [at, [message, request, spec]] of cases.entries()) {
    await ask(`case-${at}`, request, spec);
    await decide(`case-${at}`, "Approved");
    assert.equal(await failure(`case-${at}`), message);
  }
});

test("a node's serving certificate has the names that were asked for", { skip }, async (t) => {
  const { ask, decide, signed } = await scene(t);
  const request = encodedRequest("/O=system:nodes/CN=system:node:n1", "DNS:n1,IP:192.0.2.1");
  await ask("serving", request, { signerName: servingSigner, usages: serverUsages });
  assert.equal(await signed("serving"), undefined, "nobody approves it by itself");
  await decide("serving", "Approved");
  assert.equal((await signed("serving"))?.subjectAltName, "DNS:n1, IP Address:192.0.2.1");
});

test("a node's client certificate is approved for those whom RBAC lets have it", { skip }, async (t) => {
  const { as, get, signed, create, rest } = await scene(t);
  const group = "rbac.authorization.k8s.io";
  const bind = (role: string, subject: string) =>
    create(ClusterRoleBindings, {
      metadata: { name: `${subject}-${role}`.replaceAll(":", "-") },
      roleRef: { apiGroup: group, kind: "ClusterRole", name: role },
      subjects: [{ apiGroup: group, kind: "Group", name: subject }],
    });
  const askAs = async (user: User, name: string, request: string) => {
    const spec = { request, signerName: nodeSigner, usages: clientUsages };
    await as(user).create(CertificateSigningRequests, { metadata: { name }, spec });
    await rest();
  };
  const bootstrapper = { name: "system:bootstrap:abcdef", groups: ["system:bootstrappers"] };
  await bind("system:node-bootstrapper", "system:bootstrappers");
  await askAs(bootstrapper, "n1", encodedRequest("/O=system:nodes/CN=system:node:n1"));
  assert.equal((await get("n1")).status.conditions, undefined);
  await bind("system:certificates.k8s.io:certificatesigningrequests:nodeclient", "system:bootstrappers");
  await rest(61_000);
  const { conditions } = (await get("n1")).status;
  assert.equal(conditions?.[0]?.message, "Auto approving kubelet client certificate after SubjectAccessReview.");
  assert.equal(conditions?.[0]?.reason, "AutoApproved");
  assert.equal((await signed("n1"))?.subject, "O=system:nodes\nCN=system:node:n1");

  // A node that is one already asks for its next certificate.
  await bind("system:certificates.k8s.io:certificatesigningrequests:selfnodeclient", "system:nodes");
  const node = { name: "system:node:n1", groups: ["system:nodes"] };
  await askAs(node, "n1-next", encodedRequest("/O=system:nodes/CN=system:node:n1"));
  const message = (await get("n1-next")).status.conditions?.[0]?.message;
  assert.equal(message, "Auto approving self kubelet client certificate after SubjectAccessReview.");
});

test("a certificate is good for as long as was asked for, and a year at most", () => {
  const hourMs = 3_600_000;
  const lasting = (seconds: number | undefined) => {
    const { notBeforeMs, notAfterMs } = validity(seconds, 0);
    return [notBeforeMs, notAfterMs];
  };
  assert.deepEqual(lasting(3600), [-300_000, hourMs]);
  assert.deepEqual(lasting(60), [-300_000, 600_000]);
  assert.deepEqual(lasting(24 * 3600), [-300_000, dayMs - 300_000]);
  assert.deepEqual(lasting(undefined), [-300_000, 365 * dayMs - 300_000]);
  assert.deepEqual(lasting(999 * 24 * 3600), [-300_000, 365 * dayMs - 300_000]);
});

test("requests are removed an hour after they were decided, and after a day when nobody decides", {
  skip,
}, async (t) => {
  const { ask, decide, list, rest } = await scene(t);
  const names = async () => (await list(CertificateSigningRequests)).map(({ metadata }) => metadata.name);
  for (const name of ["denied", "issued", "pending", "unsigned"])
    await ask(name, encodedRequest(`/CN=${name}`), name === "unsigned" ? { signerName: "example.com/web" } : {});
  await decide("denied", "Denied");
  await decide("issued", "Approved");
  await decide("unsigned", "Approved");
  await rest(59 * 60_000);
  assert.deepEqual(await names(), ["denied", "issued", "pending", "unsigned"]);
  await rest(2 * 60_000);
  assert.deepEqual(await names(), ["pending", "unsigned"]);
  await rest(dayMs);
  assert.deepEqual(await names(), ["unsigned"]);
});
