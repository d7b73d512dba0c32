import type { ClusterRoleBinding, NewObject, RbacSubject, Role, RoleBinding } from "../../../api/index.ts";
import { controllerNames, controllerPrefix } from "./controller-roles.ts";
import { eventsRule, policyMetadata, rbacGroup, read, rule } from "./rule.ts";

const user = (name: string): RbacSubject => ({ apiGroup: rbacGroup, kind: "User", name });
const group = (name: string): RbacSubject => ({ apiGroup: rbacGroup, kind: "Group", name });
const account = (name: string): RbacSubject => ({ kind: "ServiceAccount", name, namespace: "kube-system" });

function bindCluster(role: string, ...subjects: readonly RbacSubject[]): NewObject<ClusterRoleBinding> {
  return {
    metadata: policyMetadata(role),
    roleRef: { apiGroup: rbacGroup, kind: "ClusterRole", name: role },
    ...(subjects.length === 0 ? {} : { subjects }),
  };
}

export const clusterRoleBindings: readonly NewObject<ClusterRoleBinding>[] = [
  bindCluster("cluster-admin", group("system:masters")),
  bindCluster("system:monitoring", group("system:monitoring")),
  bindCluster("system:discovery", group("system:authenticated")),
  bindCluster("system:basic-user", group("system:authenticated")),
  bindCluster("system:public-info-viewer", group("system:authenticated"), group("system:unauthenticated")),
  bindCluster("system:node-proxier", user("system:kube-proxy")),
  bindCluster("system:kube-controller-manager", user("system:kube-controller-manager")),
  bindCluster("system:kube-dns", account("kube-dns")),
  bindCluster("system:kube-scheduler", user("system:kube-scheduler")),
  bindCluster("system:volume-scheduler", user("system:kube-scheduler")),
  // Nobody: the Node authorizer decides about nodes one by one.
  bindCluster("system:node"),
  bindCluster("system:service-account-issuer-discovery", group("system:serviceaccounts")),
  ...controllerNames.map((controller) => bindCluster(controllerPrefix + controller, account(controller))),
];

function role(namespace: string, name: string, rules: Role["rules"]): NewObject<Role> {
  return { metadata: { ...policyMetadata(name), namespace }, ...(rules ? { rules } : {}) };
}

function bind(
  namespace: string,
  roleName: string,
  subjects: readonly RbacSubject[],
  name = roleName,
): NewObject<RoleBinding> {
  return {
    metadata: { ...policyMetadata(name), namespace },
    roleRef: { apiGroup: rbacGroup, kind: "Role", name: roleName },
    subjects,
  };
}

const system = "kube-system";
const open = "kube-public";
const authenticationReader = "extension-apiserver-authentication-reader";
const bootstrapSigner = `${controllerPrefix}bootstrap-signer`;
const leaderLocking = (component: string) => `system::leader-locking-${component}`;

export const roles: readonly NewObject<Role>[] = [
  role(system, authenticationReader, [rule(read, "core", "configmaps", "extension-apiserver-authentication")]),
  role(system, bootstrapSigner, [rule(read, "core", "secrets")]),
  role(system, `${controllerPrefix}cloud-provider`, [rule("create get list watch", "core", "configmaps")]),
  role(system, `${controllerPrefix}token-cleaner`, [rule("delete get list watch", "core", "secrets"), eventsRule]),
  ...["kube-controller-manager", "kube-scheduler"].map((component) =>
    role(system, leaderLocking(component), [
      rule("watch", "core", "configmaps"),
      rule("get update", "core", "configmaps", component),
    ]),
  ),
  role(open, bootstrapSigner, [
    rule(read, "core", "configmaps"),
    rule("update", "core", "configmaps", "cluster-info"),
    eventsRule,
  ]),
];

export const roleBindings: readonly NewObject<RoleBinding>[] = [
  bind(
    system,
    authenticationReader,
    [user("system:kube-controller-manager"), user("system:kube-scheduler")],
    `system::${authenticationReader}`,
  ),
  ...["kube-controller-manager", "kube-scheduler"].map((component) =>
    bind(system, leaderLocking(component), [user(`system:${component}`), account(component)]),
  ),
  bind(system, bootstrapSigner, [account("bootstrap-signer")]),
  bind(system, `${controllerPrefix}cloud-provider`, [account("cloud-provider")]),
  bind(system, `${controllerPrefix}token-cleaner`, [account("token-cleaner")]),
  bind(open, bootstrapSigner, [account("bootstrap-signer")]),
];
