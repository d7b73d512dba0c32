// Two teams, their machines and everybody else under the default policy: who may what, where. Each row is a question, each
// column somebody; a letter says that they may. Which pods a node makes and deletes, NodeRestriction holds it to.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ClusterRoleBindings, ClusterRoles, Pods, RoleBindings, Roles, type User } from "../../api/index.ts";
import { ObjectLookup } from "../lookup-of-objects.ts";
import type { Attributes } from "./authorizer.ts";
import { clusterRoleBindings, clusterRoles, controllerRoles, roleBindings, roles } from "./bootstrap-policy/index.ts";
import { NodeAuthorizer } from "./node-authorizer.ts";
import { RbacAuthorizer } from "./rbac.ts";
import { allowGroup, privilegedGroup, unionAuthorizer } from "./union.ts";

const apiGroup = "rbac.authorization.k8s.io";

const people: Readonly<Record<string, User>> = {
  // The administrator of the cluster.
  R: { name: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] },
  // Of team green: administrator, editor, viewer.
  A: { name: "ann", groups: ["green-admins", "system:authenticated"] },
  E: { name: "eve", groups: ["system:authenticated"] },
  V: { name: "vic", groups: ["system:authenticated"] },
  // Of team blue: an editor, and an account that may read one ConfigMap.
  B: { name: "bob", groups: ["system:authenticated"] },
  S: {
    name: "system:serviceaccount:blue:app",
    groups: ["system:serviceaccounts", "system:serviceaccounts:blue", "system:authenticated"],
  },
  // The node on which team green's pod runs, and one without pods.
  N: { name: "system:node:n1", groups: ["system:nodes", "system:authenticated"] },
  M: { name: "system:node:n2", groups: ["system:nodes", "system:authenticated"] },
  // Nobody in particular.
  X: { name: "system:anonymous", groups: ["system:unauthenticated"] },
};

// verb and resource, namespace/name (or path), who may.
const matrix = `
get pods                                    green/web        R A E V N
get pods                                    blue/web         R B
list pods                                   green/           R A E V
list pods                                   blue/            R B
list pods                                   /                R
create pods                                 green/           R A E N M
create pods                                 blue/            R B N M
delete pods                                 green/web        R A E N M
create pods/exec                            green/web        R A E
create pods/exec                            blue/web         R B
get pods/log                                green/web        R A E V
get secrets                                 green/token      R A E N
get secrets                                 green/other      R A E
get secrets                                 blue/token       R B
list secrets                                green/           R A E
list secrets                                /                R
get configmaps                              blue/settings    R B S
get configmaps                              blue/other       R B
get configmaps                              green/settings   R A E V
update configmaps                           blue/settings    R B
create serviceaccounts/token                green/builder    R A E N
create serviceaccounts/token                blue/app         R B
impersonate serviceaccounts                 green/builder    R A E
create deployments.apps                     green/           R A E
update deployments.apps/scale               green/web        R A E
create deployments.apps                     blue/            R B
create rolebindings.${apiGroup}             green/           R A
create rolebindings.${apiGroup}             blue/            R
create clusterrolebindings.${apiGroup}      /                R
create resourcequotas                       green/           R
get namespaces                              green/green      R A E V
delete namespaces                           green/green      R
list namespaces                             /                R
list nodes                                  /                R
get nodes                                   /n1              R N
patch nodes/status                          /n1              R N M
update leases.coordination.k8s.io           kube-node-lease/n1 R N
update leases.coordination.k8s.io           kube-node-lease/n2 R M
get configmaps                              kube-system/extension-apiserver-authentication R
create selfsubjectaccessreviews.authorization.k8s.io / R A E V B S N M
create subjectaccessreviews.authorization.k8s.io     / R N M
create localsubjectaccessreviews.authorization.k8s.io green/ R A N M
get                                         /version         R A E V B S N M X
get                                         /healthz         R A E V B S N M X
get                                         /apis            R A E V B S N M
get                                         /metrics         R
get                                         /openid/v1/jwks  R S
`;

function teams(): ObjectLookup {
  const lookup = new ObjectLookup();
  for (const each of [...clusterRoles, ...controllerRoles]) lookup.put(ClusterRoles, each);
  for (const each of clusterRoleBindings) lookup.put(ClusterRoleBindings, each);
  for (const each of roles) lookup.put(Roles, each);
  for (const each of roleBindings) lookup.put(RoleBindings, each);
  const bind = (namespace: string, role: string, kind: string, name: string, roleKind = "ClusterRole") =>
    lookup.put(RoleBindings, {
      metadata: { name: `${role}-${name}`, namespace },
      roleRef: { apiGroup, kind: roleKind, name: role },
      subjects: [{ kind, name }],
    });
  bind("green", "admin", "Group", "green-admins");
  bind("green", "edit", "User", "eve");
  bind("green", "view", "User", "vic");
  bind("blue", "edit", "User", "bob");
  bind("blue", "settings", "ServiceAccount", "app", "Role");
  return lookup
    .put(Roles, {
      metadata: { name: "settings", namespace: "blue" },
      rules: [{ verbs: ["get"], apiGroups: [""], resources: ["configmaps"], resourceNames: ["settings"] }],
    })
    .put(Pods, {
      metadata: { name: "web", namespace: "green" },
      spec: {
        nodeName: "n1",
        serviceAccountName: "builder",
        containers: [],
        volumes: [{ name: "t", secret: { secretName: "token" } }],
      },
    });
}

function question(user: User, verb: string, what: string, where: string): Attributes {
  if (what === "") return { user, verb, path: where };
  const [namespace = "", name = ""] = where.split("/");
  const [qualified = "", subresource = ""] = what.split(/\/(?=[a-z]+$)/);
  const [plural = "", ...group] = qualified.split(".");
  return { user, verb, resource: { group: group.join("."), version: "v1", plural, subresource, namespace, name } };
}

const lookup = teams();
const authorizer = unionAuthorizer(allowGroup(privilegedGroup), new NodeAuthorizer(lookup), new RbacAuthorizer(lookup));

for (const row of matrix.trim().split("\n")) {
  const [verb = "", ...rest] = row.split(/\s+/);
  const what = rest[0]?.startsWith("/") ? "" : (rest.shift() ?? "");
  const [where = "", ...expected] = rest;
  test(`${verb} ${what} ${where} is for ${expected.join(" ")} alone`, async () => {
    const allowed: string[] = [];
    for (const [letter, user] of Object.entries(people))
      if ((await authorizer.authorize(question(user, verb, what, where))).allowed) allowed.push(letter);
    assert.deepEqual(allowed, expected);
  });
}
