import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type ClusterRole,
  ClusterRoleBindings,
  ClusterRoles,
  type KubeObject,
  notFound,
  type ResourceDefinition,
  type ResourceHandler,
  RoleBindings,
  Roles,
  type User,
} from "../../../api/index.ts";
import { ObjectLookup } from "../../lookup-of-objects.ts";
import { RbacAuthorizer } from "../rbac.ts";
import { reconcileBootstrapPolicy } from "./reconcile.ts";

const kinds = [ClusterRoles, ClusterRoleBindings, Roles, RoleBindings] as unknown as ResourceDefinition[];

/** Writes into the lookup as the pipeline would into the store, and counts. */
function writer(lookup: ObjectLookup) {
  const verbs: string[] = [];
  const handler: ResourceHandler = {
    async handle({ verb, plural, namespace, name, body }) {
      const definition = kinds.find((each) => each.plural === plural);
      assert.ok(definition);
      const object = body as KubeObject;
      verbs.push(`${verb} ${plural} ${name ?? object.metadata.name}`);
      if (verb === "delete") {
        if (!lookup.get(definition, namespace, name ?? "")) throw notFound(definition, name ?? "");
        lookup.remove(definition, namespace, name ?? "");
      } else lookup.put(definition, object);
      return { type: "object", code: 200, object, warnings: [] };
    },
  };
  return { handler, verbs };
}

test("a new cluster gets the whole policy, and the second start writes nothing", async () => {
  const lookup = new ObjectLookup();
  const first = writer(lookup);
  await reconcileBootstrapPolicy(first.handler, lookup);
  assert.equal(
    lookup.list(ClusterRoles).length,
    first.verbs.filter((each) => each.startsWith("create clusterroles")).length,
  );
  const names = lookup.list(ClusterRoles).map(({ metadata }) => metadata.name);
  for (const name of [
    "cluster-admin",
    "admin",
    "edit",
    "view",
    "system:node",
    "system:controller:deployment-controller",
  ])
    assert.ok(names.includes(name), name);
  assert.equal(lookup.list(Roles, "kube-system").length, 6);
  assert.equal(lookup.list(RoleBindings, "kube-public").length, 1);
  const second = writer(lookup);
  await reconcileBootstrapPolicy(second.handler, lookup);
  assert.deepEqual(second.verbs, []);
});

test("rules and labels that were removed come back, and what an administrator added stays", async () => {
  const lookup = new ObjectLookup();
  await reconcileBootstrapPolicy(writer(lookup).handler, lookup);
  const role = lookup.get(ClusterRoles, undefined, "system:kube-dns") as ClusterRole;
  const own = { verbs: ["get"], apiGroups: [""], resources: ["secrets"] };
  lookup.put(ClusterRoles, { ...role, metadata: { ...role.metadata, labels: { mine: "yes" } }, rules: [own] });
  const { handler, verbs } = writer(lookup);
  await reconcileBootstrapPolicy(handler, lookup);
  assert.deepEqual(verbs, ["update clusterroles system:kube-dns"]);
  const mended = lookup.get(ClusterRoles, undefined, "system:kube-dns");
  assert.deepEqual(mended?.rules, [own, ...(role.rules ?? [])]);
  assert.deepEqual(mended?.metadata.labels, { "kubernetes.io/bootstrapping": "rbac-defaults", mine: "yes" });
});

test("an object whose autoupdate annotation says false is left alone", async () => {
  const lookup = new ObjectLookup();
  await reconcileBootstrapPolicy(writer(lookup).handler, lookup);
  const role = lookup.get(ClusterRoles, undefined, "system:kube-dns") as ClusterRole;
  const annotations = { "rbac.authorization.kubernetes.io/autoupdate": "false" };
  lookup.put(ClusterRoles, { ...role, metadata: { ...role.metadata, annotations }, rules: [] });
  const { handler, verbs } = writer(lookup);
  await reconcileBootstrapPolicy(handler, lookup);
  assert.deepEqual(verbs, []);
});

test("a binding to another role is made anew, and lost subjects come back", async () => {
  const lookup = new ObjectLookup();
  await reconcileBootstrapPolicy(writer(lookup).handler, lookup);
  const binding = lookup.get(ClusterRoleBindings, undefined, "system:discovery");
  assert.ok(binding);
  lookup.put(ClusterRoleBindings, { ...binding, roleRef: { ...binding.roleRef, name: "view" } });
  const basic = lookup.get(ClusterRoleBindings, undefined, "system:basic-user");
  assert.ok(basic);
  lookup.put(ClusterRoleBindings, { ...basic, subjects: [] });
  const { handler, verbs } = writer(lookup);
  await reconcileBootstrapPolicy(handler, lookup);
  assert.deepEqual(verbs.sort(), [
    "create clusterrolebindings system:discovery",
    "delete clusterrolebindings system:discovery",
    "update clusterrolebindings system:basic-user",
  ]);
  assert.equal(lookup.get(ClusterRoleBindings, undefined, "system:discovery")?.roleRef.name, "system:discovery");
  assert.equal(lookup.get(ClusterRoleBindings, undefined, "system:basic-user")?.subjects?.length, 1);
});

test("with the policy, users of each kind may what Kubernetes lets them by default", async () => {
  const lookup = new ObjectLookup();
  await reconcileBootstrapPolicy(writer(lookup).handler, lookup);
  for (const role of ["admin", "edit", "view"]) {
    lookup.put(RoleBindings, {
      metadata: { name: role, namespace: "green" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
      subjects: [{ kind: "User", name: role }],
    });
  }
  const rbac = new RbacAuthorizer(lookup);
  const user = (name: string, ...groups: string[]): User => ({ name, groups: [...groups, "system:authenticated"] });
  const controller = (name: string) => user(`system:serviceaccount:kube-system:${name}`, "system:serviceaccounts");
  const anonymous: User = { name: "system:anonymous", groups: ["system:unauthenticated"] };
  const cases: readonly [User, string, string, string, boolean][] = [
    [user("view"), "list", "/pods", "green", true],
    [user("view"), "list", "/pods", "blue", false],
    [user("view"), "get", "/secrets", "green", false],
    [user("view"), "create", "/pods", "green", false],
    [user("view"), "get", "/pods/log", "green", true],
    [user("edit"), "get", "/secrets", "green", true],
    [user("edit"), "create", "apps/deployments", "green", true],
    [user("edit"), "create", "/pods/exec", "green", true],
    [user("edit"), "create", "rbac.authorization.k8s.io/roles", "green", false],
    [user("edit"), "create", "/resourcequotas", "green", false],
    [user("admin"), "create", "rbac.authorization.k8s.io/roles", "green", true],
    [user("admin"), "create", "rbac.authorization.k8s.io/clusterroles", "", false],
    [user("admin"), "update", "/namespaces", "green", false],
    [user("anyone"), "create", "authorization.k8s.io/selfsubjectaccessreviews", "", true],
    [user("anyone"), "list", "/namespaces", "", false],
    [anonymous, "create", "authorization.k8s.io/selfsubjectaccessreviews", "", false],
    [user("system:kube-scheduler"), "create", "/pods/binding", "green", true],
    [user("system:kube-scheduler"), "get", "/secrets", "green", false],
    [user("system:kube-controller-manager"), "list", "batch/jobs", "", true],
    [controller("replicaset-controller"), "create", "/pods", "green", true],
    [controller("replicaset-controller"), "create", "/secrets", "green", false],
    [controller("disruption-controller"), "get", "apps/deployments/scale", "green", true],
    [user("system:node:n1", "system:nodes"), "get", "/secrets", "green", false],
  ];
  for (const [who, verb, what, namespace, expected] of cases) {
    const [group = "", plural = "", subresource = ""] = what.split("/");
    const resource = { group, version: "v1", plural, subresource, namespace, name: "" };
    assert.equal(
      rbac.authorize({ user: who, verb, resource }).allowed,
      expected,
      `${who.name} ${verb} ${what} ${namespace}`,
    );
  }
  assert.equal(rbac.authorize({ user: anonymous, verb: "get", path: "/version" }).allowed, true);
  assert.equal(rbac.authorize({ user: anonymous, verb: "get", path: "/api" }).allowed, false);
  assert.equal(rbac.authorize({ user: user("anyone"), verb: "get", path: "/apis/apps/v1" }).allowed, true);
  assert.equal(rbac.authorize({ user: user("anyone"), verb: "get", path: "/metrics" }).allowed, false);
});
