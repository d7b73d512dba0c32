// The fields that Kubernetes writes although they hold nothing. In Go they have no `omitempty`, or are structs, which
// `omitempty` does not take for empty (times); from the types of k8s.io/api and its siblings. Typed clients rely on some,
// and policies and managedFields see them. Fields that validation wants filled are left out here.

const conditionTimes = (definition: string, ...more: readonly string[]) =>
  ["lastTransitionTime", ...more].map((field) => `${definition}.${field}`);

/** Lists without entries, pointers to nothing and times that were never set. */
const nulls = new Set([
  ...conditionTimes("apiextensions.v1.CustomResourceDefinitionCondition"),
  ...conditionTimes("apiregistration.v1.APIServiceCondition"),
  ...conditionTimes("apps.v1.DaemonSetCondition"),
  ...conditionTimes("apps.v1.DeploymentCondition", "lastUpdateTime"),
  ...conditionTimes("apps.v1.ReplicaSetCondition"),
  ...conditionTimes("apps.v1.StatefulSetCondition"),
  ...conditionTimes("autoscaling.v2.HorizontalPodAutoscalerCondition"),
  ...conditionTimes("batch.v1.JobCondition", "lastProbeTime"),
  ...conditionTimes("certificates.v1.CertificateSigningRequestCondition", "lastUpdateTime"),
  ...conditionTimes("core.v1.NamespaceCondition"),
  ...conditionTimes("core.v1.NodeCondition", "lastHeartbeatTime"),
  ...conditionTimes("core.v1.PersistentVolumeClaimCondition", "lastProbeTime"),
  ...conditionTimes("core.v1.PodCondition", "lastProbeTime"),
  ...conditionTimes("core.v1.ReplicationControllerCondition"),
  ...conditionTimes("flowcontrol.v1.FlowSchemaCondition"),
  ...conditionTimes("flowcontrol.v1.PriorityLevelConfigurationCondition"),
  ...["core.v1.ContainerStateRunning.startedAt", "core.v1.ContainerStateTerminated.startedAt"],
  ...["core.v1.ContainerStateTerminated.finishedAt", "storage.v1.VolumeError.time"],
  ...["core.v1.Event.eventTime", "core.v1.Event.firstTimestamp", "core.v1.Event.lastTimestamp"],
  ...["core.v1.EventSeries.lastObservedTime", "events.v1.Event.eventTime"],
  ...["events.v1.Event.deprecatedFirstTimestamp", "events.v1.Event.deprecatedLastTimestamp"],
  ...["apiextensions.v1.CustomResourceDefinitionStatus.conditions"],
  ...["apiextensions.v1.CustomResourceDefinitionStatus.storedVersions"],
  ...["authentication.v1.TokenRequestSpec.audiences", "authentication.v1.TokenRequestSpec.boundObjectRef"],
  "autoscaling.v2.HorizontalPodAutoscalerStatus.currentMetrics",
  ...["core.v1.AzureFilePersistentVolumeSource.secretNamespace", "core.v1.ContainerImage.names"],
  ...["core.v1.LimitRangeSpec.limits", "core.v1.ProjectedVolumeSource.sources"],
  ...["core.v1.TypedLocalObjectReference.apiGroup", "core.v1.TypedObjectReference.apiGroup"],
  ...["discovery.v1.EndpointSlice.endpoints", "discovery.v1.EndpointSlice.ports"],
  ...["flowcontrol.v1.ResourcePolicyRule.namespaces", "rbac.v1.ClusterRole.rules", "rbac.v1.Role.rules"],
  ...["resource.v1.AllocatedDeviceStatus.conditions"],
  ...["storage.v1.CSINodeDriver.topologyKeys", "storage.v1.CSINodeSpec.drivers"],
]);

const zeros = new Set([
  ...["apps.v1.ControllerRevision.revision", "apps.v1.StatefulSetOrdinals.start"],
  ...["apps.v1.DaemonSetStatus.currentNumberScheduled", "apps.v1.DaemonSetStatus.desiredNumberScheduled"],
  ...["apps.v1.DaemonSetStatus.numberMisscheduled", "apps.v1.DaemonSetStatus.numberReady"],
  ...["apps.v1.ReplicaSetStatus.replicas", "core.v1.ReplicationControllerStatus.replicas"],
  ...["apps.v1.StatefulSetStatus.availableReplicas", "apps.v1.StatefulSetStatus.replicas"],
  ...["autoscaling.v1.HorizontalPodAutoscalerStatus.currentReplicas"],
  ...["autoscaling.v1.HorizontalPodAutoscalerStatus.desiredReplicas"],
  ...["autoscaling.v1.ScaleStatus.replicas", "autoscaling.v2.HorizontalPodAutoscalerStatus.desiredReplicas"],
  ...["core.v1.ContainerStateTerminated.exitCode", "core.v1.ContainerStatus.restartCount"],
  ...["core.v1.DaemonEndpoint.Port", "core.v1.ISCSIPersistentVolumeSource.lun", "core.v1.ISCSIVolumeSource.lun"],
  ...["core.v1.LinuxContainerUser.gid", "core.v1.LinuxContainerUser.uid", "scheduling.v1.PriorityClass.value"],
  ...["policy.v1.PodDisruptionBudgetStatus.currentHealthy", "policy.v1.PodDisruptionBudgetStatus.desiredHealthy"],
  ...["policy.v1.PodDisruptionBudgetStatus.disruptionsAllowed", "policy.v1.PodDisruptionBudgetStatus.expectedPods"],
]);

const texts = new Set([
  ...["apiextensions.v1.CustomResourceDefinitionNames.kind", "apiextensions.v1.CustomResourceDefinitionNames.plural"],
  ...["apps.v1.StatefulSetSpec.serviceName", "core.v1.AttachedVolume.devicePath", "core.v1.HTTPHeader.value"],
  ...["core.v1.ContainerStatus.image", "core.v1.ContainerStatus.imageID", "core.v1.NodeRuntimeHandler.name"],
  ...["core.v1.Event.reportingComponent", "core.v1.Event.reportingInstance"],
  ...["architecture", "bootID", "containerRuntimeVersion", "kernelVersion", "kubeProxyVersion"].map(ofSystem),
  ...["kubeletVersion", "machineID", "operatingSystem", "osImage", "systemUUID"].map(ofSystem),
]);

function ofSystem(field: string): string {
  return `core.v1.NodeSystemInfo.${field}`;
}

/** What stands in the field of the definition (by its short name) when it holds nothing; undefined: it is left out. */
export function writtenWhenEmpty(definition: string, field: string): null | 0 | "" | "0" | false | undefined {
  const place = `${definition}.${field}`;
  if (nulls.has(place)) return null;
  if (zeros.has(place)) return 0;
  if (texts.has(place)) return "";
  // A quantity writes its zero.
  if (place === "core.v1.ResourceFieldSelector.divisor") return "0";
  return place === "core.v1.ContainerStatus.ready" ? false : undefined;
}
