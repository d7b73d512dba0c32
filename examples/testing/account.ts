import type { ClusterRole, ClusterRoleBinding, NewObject } from "roder";

const name = "preview-operator";
const namespace = "default";
const apiGroup = "rbac.authorization.k8s.io";

/** Who the operator is in the cluster. */
export const account = {
  name: `system:serviceaccount:${namespace}:${name}`,
  groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"],
};

/** What it may do, and no more. */
export const role: NewObject<ClusterRole> = {
  metadata: { name },
  rules: [
    { apiGroups: ["previews.example.com"], resources: ["previews"], verbs: ["list", "watch", "delete"] },
    { apiGroups: ["previews.example.com"], resources: ["previews/status"], verbs: ["patch"] },
    { apiGroups: ["apps"], resources: ["deployments"], verbs: ["list", "watch", "create"] },
    { apiGroups: ["", "events.k8s.io"], resources: ["events"], verbs: ["create", "patch"] },
  ],
};

export const binding: NewObject<ClusterRoleBinding> = {
  metadata: { name },
  roleRef: { apiGroup, kind: "ClusterRole", name },
  subjects: [{ kind: "ServiceAccount", namespace, name }],
};
