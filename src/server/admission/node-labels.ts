// Which labels a node may give itself: k8s.io/kubelet/pkg/apis/well_known_labels.go.

const allowed = new Set([
  "kubernetes.io/hostname",
  "topology.kubernetes.io/zone",
  "topology.kubernetes.io/region",
  "failure-domain.beta.kubernetes.io/zone",
  "failure-domain.beta.kubernetes.io/region",
  "node.kubernetes.io/instance-type",
  "beta.kubernetes.io/instance-type",
  "kubernetes.io/os",
  "kubernetes.io/arch",
  "beta.kubernetes.io/os",
  "beta.kubernetes.io/arch",
]);
const allowedDomains = ["kubelet.kubernetes.io", "node.kubernetes.io"];
const restrictedDomain = "node-restriction.kubernetes.io";
const reservedDomains = ["kubernetes.io", "k8s.io"];

/** False for labels by which pods are steered: those of Kubernetes' own domains that are not a node's to set. */
export function isAllowedNodeLabel(key: string): boolean {
  const slash = key.indexOf("/");
  const domain = slash < 0 ? "" : key.slice(0, slash);
  const isWithin = (parent: string) => domain === parent || domain.endsWith(`.${parent}`);
  if (isWithin(restrictedDomain)) return false;
  if (!reservedDomains.some(isWithin)) return true;
  return allowed.has(key) || allowedDomains.some(isWithin);
}
