import type { ClusterRole, NewObject, PolicyRule } from "../../../api/index.ts";

/** The policy's objects are marked as Kubernetes marks them; `autoupdate` set to false keeps one as it is. */
export const autoupdate = "rbac.authorization.kubernetes.io/autoupdate";
const labels = { "kubernetes.io/bootstrapping": "rbac-defaults" };
const annotations = { [autoupdate]: "true" };

export const rbacGroup = "rbac.authorization.k8s.io";

export function policyMetadata(name: string, more: Readonly<Record<string, string>> = {}) {
  return { name, labels: { ...labels, ...more }, annotations };
}

export const read = "get list watch";
export const write = "create delete deletecollection patch update";
export const readWrite = `${read} ${write}`;

const words = (text: string): string[] => text.split(" ").sort();

/** A rule from lists with spaces; the group without a name is written `core`. Lists are sorted, as Kubernetes gives them out. */
export function rule(verbs: string, groups: string, resources: string, names?: string): PolicyRule {
  return {
    verbs: words(verbs),
    apiGroups: groups.split(" ").map((each) => (each === "core" ? "" : each)),
    resources: words(resources),
    ...(names === undefined ? {} : { resourceNames: words(names) }),
  };
}

export function urlRule(verbs: string, urls: string): PolicyRule {
  return { verbs: words(verbs), nonResourceURLs: words(urls) };
}

/** What everybody needs who reports events. */
export const eventsRule = rule("create patch update", "core events.k8s.io", "events");

/** Who checks for others who they are and what they may. */
export const delegationRules = [
  rule("create", "authentication.k8s.io", "tokenreviews"),
  rule("create", "authorization.k8s.io", "subjectaccessreviews"),
];

export function clusterRole(
  name: string,
  rules: readonly PolicyRule[],
  moreLabels?: Readonly<Record<string, string>>,
): NewObject<ClusterRole> {
  return { metadata: policyMetadata(name, moreLabels), rules };
}
