// In which order groups and their versions are told to clients: pkg/controlplane/apiserver, APIServicePriority.

export interface ApiServicePriority {
  /** Of the group among all groups; the higher comes first. */
  readonly group: number;
  /** Of the version within its group. */
  readonly version: number;
}

/** What a custom resource's group gets (kube-aggregator, crdregistration). */
const ofCustomResources: ApiServicePriority = { group: 1000, version: 100 };
const stableVersion = 15;

/** The groups of Kubernetes' own. The aggregator's own group has no APIService and is the first. */
const ofGroups: Readonly<Record<string, number>> = {
  "apiregistration.k8s.io": 20_000,
  "": 18_000,
  apps: 17_800,
  "events.k8s.io": 17_750,
  "authentication.k8s.io": 17_700,
  "authorization.k8s.io": 17_600,
  autoscaling: 17_500,
  batch: 17_400,
  "certificates.k8s.io": 17_300,
  "networking.k8s.io": 17_200,
  policy: 17_100,
  "rbac.authorization.k8s.io": 17_000,
  "storage.k8s.io": 16_800,
  "admissionregistration.k8s.io": 16_700,
  "apiextensions.k8s.io": 16_700,
  "scheduling.k8s.io": 16_600,
  "coordination.k8s.io": 16_500,
  "node.k8s.io": 16_300,
  "discovery.k8s.io": 16_200,
  "resource.k8s.io": 16_200,
  "flowcontrol.apiserver.k8s.io": 16_100,
  // As the metrics server's own manifest has it.
  "metrics.k8s.io": 100,
};

/** Versions whose place is another than that of the only stable one. */
const ofVersions: Readonly<Record<string, number>> = {
  v1: 1,
  "autoscaling/v2": 30,
  "resource.k8s.io/v1": 20,
  "flowcontrol.apiserver.k8s.io/v1": 21,
  "metrics.k8s.io/v1beta1": 100,
};

/** The place of a group version that this server serves itself. */
export function localApiServicePriority(group: string, version: string): ApiServicePriority {
  const ofGroup = ofGroups[group];
  if (ofGroup === undefined) return ofCustomResources;
  return { group: ofGroup, version: ofVersions[group === "" ? version : `${group}/${version}`] ?? stableVersion };
}

/** Whether a group is Kubernetes' own and not made by a definition. */
export function isOwnGroup(group: string): boolean {
  return Object.hasOwn(ofGroups, group);
}
