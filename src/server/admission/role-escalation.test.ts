import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type ClusterRole,
  ClusterRoleBindings,
  ClusterRoles,
  type NewObject,
  type PolicyRule,
  RoleBindings,
  Roles,
  type User,
} from "../../api/index.ts";
import { RbacAuthorizer } from "../authorization/index.ts";
import { ObjectLookup } from "../lookup-of-objects.ts";
import { admitted } from "./request-for-tests.ts";
import { roleEscalation } from "./role-escalation.ts";

const apiGroup = "rbac.authorization.k8s.io";
const jane: User = { name: "jane", groups: ["dev", "system:authenticated"] };
const roleRef = (name: string, kind = "ClusterRole") => ({ apiGroup, kind, name });
const reading: PolicyRule = { verbs: ["get", "list"], apiGroups: [""], resources: ["pods"] };
const secrets: PolicyRule = { verbs: ["get"], apiGroups: [""], resources: ["secrets"] };

/** Jane may read pods in namespace green, and what `more` says there. */
function setUp(...more: readonly PolicyRule[]) {
  const lookup = new ObjectLookup()
    .put(ClusterRoles, { metadata: { name: "held" }, rules: [reading, ...more] })
    .put(ClusterRoles, { metadata: { name: "secret-reader" }, rules: [secrets] })
    .put(RoleBindings, {
      metadata: { name: "b", namespace: "green" },
      roleRef: roleRef("held"),
      subjects: [{ kind: "User", name: "jane" }],
    });
  const rbac = new RbacAuthorizer(lookup);
  return { lookup, plugin: roleEscalation({ authorizer: rbac, rules: rbac }) };
}

const role = (rules: readonly PolicyRule[], namespace = "green") => ({ metadata: { name: "new", namespace }, rules });

test("a role holds no more than its writer", async () => {
  const { plugin } = setUp();
  await admitted(plugin, Roles, { user: jane, object: role([{ ...reading, verbs: ["get"] }]) });
  await assert.rejects(
    admitted(plugin, Roles, { user: jane, object: role([{ ...reading, verbs: ["get", "watch", "delete"] }, secrets]) }),
    {
      message: `roles.${apiGroup} "new" is forbidden: user "jane" (groups=["dev" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:
{APIGroups:[""], Resources:["pods"], Verbs:["watch" "delete"]}
{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}`,
    },
  );
  await assert.rejects(admitted(plugin, Roles, { user: jane, object: role([reading], "blue") }), /not currently held/);
  const object = { metadata: { name: "new" }, rules: [reading] };
  await assert.rejects(admitted(plugin, ClusterRoles, { user: jane, object }), /not currently held/);
});

test("the verb escalate and the group of masters write any role", async () => {
  const { plugin } = setUp({ verbs: ["escalate"], apiGroups: [apiGroup], resources: ["roles"] });
  await admitted(plugin, Roles, { user: jane, object: role([secrets]) });
  const root: User = { name: "root", groups: ["system:masters"] };
  await admitted(setUp().plugin, ClusterRoles, { user: root, object: { metadata: { name: "x" }, rules: [secrets] } });
});

test("binding a role takes the rights in it, or the verb bind on it", async () => {
  const binding = (name: string, kind?: string) => ({
    metadata: { name: "new", namespace: "green" },
    roleRef: roleRef(name, kind),
    subjects: [{ kind: "User", name: "joe" }],
  });
  const { plugin } = setUp();
  await admitted(plugin, RoleBindings, { user: jane, object: binding("held") });
  await assert.rejects(
    admitted(plugin, RoleBindings, { user: jane, object: binding("secret-reader") }),
    /rolebindings.* "new" is forbidden: user "jane" .* is attempting to grant/,
  );
  const bind = {
    verbs: ["bind"],
    apiGroups: [apiGroup],
    resources: ["clusterroles"],
    resourceNames: ["secret-reader"],
  };
  await admitted(setUp(bind).plugin, RoleBindings, { user: jane, object: binding("secret-reader") });
  await assert.rejects(admitted(plugin, RoleBindings, { user: jane, object: binding("none", "Role") }), {
    message: `role.${apiGroup} "none" not found`,
  });
  const everywhere = { metadata: { name: "new" }, roleRef: roleRef("held"), subjects: [] };
  await assert.rejects(admitted(plugin, ClusterRoleBindings, { user: jane, object: everywhere }), /not currently held/);
});

test("an aggregated role is only for who may do everything", async () => {
  const object: NewObject<ClusterRole> = {
    metadata: { name: "new" },
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: "b" } }] },
  };
  await assert.rejects(admitted(setUp().plugin, ClusterRoles, { user: jane, object }), {
    message: `clusterroles.${apiGroup} "new" is forbidden: must have cluster-admin privileges to use the aggregationRule`,
  });
  const { lookup, plugin } = setUp();
  lookup
    .put(ClusterRoles, {
      metadata: { name: "all" },
      rules: [
        { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
        { verbs: ["*"], nonResourceURLs: ["*"] },
      ],
    })
    .put(ClusterRoleBindings, {
      metadata: { name: "all" },
      roleRef: roleRef("all"),
      subjects: [{ kind: "User", name: "jane" }],
    });
  await admitted(plugin, ClusterRoles, { user: jane, object });
});

test("taking owners and finalizers away is no grant", async () => {
  const old = role([secrets]);
  const object = { ...old, metadata: { ...old.metadata, finalizers: [] } };
  const { plugin } = setUp();
  await admitted(plugin, Roles, { user: jane, object, old });
  const renamed = { ...old, metadata: { ...old.metadata, labels: { a: "b" } } };
  await assert.rejects(admitted(plugin, Roles, { user: jane, object: renamed, old }), /not currently held/);
});
