// Who may come in and what they may do, as kubectl meets it: certificates, tokens, roles and reviews.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { aroundTests } from "./around-tests.ts";
import { certificateRequest, skipWithoutOpenssl } from "./certificate-request.ts";
import { type Kubectl, kubectlOf } from "./kubectl.ts";
import { type ServedControlPlane, serveControlPlane } from "./served-control-plane.ts";

let plane: ServedControlPlane;
let kubectl: Kubectl;
/** A kubeconfig that knows the server and its authority and nobody's credentials. */
let nobody: string;

aroundTests(
  async () => {
    plane = await serveControlPlane({
      staticTokens: new Map([["listed-token", { name: "listed", uid: "u1", groups: ["dev"] }]]),
    });
    kubectl = kubectlOf(plane);
    nobody = join(plane.directory, "nobody.kubeconfig");
    writeFileSync(
      nobody,
      readFileSync(plane.kubeconfig, "utf8").replace(/^ *client-(certificate|key)-data: .*\n/gm, ""),
    );
  },
  () => plane.close(),
);

const apply = (object: object) => kubectl.given([object], "apply");

/** Who the bearer of a token is to the server, as `kubectl auth whoami` says it. */
async function whoIs(token: string): Promise<Readonly<Record<string, unknown>> | string> {
  const args = ["auth", "whoami", "-o", "json", `--token=${token}`];
  const { code, stdout, stderr } = await kubectl.outcome([...args, `--kubeconfig=${nobody}`]);
  return code === 0 ? JSON.parse(stdout).status.userInfo : stderr;
}

const authentication = { apiVersion: "certificates.k8s.io/v1", kind: "CertificateSigningRequest" };

test("a certificate that was asked for, approved and signed lets its owner in", {
  skip: skipWithoutOpenssl,
}, async () => {
  const key = join(plane.directory, "jane.key");
  const request = certificateRequest("/O=dev/CN=jane", key);
  const spec = {
    request,
    signerName: "kubernetes.io/kube-apiserver-client",
    usages: ["client auth"],
    expirationSeconds: 3600,
  };
  await apply({ ...authentication, metadata: { name: "jane" }, spec });
  assert.match(await kubectl("get", "csr"), /jane +\S+ +kubernetes.io\/kube-apiserver-client +admin +60m +Pending/);
  assert.equal(
    await kubectl("certificate", "approve", "jane"),
    "certificatesigningrequest.certificates.k8s.io/jane approved\n",
  );
  await kubectl("wait", "csr/jane", "--for=jsonpath={.status.certificate}", "--timeout=10s");
  assert.match(await kubectl("get", "csr"), /Approved,Issued/);
  const certificate = await kubectl("get", "csr", "jane", "-o", "jsonpath={.status.certificate}");
  const file = join(plane.directory, "jane.crt");
  writeFileSync(file, Buffer.from(certificate, "base64"));
  const own = [`--client-certificate=${file}`, `--client-key=${key}`];
  const { stdout } = await kubectl.outcome(["auth", "whoami", "-o", "json", ...own, `--kubeconfig=${nobody}`]);
  const { username, groups } = JSON.parse(stdout).status.userInfo;
  assert.deepEqual([username, groups], ["jane", ["dev", "system:authenticated"]]);

  await apply({ ...authentication, metadata: { name: "joe" }, spec });
  assert.equal(
    await kubectl("certificate", "deny", "joe"),
    "certificatesigningrequest.certificates.k8s.io/joe denied\n",
  );
  const { code, stderr } = await kubectl.outcome(["certificate", "approve", "joe"]);
  assert.equal(code, 1);
  assert.match(stderr, /already Denied/);
});

test("nobody approves for a signer that is not theirs to approve for", {
  skip: skipWithoutOpenssl,
}, async () => {
  await kubectl("create", "clusterrole", "approver", "--verb=get,update", "--resource=csr,csr/approval");
  await kubectl("create", "clusterrolebinding", "approver", "--clusterrole=approver", "--user=ann");
  const request = certificateRequest("/CN=x");
  const spec = { request, signerName: "kubernetes.io/kube-apiserver-client", usages: ["client auth"] };
  await apply({ ...authentication, metadata: { name: "theirs" }, spec });
  const refused = await kubectl.outcome(["certificate", "approve", "theirs", "--as=ann"]);
  assert.match(
    refused.stderr,
    /is forbidden: user not permitted to approve requests with signerName "kubernetes.io\/kube-apiserver-client"/,
  );
  await apply({
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRole",
    metadata: { name: "signer" },
    rules: [
      {
        apiGroups: ["certificates.k8s.io"],
        resources: ["signers"],
        resourceNames: ["kubernetes.io/*"],
        verbs: ["approve"],
      },
    ],
  });
  await kubectl("create", "clusterrolebinding", "signer", "--clusterrole=signer", "--user=ann");
  const { code, stderr } = await kubectl.outcome(["certificate", "approve", "theirs", "--as=ann"]);
  assert.equal(code, 0, stderr);
});

test("kubectl create token gives a token for an audience, a bound object and a time", async () => {
  await kubectl("create", "serviceaccount", "builder");
  const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
  const token = (await kubectl("create", "token", "builder", "--duration=20m")).trim();
  const claims = claimsOf(token);
  assert.equal(claims.exp - claims.iat, 1200);
  const user = await whoIs(token);
  assert.equal((user as { username: string }).username, "system:serviceaccount:default:builder");
  assert.deepEqual(claimsOf(await kubectl("create", "token", "builder", "--audience=vault", "--audience=sts")).aud, [
    "vault",
    "sts",
  ]);
  const foreign = await whoIs((await kubectl("create", "token", "builder", "--audience=vault")).trim());
  assert.match(String(foreign), /Unauthorized|must be logged in/);
  await kubectl("create", "secret", "generic", "binding");
  const bound = (
    await kubectl("create", "token", "builder", "--bound-object-kind=Secret", "--bound-object-name=binding")
  ).trim();
  assert.equal(claimsOf(bound)["kubernetes.io"].secret.name, "binding");
  await kubectl("delete", "secret", "binding");
  const short = await kubectl.outcome(["create", "token", "builder", "--duration=5m"]);
  assert.match(short.stderr, /may not specify a duration less than 10 minutes/);
});

test("the token of a secret is filled in, its use is noted, and it ends when it is marked invalid", async () => {
  await kubectl("create", "serviceaccount", "legacy");
  await apply({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "legacy-token", annotations: { "kubernetes.io/service-account.name": "legacy" } },
    type: "kubernetes.io/service-account-token",
  });
  await kubectl("wait", "secret/legacy-token", "--for=jsonpath={.data.token}", "--timeout=10s");
  const token = atob(await kubectl("get", "secret", "legacy-token", "-o", "jsonpath={.data.token}"));
  assert.equal(((await whoIs(token)) as { username: string }).username, "system:serviceaccount:default:legacy");
  await kubectl(
    "wait",
    "secret/legacy-token",
    "--for=jsonpath={.metadata.labels.kubernetes\\.io/legacy-token-last-used}",
    "--timeout=10s",
  );
  const tracking = ["-n", "kube-system", "get", "cm", "kube-apiserver-legacy-service-account-token-tracking"];
  assert.match(await kubectl(...tracking, "-o", "jsonpath={.data.since}"), /^\d{4}-\d\d-\d\d$/);
  await kubectl("label", "secret", "legacy-token", "kubernetes.io/legacy-token-invalid-since=2026-01-01");
  assert.match(String(await whoIs(token)), /Unauthorized|must be logged in/);
});

test("listed tokens and bootstrap tokens are known, and other ones are not", async () => {
  assert.deepEqual(await whoIs("listed-token"), {
    username: "listed",
    uid: "u1",
    groups: ["dev", "system:authenticated"],
  });
  await apply({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "bootstrap-token-abcdef", namespace: "kube-system" },
    type: "bootstrap.kubernetes.io/token",
    stringData: {
      "token-id": "abcdef",
      "token-secret": "0123456789abcdef",
      "usage-bootstrap-authentication": "true",
      "auth-extra-groups": "system:bootstrappers:workers",
    },
  });
  assert.deepEqual(await whoIs("abcdef.0123456789abcdef"), {
    username: "system:bootstrap:abcdef",
    groups: ["system:bootstrappers", "system:bootstrappers:workers", "system:authenticated"],
  });
  assert.match(String(await whoIs("abcdef.0000000000000000")), /Unauthorized|must be logged in/);
  assert.match(String(await whoIs("unlisted-token")), /Unauthorized|must be logged in/);
});

test("kubectl auth can-i answers for oneself and for others, and lists what somebody may", async () => {
  await kubectl("create", "namespace", "team");
  await kubectl("-n", "team", "create", "rolebinding", "viewers", "--clusterrole=view", "--group=viewers");
  const as = ["--as=vic", "--as-group=viewers"];
  assert.equal(await kubectl("auth", "can-i", "list", "pods", "-n", "team", ...as), "yes\n");
  const no = await kubectl.outcome(["auth", "can-i", "delete", "pods", "-n", "team", ...as]);
  assert.deepEqual([no.code, no.stdout], [1, "no\n"]);
  assert.equal(await kubectl("auth", "can-i", "get", "/healthz", ...as), "yes\n");
  assert.equal((await kubectl.outcome(["auth", "can-i", "get", "/metrics", ...as])).stdout, "no\n");
  const list = await kubectl("auth", "can-i", "--list", "-n", "team", ...as);
  assert.match(list, /^pods +\[\] +\[\] +\[get list watch\]$/m);
  assert.match(list, /^selfsubjectreviews.authentication.k8s.io +\[\] +\[\] +\[create\]$/m);
  assert.doesNotMatch(list, /secrets/);
});

test("kubectl auth reconcile adds the rules and subjects that are missing", async () => {
  const role = (verbs: readonly string[]) => ({
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "Role",
    metadata: { name: "reader", namespace: "default" },
    rules: [{ apiGroups: [""], resources: ["configmaps"], verbs }],
  });
  const reconcile = (manifest: object) => kubectl.outcome(["auth", "reconcile", "-f", "-"], JSON.stringify(manifest));
  assert.match((await reconcile(role(["get"]))).stdout, /reader reconciled/);
  assert.match((await reconcile(role(["list"]))).stdout, /reader reconciled/);
  const verbs = await kubectl("get", "role", "reader", "-o", "jsonpath={.rules[*].verbs[*]}");
  assert.deepEqual(verbs.split(" ").sort(), ["get", "list"]);
});

test("nobody gives away what they do not hold, in Kubernetes' words", async () => {
  await kubectl("-n", "default", "create", "rolebinding", "eve", "--clusterrole=admin", "--user=eve");
  const { code, stderr } = await kubectl.outcome([
    "create",
    "role",
    "nodes",
    "--verb=get,list",
    "--resource=nodes",
    "--as=eve",
  ]);
  assert.equal(code, 1);
  assert.equal(
    stderr.trim(),
    [
      'Error from server (Forbidden): roles.rbac.authorization.k8s.io "nodes" is forbidden: user "eve" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:',
      '{APIGroups:[""], Resources:["nodes"], Verbs:["get" "list"]}',
    ].join("\n"),
  );
});

test("what nobody may is refused in Kubernetes' words", async () => {
  const { stderr } = await kubectl.outcome([
    "get",
    "secrets",
    "-n",
    "kube-system",
    "--as=system:serviceaccount:default:builder",
  ]);
  assert.equal(
    stderr.trim(),
    'Error from server (Forbidden): secrets is forbidden: User "system:serviceaccount:default:builder" cannot list resource "secrets" in API group "" in the namespace "kube-system"',
  );
  const vic = `--kubeconfig=${plane.kubeconfigFor("vic")}`;
  const impersonating = await kubectl.refusal("get", "pods", "--as=eve", "--as-group=system:masters", vic);
  assert.equal(
    impersonating.trim(),
    'Error from server (Forbidden): users "eve" is forbidden: User "vic" cannot impersonate resource "users" in API group "" at the cluster scope',
  );
});
