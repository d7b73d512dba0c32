// Authentication, authorization and admission as a client meets them: through a whole control plane in memory.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import {
  ApiError,
  type AuthenticationTokenRequest,
  ClusterRoleBindings,
  ClusterRoles,
  ConfigMaps,
  Namespaces,
  Nodes,
  Pods,
  PriorityClasses,
  RoleBindings,
  Roles,
  Secrets,
  ServiceAccounts,
  type TokenReview,
  TokenReviews,
  type User,
} from "../src/api/index.ts";
import type { Client } from "../src/client/index.ts";
import { type ControlPlane, startControlPlane } from "../src/cluster/control-plane.ts";
import { newPrivateKey } from "../src/cluster/pki/certificate.ts";
import { seededRandom, silentLogger, VirtualClock } from "../src/lib/index.ts";
import { MemoryStorage } from "../src/storage/index.ts";

const root: User = { name: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] };
const jane: User = { name: "jane", groups: ["system:authenticated"] };
const nodeUser = (name: string): User => ({
  name: `system:node:${name}`,
  groups: ["system:nodes", "system:authenticated"],
});

interface Cluster {
  readonly plane: ControlPlane;
  readonly clock: VirtualClock;
  readonly as: (user: User) => Client;
}

async function start(t: TestContext): Promise<Cluster> {
  const clock = new VirtualClock();
  const plane = await startControlPlane({
    storage: new MemoryStorage(),
    clock,
    random: seededRandom(1),
    log: silentLogger,
    serviceAccountKey: newPrivateKey(),
    podRange: "10.42.0.0/16",
    serviceRange: "10.43.0.0/16",
    clusterDomain: "cluster.local",
    apiAddress: "192.0.2.1",
    apiPort: 6443,
    freeze: true,
  });
  t.after(() => plane.close());
  const admin = plane.client(root);
  await admin.create(ServiceAccounts, { metadata: { name: "default", namespace: "default" } });
  return { plane, clock, as: (user) => plane.client(user) };
}

const web = {
  metadata: { name: "web", namespace: "default" },
  spec: { containers: [{ name: "web", image: "web:1" }] },
};

const isRefused = (code: number, message: string | RegExp) => (error: unknown) => {
  assert.ok(error instanceof ApiError, String(error));
  assert.equal(error.code, code);
  if (typeof message === "string") assert.equal(error.message, message);
  else assert.match(error.message, message);
  return true;
};

async function bind(admin: Client, namespace: string, role: string, user: string): Promise<void> {
  await admin.create(RoleBindings, {
    metadata: { name: `${role}-${user}`, namespace },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
    subjects: [{ kind: "User", name: user, apiGroup: "rbac.authorization.k8s.io" }],
  });
}

test("a stranger is refused in Kubernetes' words, and an editor works in their namespace", async (t) => {
  const { as } = await start(t);
  await assert.rejects(
    as(jane).create(Pods, web),
    isRefused(
      403,
      'pods is forbidden: User "jane" cannot create resource "pods" in API group "" in the namespace "default"',
    ),
  );
  await bind(as(root), "default", "edit", "jane");
  const pod = await as(jane).create(Pods, web);
  assert.equal(pod.spec.serviceAccountName, "default");
  assert.match(pod.spec.volumes?.[0]?.name ?? "", /^kube-api-access-/);
  assert.equal(pod.spec.priority, 0);
  assert.equal(pod.spec.tolerations?.length, 2);
  await assert.rejects(
    as(jane).list(Pods),
    isRefused(403, /cannot list resource "pods" in API group "" at the cluster scope$/),
  );
  await assert.rejects(
    as(jane).create(Nodes, { metadata: { name: "n1" }, spec: {} }),
    isRefused(403, /at the cluster scope/),
  );
});

test("nobody gives away rights that they do not hold", async (t) => {
  const { as } = await start(t);
  await bind(as(root), "default", "admin", "jane");
  const role = (resources: string[]) => ({
    metadata: { name: resources.join("-"), namespace: "default" },
    rules: [{ verbs: ["get"], apiGroups: [""], resources }],
  });
  await as(jane).create(Roles, role(["pods"]));
  await assert.rejects(
    as(jane).create(Roles, role(["nodes"])),
    isRefused(
      403,
      /is attempting to grant RBAC permissions not currently held:\n{APIGroups:\[""\], Resources:\["nodes"\]/,
    ),
  );
  await assert.rejects(
    bind(as(jane), "default", "cluster-admin", "jane"),
    isRefused(403, /rolebindings.rbac.authorization.k8s.io "cluster-admin-jane" is forbidden: user "jane"/),
  );
});

test("a pod's token is its service account's until the pod is gone", async (t) => {
  const { as, plane } = await start(t);
  await as(root).create(Nodes, { metadata: { name: "n1" }, spec: {} });
  const pod = await as(root).create(Pods, { ...web, spec: { ...web.spec, nodeName: "n1" } });
  const boundObjectRef = { apiVersion: "v1", kind: "Pod", name: "web", uid: pod.metadata.uid };
  const ask = async (user: User, body: object) =>
    (await as(user).createSubresource(ServiceAccounts, { namespace: "default", name: "default" }, "token", {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      ...body,
    })) as AuthenticationTokenRequest;
  const request = await ask(nodeUser("n1"), { spec: { audiences: [], boundObjectRef } });
  const authorization = `Bearer ${request.status.token}`;
  const user = await plane.authenticator.authenticate({ authorization });
  assert.equal(user?.name, "system:serviceaccount:default:default");
  assert.deepEqual(user?.extra?.["authentication.kubernetes.io/node-name"], ["n1"]);
  await assert.rejects(
    ask(nodeUser("n1"), { spec: { audiences: [] } }),
    isRefused(403, 'serviceaccounts "default" is forbidden: node requested token not bound to a pod'),
  );
  await assert.rejects(
    ask(nodeUser("n2"), { spec: { audiences: [], boundObjectRef } }),
    isRefused(403, /no relationship found/),
  );
  const reviewed: TokenReview = await as(root).create(TokenReviews, {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenReview",
    metadata: {},
    spec: { token: request.status.token ?? "" },
  });
  assert.equal(reviewed.status.authenticated, true);
  await as(root).delete(Pods, web.metadata, { body: { gracePeriodSeconds: 0 } });
  await assert.rejects(async () => plane.authenticator.authenticate({ authorization }), isRefused(401, "Unauthorized"));
});

test("a node reads what its pods name and lists its own pods alone", async (t) => {
  const { as } = await start(t);
  const admin = as(root);
  await admin.create(Nodes, { metadata: { name: "n1" }, spec: {} });
  await admin.create(Secrets, { metadata: { name: "used", namespace: "default" } });
  await admin.create(Secrets, { metadata: { name: "other", namespace: "default" } });
  const volumes = [{ name: "s", secret: { secretName: "used" } }];
  await admin.create(Pods, { ...web, spec: { ...web.spec, nodeName: "n1", volumes } });
  const node = as(nodeUser("n1"));
  const key = (name: string) => ({ namespace: "default", name });
  assert.equal((await node.get(Secrets, key("used"))).metadata.name, "used");
  assert.equal(
    (await node.list(Secrets, { namespace: "default", fieldSelector: "metadata.name=used" })).items.length,
    1,
  );
  await assert.rejects(
    node.get(Secrets, key("other")),
    isRefused(403, /no relationship found between node 'n1' and this object/),
  );
  assert.equal((await node.list(Pods, { fieldSelector: "spec.nodeName=n1" })).items.length, 1);
  await assert.rejects(node.list(Pods), isRefused(403, /can only list\/watch pods with spec.nodeName field selector/));
  assert.equal((await node.get(Nodes, { name: "n1" })).metadata.name, "n1");
  await node.patch(Nodes, { name: "n1" }, { status: { phase: "Running" } }, { subresource: "status" });
  await assert.rejects(
    node.patch(Nodes, { name: "n1" }, { spec: { taints: [{ key: "a", effect: "NoSchedule" }] } }),
    isRefused(403, 'nodes "n1" is forbidden: node "n1" is not allowed to modify taints'),
  );
  await node.createSubresource(Pods, key("web"), "eviction", {
    apiVersion: "policy/v1",
    kind: "Eviction",
    metadata: { name: "web", namespace: "default" },
  });
});

test("namespaces guard what is made in them", async (t) => {
  const { as } = await start(t);
  const admin = as(root);
  const configMap = (namespace: string) => ({ metadata: { name: "c", namespace } });
  await assert.rejects(admin.create(ConfigMaps, configMap("none")), isRefused(404, 'namespaces "none" not found'));
  for (const name of ["default", "kube-system", "kube-public"])
    await assert.rejects(
      admin.delete(Namespaces, { name }),
      isRefused(403, `namespaces "${name}" is forbidden: this namespace may not be deleted`),
    );
  await admin.create(Namespaces, { metadata: { name: "green" } });
  await admin.delete(Namespaces, { name: "green" });
  await assert.rejects(
    admin.create(ConfigMaps, configMap("green")),
    isRefused(
      403,
      'configmaps "c" is forbidden: unable to create new content in namespace green because it is being terminated',
    ),
  );
});

test("a new cluster has the default policy and priority classes", async (t) => {
  const { as } = await start(t);
  const names = async (...lists: Promise<{ items: readonly { metadata: { name: string } }[] }>[]) =>
    (await Promise.all(lists)).map(({ items }) => items.map(({ metadata }) => metadata.name));
  const [roles, bindings, classes] = await names(
    as(root).list(ClusterRoles),
    as(root).list(ClusterRoleBindings),
    as(root).list(PriorityClasses),
  );
  for (const role of ["cluster-admin", "admin", "edit", "view", "system:node", "system:kube-scheduler"])
    assert.ok(roles?.includes(role), role);
  assert.ok(bindings?.includes("system:discovery"));
  assert.deepEqual(classes, ["system-cluster-critical", "system-node-critical"]);
});
