import assert from "node:assert/strict";
import { test } from "node:test";
import { cells, created, errorsOnCreate, errorsOnUpdate, type Partially } from "../definition-fixture.ts";
import type { PolicyRule, RbacSubject } from "../types.generated.ts";
import { ClusterRoles } from "./cluster-role.ts";
import { ClusterRoleBindings } from "./cluster-role-binding.ts";
import { Roles } from "./role.ts";
import { RoleBindings } from "./role-binding.ts";

const group = "rbac.authorization.k8s.io";

const rules: readonly (readonly [string, Partially<PolicyRule>, readonly string[]])[] = [
  ["a good one", { verbs: ["get"], apiGroups: [""], resources: ["pods"] }, []],
  [
    "nothing",
    { verbs: [] },
    [
      "rules[0].verbs: Required value: verbs must contain at least one value",
      "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
      "rules[0].resources: Required value: resource rules must supply at least one resource",
    ],
  ],
  [
    "both",
    { verbs: ["get"], nonResourceURLs: ["/healthz"], resources: ["pods"] },
    [
      'rules[0].nonResourceURLs: Invalid value: ["/healthz"]: rules cannot apply to both regular resources and non-resource URLs',
    ],
  ],
];

for (const [name, rule, errors] of rules)
  test(`a rule is validated: ${name}`, () => {
    assert.deepEqual(errorsOnCreate(ClusterRoles, { rules: [rule] }), errors);
  });

test("a role in a namespace says nothing of URLs", () => {
  const rule = { verbs: ["get"], nonResourceURLs: ["/healthz"] };
  assert.deepEqual(errorsOnCreate(ClusterRoles, { rules: [rule] }), []);
  assert.deepEqual(errorsOnCreate(Roles, { rules: [rule] }), [
    'rules[0].nonResourceURLs: Invalid value: ["/healthz"]: namespaced rules cannot apply to non-resource URLs',
  ]);
});

test("a role that is put together selects its parts", () => {
  assert.deepEqual(errorsOnCreate(ClusterRoles, { aggregationRule: {} }), [
    "aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil",
  ]);
});

test("roles and bindings have names with colons", () => {
  for (const { validateName } of [Roles, ClusterRoles, RoleBindings, ClusterRoleBindings]) {
    assert.deepEqual(validateName?.("system:node", false), []);
    assert.deepEqual(validateName?.("a/b", false), ["may not contain '/'"]);
  }
});

const roleRef = { kind: "ClusterRole", name: "view" };

test("a binding names the groups that it means", () => {
  const binding = created(RoleBindings, {
    roleRef,
    subjects: [
      { kind: "User", name: "me" },
      { kind: "ServiceAccount", name: "web", namespace: "default" },
    ],
  });
  assert.equal(binding.roleRef.apiGroup, group);
  assert.deepEqual(
    binding.subjects?.map(({ apiGroup }) => apiGroup),
    [group, undefined],
  );
});

const subjects: readonly (readonly [string, Partially<RbacSubject>, readonly string[]])[] = [
  ["no name", { kind: "User" }, ["subjects[0].name: Required value"]],
  [
    "an unknown kind",
    { kind: "Robot", name: "a" },
    ['subjects[0].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"'],
  ],
  [
    "an account without its namespace",
    { kind: "ServiceAccount", name: "a" },
    ["subjects[0].namespace: Required value"],
  ],
  [
    "an account of another group",
    { kind: "ServiceAccount", name: "a", namespace: "b", apiGroup: group },
    [`subjects[0].apiGroup: Unsupported value: "${group}": supported values: ""`],
  ],
  [
    "a user of another group",
    { kind: "User", name: "a", apiGroup: "b" },
    [`subjects[0].apiGroup: Unsupported value: "b": supported values: "${group}"`],
  ],
];

for (const [name, subject, errors] of subjects)
  test(`a subject is validated: ${name}`, () => {
    assert.deepEqual(errorsOnCreate(ClusterRoleBindings, { roleRef, subjects: [subject] }), errors);
  });

test("what is bound is a role that there can be", () => {
  const role = { apiGroup: "apps", kind: "Role", name: "" };
  assert.deepEqual(errorsOnCreate(ClusterRoleBindings, { roleRef: role }), [
    `roleRef.apiGroup: Unsupported value: "apps": supported values: "${group}"`,
    'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
    "roleRef.name: Required value",
  ]);
  assert.deepEqual(errorsOnCreate(RoleBindings, { roleRef: { ...role, apiGroup: group, name: "a%" } }), [
    `roleRef.name: Invalid value: "a%": may not contain '%'`,
  ]);
  const changed = errorsOnUpdate(RoleBindings, { roleRef }, (draft) => {
    draft.roleRef.name = "edit";
  });
  assert.deepEqual(changed, [
    `roleRef: Invalid value: {"APIGroup":"${group}","Kind":"ClusterRole","Name":"edit"}: cannot change roleRef`,
  ]);
});

test("the rows of roles and bindings", () => {
  const metadata = { name: "view", creationTimestamp: "2024-12-31T23:59:00Z" };
  assert.deepEqual(cells(Roles, { metadata }), { Name: "view", "Created At": "2024-12-31T23:59:00Z" });
  const bound: Partially<RbacSubject>[] = [
    { kind: "User", name: "me" },
    { kind: "User", name: "you" },
    { kind: "Group", name: "all" },
    { kind: "ServiceAccount", name: "web", namespace: "default" },
  ];
  const row = {
    Name: "view",
    Role: "ClusterRole/view",
    Age: "60s",
    Users: "me, you",
    Groups: "all",
    ServiceAccounts: "default/web",
  };
  assert.deepEqual(cells(RoleBindings, { metadata, roleRef, subjects: bound }), row);
  assert.deepEqual(cells(ClusterRoleBindings, { metadata, roleRef, subjects: bound }), row);
});
