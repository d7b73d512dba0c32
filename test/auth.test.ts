// What makes a cluster conformant about authentication and authorization, a sentence a test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { certificateRequest, selfSignedCertificate } from "../src/api/certificates/certificate-fixture.ts";
import {
  ApiError,
  CertificateSigningRequests,
  ConfigMaps,
  LocalSubjectAccessReviews,
  Namespaces,
  type Pod,
  Pods,
  RoleBindings,
  SelfSubjectReviews,
  ServiceAccounts,
  SubjectAccessReviews,
} from "../src/api/index.ts";
import { agentScene } from "./agent-scene.ts";
import { rootCertificate, startTestControlPlane } from "./control-plane.ts";

test("RootCA ConfigMap test: every namespace has a ConfigMap for the root certificate, created automatically, recreated if deleted, reconciled if modified", async (t) => {
  const { client, create, rest } = await startTestControlPlane(t, {
    controllers: ["root-ca-certificate-publisher-controller"],
  });
  const key = { namespace: "team", name: "kube-root-ca.crt" };
  const data = async () => (await client.get(ConfigMaps, key)).data;
  await create(Namespaces, { metadata: { name: "team" } });
  await rest();
  assert.deepEqual(await data(), { "ca.crt": rootCertificate });
  await client.delete(ConfigMaps, key);
  await rest();
  assert.deepEqual(await data(), { "ca.crt": rootCertificate });
  await client.patch(ConfigMaps, key, { data: { "ca.crt": "", other: "x" } });
  await rest();
  assert.deepEqual(await data(), { "ca.crt": rootCertificate });
});

test("Service account tokens auto mount optionally: only when neither the pod nor, where the pod says nothing, its account says no", async (t) => {
  const { create } = await startTestControlPlane(t, { controllers: [] });
  const choices = [undefined, true, false] as const;
  for (const account of choices)
    await create(ServiceAccounts, {
      metadata: { name: `account-${account}`, namespace: "default" },
      ...(account === undefined ? {} : { automountServiceAccountToken: account }),
    });
  const isMounted = async (account: boolean | undefined, ofPod: boolean | undefined) => {
    const pod = await create(Pods, {
      metadata: { name: `pod-${account}-${ofPod}`, namespace: "default" },
      spec: {
        serviceAccountName: `account-${account}`,
        containers: [{ name: "c", image: "i" }],
        ...(ofPod === undefined ? {} : { automountServiceAccountToken: ofPod }),
      },
    });
    return hasTokenMount(pod);
  };
  for (const ofPod of choices)
    for (const account of choices)
      assert.equal(await isMounted(account, ofPod), ofPod ?? account ?? true, `pod ${ofPod}, account ${account}`);
});

function hasTokenMount({ spec }: Pod): boolean {
  const mount = spec.containers[0]?.volumeMounts?.find(
    ({ mountPath }) => mountPath === "/var/run/secrets/kubernetes.io/serviceaccount",
  );
  const volume = spec.volumes?.find(({ name }) => name === mount?.name);
  return volume?.projected?.sources?.some(({ serviceAccountToken }) => serviceAccountToken) ?? false;
}

test("TokenRequestProjection should mount a projected volume with token using TokenRequest API", async () => {
  const scene = await agentScene();
  const token = { serviceAccountToken: { path: "oidc-token", expirationSeconds: 7200, audience: "oidc-discovery" } };
  await scene.run({
    volumes: [{ name: "token", projected: { sources: [token] } }],
    containers: [
      { name: "app", image: "app:1", volumeMounts: [{ name: "token", mountPath: "/var/run/secrets/tokens" }] },
    ],
  });
  const running = (await scene.engine.listContainers()).find(({ state }) => state === "running");
  const mounts = scene.engine.configOf(running?.id ?? "")?.mounts ?? [];
  const { hostPath = "" } = mounts.find(({ containerPath }) => containerPath === "/var/run/secrets/tokens") ?? {};
  const bytes = await scene.host.files.read(`${hostPath}/oidc-token`);
  const [, payload = ""] = new TextDecoder().decode(bytes).split(".");
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString());
  assert.deepEqual(claims.aud, ["oidc-discovery"]);
  assert.equal(claims.sub, "system:serviceaccount:default:default");
  assert.equal(claims.exp - claims.iat, 7200);
  scene.stop();
});

test("SelfSubjectReview API operations: somebody learns who they are, and extra with it", async (t) => {
  const { as } = await startTestControlPlane(t, { controllers: [] });
  const user = { name: "jane", uid: "u1", groups: ["dev", "system:authenticated"], extra: { team: ["green"] } };
  const review = await as(user).create(SelfSubjectReviews, { metadata: {} });
  const { name: username, ...rest } = user;
  assert.deepEqual(review.status.userInfo, { username, ...rest });
});

test("CSR API operations: create, get, list, watch, patch, update, delete, approval and status", async (t) => {
  const { client, create } = await startTestControlPlane(t, { controllers: [] });
  const certificate = selfSignedCertificate();
  const request = certificateRequest();
  const signerName = "example.com/e2e-signer";
  const usages = ["digital signature", "key encipherment", "server auth"];
  const ask = () =>
    create(CertificateSigningRequests, {
      metadata: { generateName: "e2e-example-csr-" },
      spec: { request, signerName, usages, expirationSeconds: 3600 },
    });
  const [{ metadata }] = [await ask(), await ask(), await ask()];
  const key = { name: metadata.name };
  const fieldSelector = `spec.signerName=${signerName}`;
  assert.equal((await client.get(CertificateSigningRequests, key)).spec.expirationSeconds, 3600);
  const list = await client.list(CertificateSigningRequests, { fieldSelector });
  assert.equal(list.items.length, 3);

  const done = new AbortController();
  const resourceVersion = list.metadata.resourceVersion ?? "";
  const watch = client.watch(CertificateSigningRequests, { fieldSelector, resourceVersion, signal: done.signal });
  const merge = (patch: object, subresource?: string) =>
    client.patch(CertificateSigningRequests, key, patch, {
      type: "application/merge-patch+json",
      ...(subresource === undefined ? {} : { subresource }),
    });
  assert.equal((await merge({ metadata: { annotations: { patched: "true" } } })).metadata.annotations?.patched, "true");
  const current = await client.get(CertificateSigningRequests, key);
  const annotations = { ...current.metadata.annotations, updated: "true" };
  await client.update(CertificateSigningRequests, { ...current, metadata: { ...current.metadata, annotations } });
  const changes: string[] = [];
  for await (const { type, object } of watch) {
    changes.push(`${type} ${Object.keys(object.metadata.annotations ?? {}).join()}`);
    if (changes.length === 2) break;
  }
  done.abort();
  assert.deepEqual(changes, ["MODIFIED patched", "MODIFIED patched,updated"]);

  const conditions = [{ type: "ApprovalPatch", status: "True", reason: "e2e" }];
  const patched = await merge(
    { metadata: { annotations: { patchedapproval: "true" } }, status: { conditions } },
    "approval",
  );
  assert.deepEqual([patched.status.conditions?.length, patched.metadata.annotations?.patchedapproval], [1, "true"]);
  const approved = await client.update(
    CertificateSigningRequests,
    {
      ...patched,
      status: {
        conditions: [
          ...(patched.status.conditions ?? []),
          { type: "Approved", status: "True", reason: "E2E", message: "Set from an e2e test" },
        ],
      },
    },
    { subresource: "approval" },
  );
  assert.equal(approved.status.conditions?.length, 2);

  const signed = await merge(
    { metadata: { annotations: { patchedstatus: "true" } }, status: { certificate } },
    "status",
  );
  assert.deepEqual([signed.status.certificate, signed.metadata.annotations?.patchedstatus], [certificate, "true"]);
  const updated = await client.update(
    CertificateSigningRequests,
    {
      ...signed,
      status: {
        ...signed.status,
        conditions: [...(signed.status.conditions ?? []), { type: "StatusUpdate", status: "True", reason: "E2E" }],
      },
    },
    { subresource: "status" },
  );
  assert.equal(updated.status.conditions?.length, 3);

  await client.delete(CertificateSigningRequests, key);
  await assert.rejects(client.get(CertificateSigningRequests, key), { code: 404 });
  await client.deleteCollection(CertificateSigningRequests, { fieldSelector });
  assert.deepEqual((await client.list(CertificateSigningRequests, { fieldSelector })).items, []);
});

test("SubjectReview, API Operations: what the reviews say of a ServiceAccount matches what it may", async (t) => {
  const { as, client, create } = await startTestControlPlane(t, { controllers: [] });
  await create(ServiceAccounts, { metadata: { name: "reviewed", namespace: "default" } });
  const user = "system:serviceaccount:default:reviewed";
  const groups = ["system:authenticated", "system:serviceaccounts", "system:serviceaccounts:default"];
  const impersonated = as({ name: user, groups });
  const expectAgreement = async (isExpected: boolean) => {
    const resourceAttributes = { namespace: "default", verb: "list", resource: "configmaps" };
    const spec = { user, groups, resourceAttributes };
    const review = await client.create(SubjectAccessReviews, { metadata: {}, spec });
    const local = await client.create(LocalSubjectAccessReviews, { metadata: { namespace: "default" }, spec });
    let may = true;
    try {
      await impersonated.list(ConfigMaps, { namespace: "default" });
    } catch (error) {
      assert.ok(error instanceof ApiError && error.code === 403);
      may = false;
    }
    assert.deepEqual([may, review.status.allowed, local.status.allowed], [isExpected, isExpected, isExpected]);
  };
  await expectAgreement(false);
  await create(RoleBindings, {
    metadata: { name: "viewers", namespace: "default" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" },
    subjects: [{ kind: "ServiceAccount", name: "reviewed", namespace: "default" }],
  });
  await expectAgreement(true);
  const self = await impersonated.create(SelfSubjectReviews, { metadata: {} });
  assert.equal(self.status.userInfo?.username, user);
});
