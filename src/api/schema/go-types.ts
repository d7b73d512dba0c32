// What Kubernetes' Go types decide and OpenAPI does not say: which fields vanish when they hold their zero value
// (`omitempty` on a field that is no pointer), which structs are always there (no pointer), and what named types are
// called in messages. From k8s.io/api; needed because typed clients drop the former when they write an object back.

/** Definitions by their short name, `core.v1.Container`, as the tables below give them. */
export function shortName(definition: string): string {
  return definition.replace(/^io\.k8s\.(?:api\.|.*\.apis\.)/, "");
}

/** Booleans that are pointers nearly nowhere: false is the same as absent. */
const valueBooleans = new Set([
  ...["authenticated", "chapAuthDiscovery", "chapAuthSession", "clusterScope", "denied", "deprecated"],
  ...["exclusiveMaximum", "exclusiveMinimum", "globalDefault", "hostIPC", "hostNetwork", "hostPID"],
  ...["insecureSkipTLSVerify", "nullable", "paused", "preserveUnknownFields", "publishNotReadyAddresses", "readOnly"],
  ...["sslEnabled", "stdin", "stdinOnce", "tty", "uniqueItems", "unschedulable"],
  ...["x-kubernetes-embedded-resource", "x-kubernetes-int-or-string"],
]);

/** Numbers that are pointers nearly nowhere: 0 is the same as absent. */
const valueNumbers = new Set([
  ...["availableReplicas", "code", "count", "currentReplicas", "deprecatedCount", "failed", "failureThreshold"],
  ...["fullyLabeledReplicas", "generation", "healthCheckNodePort", "hostPort", "initialDelaySeconds"],
  ...["minReadySeconds", "nodePort", "numberAvailable", "numberUnavailable", "observedGeneration", "periodSeconds"],
  ...["readyReplicas", "retryAfterSeconds", "signal", "sizeBytes", "succeeded", "successThreshold"],
  ...["unavailableReplicas", "updatedNumberScheduled", "updatedReplicas"],
  ...["core.v1.AWSElasticBlockStoreVolumeSource.partition", "core.v1.GCEPersistentDiskVolumeSource.partition"],
  ...["core.v1.Probe.timeoutSeconds", "apps.v1.DeploymentStatus.replicas", "autoscaling.v1.ScaleSpec.replicas"],
  ...["batch.v1.JobStatus.active", "apiextensions.v1.CustomResourceColumnDefinition.priority"],
]);

/** Pointers, where the zero value says something: what the lists above take too much, and strings that may be empty. */
const pointers = new Set([
  ...["core.v1.AzureDiskVolumeSource.readOnly", "core.v1.CSIVolumeSource.readOnly"],
  ...["apps.v1.StatefulSetStatus.availableReplicas", "autoscaling.v1.HorizontalPodAutoscalerStatus.observedGeneration"],
  ...["autoscaling.v2.HorizontalPodAutoscalerStatus.observedGeneration", "storage.v1.VolumeNodeResources.count"],
  ...["admissionregistration.v1.ServiceReference.path", "admissionregistration.v1.WebhookClientConfig.url"],
  ...["apiextensions.v1.ServiceReference.path", "apiextensions.v1.WebhookClientConfig.url"],
  ...["coordination.v1.LeaseSpec.holderIdentity", "coordination.v1.LeaseSpec.preferredHolder"],
  ...["core.v1.AppArmorProfile.localhostProfile", "core.v1.SeccompProfile.localhostProfile"],
  ...["core.v1.AzureDiskVolumeSource.fsType", "core.v1.CSIVolumeSource.fsType", "core.v1.LocalVolumeSource.fsType"],
  ...["core.v1.ClusterTrustBundleProjection.name", "core.v1.ClusterTrustBundleProjection.signerName"],
  ...["core.v1.EndpointAddress.nodeName", "core.v1.EndpointPort.appProtocol", "core.v1.GRPCAction.service"],
  ...["core.v1.HostPathVolumeSource.type", "core.v1.PersistentVolumeClaimSpec.storageClassName"],
  ...["core.v1.PersistentVolumeClaimSpec.volumeAttributesClassName", "core.v1.PodDNSConfigOption.value"],
  ...["core.v1.PersistentVolumeSpec.volumeAttributesClassName", "core.v1.PodSpec.runtimeClassName"],
  ...["core.v1.PodResourceClaim.resourceClaimName", "core.v1.PodResourceClaim.resourceClaimTemplateName"],
  ...["core.v1.ServicePort.appProtocol", "core.v1.ServiceSpec.loadBalancerClass"],
  ...["core.v1.ServiceSpec.trafficDistribution", "core.v1.TypedLocalObjectReference.apiGroup"],
  ...["core.v1.TypedObjectReference.apiGroup", "core.v1.TypedObjectReference.namespace"],
  ...["discovery.v1.Endpoint.hostname", "discovery.v1.Endpoint.nodeName", "discovery.v1.Endpoint.zone"],
  ...["discovery.v1.EndpointPort.appProtocol", "discovery.v1.EndpointPort.name"],
  ...["networking.v1.IngressClassParametersReference.apiGroup", "networking.v1.IngressSpec.ingressClassName"],
  ...["networking.v1.IngressClassParametersReference.namespace", "resource.v1.DeviceAttribute.string"],
  ...["resource.v1.DeviceAttribute.version", "resource.v1.DeviceConstraint.matchAttribute"],
  ...["resource.v1.ResourceSliceSpec.nodeName"],
  ...["batch.v1.PodFailurePolicyOnExitCodesRequirement.containerName", "batch.v1.SuccessPolicyRule.succeededIndexes"],
  ...["batch.v1.CronJobSpec.timeZone", "batch.v1.JobSpec.managedBy", "batch.v1.JobStatus.failedIndexes"],
  ...["storage.v1.VolumeAttachmentSource.persistentVolumeName"],
]);

/** Whether an optional field is left out when it holds false, 0 or "". */
export function vanishesWhenZero(definition: string, field: string, type: string | undefined): boolean {
  const place = `${definition}.${field}`;
  if (pointers.has(place)) return false;
  if (type === "boolean") return valueBooleans.has(field);
  if (type === "integer") return valueNumbers.has(field) || valueNumbers.has(place);
  return type === "string";
}

/** Structs that are no pointers: they exist, empty, when nobody wrote them. */
const presentStructs = new Set([
  ...["apiextensions.v1.CustomResourceDefinitionStatus.acceptedNames", "apps.v1.DaemonSetSpec.updateStrategy"],
  ...["apps.v1.DeploymentSpec.strategy", "apps.v1.ReplicaSetSpec.template", "apps.v1.StatefulSetSpec.updateStrategy"],
  ...["authentication.v1.SelfSubjectReviewStatus.userInfo", "authentication.v1.TokenReviewStatus.user"],
  ...["core.v1.Container.resources", "core.v1.ContainerStatus.lastState", "core.v1.ContainerStatus.state"],
  ...["core.v1.EphemeralContainer.resources", "core.v1.Event.source", "core.v1.NodeDaemonEndpoints.kubeletEndpoint"],
  ...[
    "core.v1.NodeStatus.daemonEndpoints",
    "core.v1.NodeStatus.nodeInfo",
    "core.v1.PersistentVolumeClaimSpec.resources",
  ],
  ...["core.v1.PodTemplate.template", "core.v1.PodTemplateSpec.metadata", "core.v1.PodTemplateSpec.spec"],
  ...["core.v1.PersistentVolumeClaimTemplate.metadata", "core.v1.ServiceStatus.loadBalancer"],
  ...["batch.v1.JobTemplateSpec.metadata", "batch.v1.JobTemplateSpec.spec"],
  ...["discovery.v1.Endpoint.conditions", "events.v1.Event.deprecatedSource", "events.v1.Event.regarding"],
  ...["networking.v1.IngressServiceBackend.port", "networking.v1.IngressStatus.loadBalancer"],
  ...["networking.v1.NetworkPolicySpec.podSelector", "resource.v1.AllocationResult.devices"],
  ...["flowcontrol.v1.LimitedPriorityLevelConfiguration.limitResponse", "resource.v1.ResourceClaimSpec.devices"],
  ...["resource.v1.ResourceClaimTemplateSpec.metadata"],
]);

/** Structs that are required and yet pointers: validation must see that they are missing. */
const requiredPointers = new Set([
  ...["apps.v1.DaemonSetSpec.selector", "apps.v1.DeploymentSpec.selector", "apps.v1.ReplicaSetSpec.selector"],
  ...["apps.v1.StatefulSetSpec.selector", "networking.v1.IPAddressSpec.parentRef"],
  ...["core.v1.ScaleIOPersistentVolumeSource.secretRef", "core.v1.ScaleIOVolumeSource.secretRef"],
]);

/** Whether a struct field is there even when nobody wrote it; metadata, spec and status of every kind are. */
export function isAlwaysPresent(
  definition: string,
  field: string,
  { isKind, isRequired }: { readonly isKind: boolean; readonly isRequired: boolean },
): boolean {
  if (isKind && (field === "metadata" || field === "spec" || field === "status")) return true;
  const place = `${definition}.${field}`;
  return isRequired ? !requiredPointers.has(place) : presentStructs.has(place);
}

/** Named string types, as they stand in messages about a value of the wrong type. */
const namedStrings: Readonly<Record<string, string>> = {
  "core.v1.Container.imagePullPolicy": "v1.PullPolicy",
  "core.v1.Container.terminationMessagePolicy": "v1.TerminationMessagePolicy",
  "core.v1.ContainerPort.protocol": "v1.Protocol",
  "core.v1.PersistentVolumeSpec.persistentVolumeReclaimPolicy": "v1.PersistentVolumeReclaimPolicy",
  "core.v1.PodSpec.dnsPolicy": "v1.DNSPolicy",
  "core.v1.PodSpec.restartPolicy": "v1.RestartPolicy",
  "core.v1.Secret.type": "v1.SecretType",
  "core.v1.ServicePort.protocol": "v1.Protocol",
  "core.v1.ServiceSpec.type": "v1.ServiceType",
  "core.v1.Taint.effect": "v1.TaintEffect",
  "core.v1.Toleration.effect": "v1.TaintEffect",
  "core.v1.Toleration.operator": "v1.TolerationOperator",
  "apps.v1.DeploymentStrategy.type": "v1.DeploymentStrategyType",
  "batch.v1.CronJobSpec.concurrencyPolicy": "v1.ConcurrencyPolicy",
};

/** The Go type of a string field: `string` or its name. */
export function stringTypeName(definition: string, field: string): string {
  return namedStrings[`${definition}.${field}`] ?? "string";
}

/** The Go type of a definition: package and name, `v1.Container`. */
export function goTypeName(definition: string): string {
  return definition.split(".").slice(-2).join(".");
}
