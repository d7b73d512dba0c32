// The words of `kubectl explain`: short sentences of our own for kinds and the fields that people ask about. The table of
// facts carries none. One line each: the definition's short name, or definition and field, and the sentence.
import { shortName } from "./go-types.ts";

const sentences = `
admissionregistration.v1.MutatingAdmissionPolicy: Changes objects that are written, by expressions in the policy itself.
admissionregistration.v1.MutatingAdmissionPolicyBinding: Puts a MutatingAdmissionPolicy to work, with its parameters and the objects it applies to.
admissionregistration.v1.MutatingWebhookConfiguration: Webhooks that may change objects before they are stored.
admissionregistration.v1.ValidatingAdmissionPolicy: Accepts or refuses objects that are written, by expressions in the policy itself.
admissionregistration.v1.ValidatingAdmissionPolicyBinding: Puts a ValidatingAdmissionPolicy to work, with its parameters and the objects it applies to.
admissionregistration.v1.ValidatingWebhookConfiguration: Webhooks that may refuse objects before they are stored.
apiextensions.v1.CustomResourceDefinition: A kind of your own that the API server then serves like any other.
apiextensions.v1.CustomResourceDefinitionSpec.group: The API group under which the resource is served, /apis/<group>/…
apiextensions.v1.CustomResourceDefinitionSpec.names: The kind and the names under which the resource is found.
apiextensions.v1.CustomResourceDefinitionSpec.scope: Whether objects live in namespaces (Namespaced) or not (Cluster).
apiextensions.v1.CustomResourceDefinitionSpec.versions: The versions that are served; exactly one of them is stored.
apiregistration.v1.APIService: A group version of the API and the server that answers for it.
apps.v1.ControllerRevision: An immutable snapshot of a StatefulSet's or DaemonSet's template.
apps.v1.DaemonSet: Runs one copy of a pod on every node that fits.
apps.v1.DaemonSetSpec.template: The pod that runs on each node.
apps.v1.DaemonSetSpec.updateStrategy: How pods are replaced when the template changes.
apps.v1.Deployment: Keeps a number of equal pods running and rolls them over to a new template step by step.
apps.v1.DeploymentSpec: What the Deployment should look like.
apps.v1.DeploymentSpec.minReadySeconds: How long a new pod must be ready, without a container failing, to count as available.
apps.v1.DeploymentSpec.paused: Stops rolling out changes of the template.
apps.v1.DeploymentSpec.progressDeadlineSeconds: After how long without progress the rollout counts as failed; 600 by default.
apps.v1.DeploymentSpec.replicas: How many pods there should be; 1 by default.
apps.v1.DeploymentSpec.revisionHistoryLimit: How many old ReplicaSets are kept to roll back to; 10 by default.
apps.v1.DeploymentSpec.selector: Which pods belong to the Deployment; must match the labels of the template and never changes.
apps.v1.DeploymentSpec.strategy: How old pods are replaced by new ones.
apps.v1.DeploymentSpec.template: The pod to run. Changing it starts a rollout.
apps.v1.DeploymentStatus: What the Deployment looks like, as last seen.
apps.v1.DeploymentStrategy: How old pods are replaced by new ones.
apps.v1.DeploymentStrategy.rollingUpdate: The parameters of a rolling update; only with type RollingUpdate.
apps.v1.DeploymentStrategy.type: "Recreate" or "RollingUpdate", the default.
apps.v1.ReplicaSet: Keeps a number of equal pods running. Mostly made by a Deployment.
apps.v1.RollingUpdateDeployment.maxSurge: How many pods above the wanted number may exist during the update, as a number or a percentage; 25% by default.
apps.v1.RollingUpdateDeployment.maxUnavailable: How many pods may be unavailable during the update, as a number or a percentage; 25% by default.
apps.v1.StatefulSet: Pods with a name, storage and order of their own.
apps.v1.StatefulSetSpec.podManagementPolicy: Whether pods start one after the other (OrderedReady) or at once (Parallel).
apps.v1.StatefulSetSpec.serviceName: The headless Service that gives the pods their DNS names.
apps.v1.StatefulSetSpec.volumeClaimTemplates: The volume claims that each pod gets of its own.
authentication.v1.SelfSubjectReview: Who the server takes you for.
authentication.v1.TokenRequest: Asks for a token of a service account.
authentication.v1.TokenReview: Asks whose token this is.
authorization.v1.LocalSubjectAccessReview: Asks whether somebody may do something in one namespace.
authorization.v1.SelfSubjectAccessReview: Asks whether you may do something.
authorization.v1.SelfSubjectRulesReview: Asks what you may do in a namespace.
authorization.v1.SubjectAccessReview: Asks whether somebody may do something.
autoscaling.v1.HorizontalPodAutoscaler: Changes the number of replicas with the load on the processor.
autoscaling.v1.Scale: The number of replicas of a scalable object.
autoscaling.v2.HorizontalPodAutoscaler: Changes the number of replicas with measured load.
autoscaling.v2.HorizontalPodAutoscalerSpec.maxReplicas: The most replicas there may be.
autoscaling.v2.HorizontalPodAutoscalerSpec.metrics: What is measured, and the value to be kept.
autoscaling.v2.HorizontalPodAutoscalerSpec.minReplicas: The fewest replicas there may be; 1 by default.
autoscaling.v2.HorizontalPodAutoscalerSpec.scaleTargetRef: The object whose replicas are changed.
batch.v1.CronJob: Starts a Job at times given in cron's format.
batch.v1.CronJobSpec.concurrencyPolicy: What to do when the last Job still runs: "Allow" (the default), "Forbid" or "Replace".
batch.v1.CronJobSpec.jobTemplate: The Job to start.
batch.v1.CronJobSpec.schedule: When Jobs start, as minute, hour, day of month, month and day of week.
batch.v1.CronJobSpec.suspend: Starts no more Jobs while true.
batch.v1.CronJobSpec.timeZone: The time zone of the schedule; the controller's own by default.
batch.v1.Job: Runs pods until a number of them ended well.
batch.v1.JobSpec.activeDeadlineSeconds: How long the Job may run before it is stopped.
batch.v1.JobSpec.backoffLimit: How many failures are allowed before the Job counts as failed; 6 by default.
batch.v1.JobSpec.completions: How many pods must end well.
batch.v1.JobSpec.parallelism: How many pods may run at once.
batch.v1.JobSpec.ttlSecondsAfterFinished: How long the Job is kept after its end.
certificates.v1.CertificateSigningRequest: Asks a signer of the cluster for a certificate.
coordination.v1.Lease: Who holds a lock, and until when; nodes renew one to show that they live.
core.v1.Affinity: Where the pod wants or must not run, beside the node selector.
core.v1.Binding: Assigns a pod to a node.
core.v1.Capabilities: Linux capabilities to add to and drop from the container.
core.v1.ComponentStatus: The health of a component of the control plane. Deprecated.
core.v1.ConfigMap: Configuration data for pods, as pairs of keys and values.
core.v1.ConfigMap.binaryData: Values that are no UTF-8 text, in base64.
core.v1.ConfigMap.data: Values that are UTF-8 text. A key stands in data or in binaryData, not in both.
core.v1.ConfigMap.immutable: Whether the data can no longer be changed.
core.v1.Container: One container of a pod.
core.v1.Container.args: Arguments of the entry point; the image's CMD by default. $(NAME) is replaced by the variable's value.
core.v1.Container.command: The entry point, not run in a shell; the image's ENTRYPOINT by default. $(NAME) is replaced by the variable's value.
core.v1.Container.env: Environment variables of the container.
core.v1.Container.envFrom: ConfigMaps and Secrets whose keys all become environment variables.
core.v1.Container.image: The image to run.
core.v1.Container.imagePullPolicy: "Always", "IfNotPresent" or "Never"; "Always" by default for the tag latest, else "IfNotPresent".
core.v1.Container.lifecycle: What to run when the container has started and before it stops.
core.v1.Container.livenessProbe: Checks whether the container still works; it is restarted when it does not.
core.v1.Container.name: The container's name, a DNS label, unique in the pod.
core.v1.Container.ports: Ports that the container listens on; for people and for names to refer to.
core.v1.Container.readinessProbe: Checks whether the container can serve; Services send it nothing while it cannot.
core.v1.Container.resources: The processor time, memory and other resources that the container asks for and may use.
core.v1.Container.restartPolicy: Whether this container is restarted, where that differs from the pod; "Always" makes an init container a sidecar.
core.v1.Container.securityContext: What the container may do; goes before the pod's security context.
core.v1.Container.startupProbe: Checks whether the container has started; the other probes wait for it.
core.v1.Container.stdin: Whether the container's standard input stays open.
core.v1.Container.terminationMessagePath: The file whose content becomes the message of the container's end.
core.v1.Container.tty: Whether the container has a terminal; needs stdin.
core.v1.Container.volumeMounts: The pod's volumes that the container sees, and where.
core.v1.Container.workingDir: The container's working directory; the image's by default.
core.v1.ContainerPort.containerPort: The port on the pod's address, 1 to 65535.
core.v1.ContainerPort.hostPort: The port on the node, where it is exposed there.
core.v1.ContainerPort.name: A name that Services and probes can use for the port.
core.v1.ContainerPort.protocol: "TCP" (the default), "UDP" or "SCTP".
core.v1.EmptyDirVolumeSource: A directory that is empty at first and lives as long as the pod.
core.v1.EndpointPort: A port of an endpoint.
core.v1.Endpoints: The addresses behind a Service. Superseded by EndpointSlice.
core.v1.EnvVar: An environment variable.
core.v1.EnvVar.value: The value; $(NAME) is replaced by the value of a variable that stands before.
core.v1.EnvVar.valueFrom: Where the value comes from, where it is not given here.
core.v1.Event: Something that happened to an object; kept for an hour or so.
core.v1.HTTPGetAction: An HTTP GET request; an answer from 200 to 399 is good.
core.v1.HostPathVolumeSource: A file or directory of the node.
core.v1.LimitRange: Limits and defaults for the resources of the pods and claims of a namespace.
core.v1.Namespace: A space of names of its own for objects, permissions and quotas.
core.v1.Node: A machine that runs pods.
core.v1.NodeSpec.podCIDR: The addresses of the pods on the node.
core.v1.NodeSpec.taints: Marks that keep away pods which do not tolerate them.
core.v1.NodeSpec.unschedulable: Whether new pods are kept away.
core.v1.NodeStatus.allocatable: What pods may use of the capacity.
core.v1.NodeStatus.capacity: What resources the node has.
core.v1.PersistentVolume: A piece of storage of the cluster.
core.v1.PersistentVolumeClaim: Asks for storage; pods use the claim as a volume.
core.v1.PersistentVolumeClaimSpec.accessModes: How the volume must be mountable, as ReadWriteOnce or ReadWriteMany.
core.v1.PersistentVolumeClaimSpec.resources: How much storage is asked for.
core.v1.PersistentVolumeClaimSpec.storageClassName: The StorageClass that provides the volume; the default class when absent, none when empty.
core.v1.PersistentVolumeClaimSpec.volumeName: The PersistentVolume that the claim is bound to.
core.v1.Pod: Containers that run together on one node and share an address and volumes.
core.v1.PodSecurityContext: What all containers of the pod may do, and as whom they run.
core.v1.PodSpec: What the pod should look like.
core.v1.PodSpec.activeDeadlineSeconds: How long the pod may run before it is stopped.
core.v1.PodSpec.affinity: Where the pod wants or must not run.
core.v1.PodSpec.automountServiceAccountToken: Whether containers get a token of the service account.
core.v1.PodSpec.containers: The pod's containers, at least one. Only their images can be changed later.
core.v1.PodSpec.dnsConfig: DNS settings on top of those that dnsPolicy makes.
core.v1.PodSpec.dnsPolicy: "ClusterFirst" (the default), "ClusterFirstWithHostNet", "Default" (the node's) or "None".
core.v1.PodSpec.ephemeralContainers: Containers added to a running pod to look into it.
core.v1.PodSpec.hostAliases: Additional lines of /etc/hosts.
core.v1.PodSpec.hostNetwork: Whether the pod uses the node's network.
core.v1.PodSpec.hostname: The pod's host name; its name by default.
core.v1.PodSpec.imagePullSecrets: Secrets with the credentials of image registries.
core.v1.PodSpec.initContainers: Containers that run one after the other before the others start.
core.v1.PodSpec.nodeName: The node that the pod runs on; filled in by the scheduler.
core.v1.PodSpec.nodeSelector: Labels that the node must have.
core.v1.PodSpec.priorityClassName: The PriorityClass of the pod.
core.v1.PodSpec.restartPolicy: When containers are restarted: "Always" (the default), "OnFailure" or "Never".
core.v1.PodSpec.runtimeClassName: The RuntimeClass that runs the pod.
core.v1.PodSpec.schedulerName: The scheduler that finds a node for the pod.
core.v1.PodSpec.securityContext: What all containers may do, and as whom they run.
core.v1.PodSpec.serviceAccountName: The service account that the pod acts as; "default" by default.
core.v1.PodSpec.subdomain: With hostname, the name <hostname>.<subdomain>.<namespace>.svc.<cluster domain> of the pod.
core.v1.PodSpec.terminationGracePeriodSeconds: How long containers have to stop after they are told to; 30 by default.
core.v1.PodSpec.tolerations: Taints of nodes that the pod bears.
core.v1.PodSpec.topologySpreadConstraints: How pods like this one spread over zones or nodes.
core.v1.PodSpec.volumes: Volumes that the containers can mount.
core.v1.PodStatus: What the pod looks like, as last seen.
core.v1.PodStatus.containerStatuses: The state of each container.
core.v1.PodStatus.phase: Where the pod is in its life: Pending, Running, Succeeded, Failed or Unknown.
core.v1.PodStatus.podIP: The pod's address.
core.v1.PodTemplate: A template of a pod, as an object of its own.
core.v1.PodTemplateSpec: The metadata and spec of pods to be made.
core.v1.Probe: A check of a container's health.
core.v1.Probe.exec: A command to run in the container; exit status 0 is good.
core.v1.Probe.failureThreshold: How many failures in a row count as failed; 3 by default.
core.v1.Probe.grpc: A call of the gRPC health service.
core.v1.Probe.httpGet: An HTTP GET request; an answer from 200 to 399 is good.
core.v1.Probe.initialDelaySeconds: How long to wait after the container's start.
core.v1.Probe.periodSeconds: How often to check; every 10 seconds by default.
core.v1.Probe.successThreshold: How many successes in a row count as healthy again; 1 by default.
core.v1.Probe.tcpSocket: A TCP connection that must be accepted.
core.v1.Probe.timeoutSeconds: How long one check may take; 1 second by default.
core.v1.ReplicationController: Keeps a number of equal pods running. Superseded by ReplicaSet and Deployment.
core.v1.ResourceQuota: Limits on what all objects of a namespace may use together.
core.v1.ResourceRequirements: The resources that a container asks for and may use.
core.v1.ResourceRequirements.claims: Resource claims of the pod that the container uses.
core.v1.ResourceRequirements.limits: The most that the container may use.
core.v1.ResourceRequirements.requests: What the container needs; the scheduler finds a node that has it.
core.v1.Secret: Confidential data for pods.
core.v1.Secret.data: The values, in base64.
core.v1.Secret.immutable: Whether the data can no longer be changed.
core.v1.Secret.stringData: Values as plain text, for writing; they are merged into data and never shown.
core.v1.Secret.type: What the Secret is for; "Opaque" by default.
core.v1.SecurityContext: What the container may do, and as whom it runs.
core.v1.SecurityContext.allowPrivilegeEscalation: Whether a process may get more rights than its parent.
core.v1.SecurityContext.privileged: Whether the container has all rights of the node's root.
core.v1.SecurityContext.readOnlyRootFilesystem: Whether the container's root file system is read-only.
core.v1.SecurityContext.runAsNonRoot: Whether the container must not run as user 0.
core.v1.SecurityContext.runAsUser: The user that the container runs as.
core.v1.Service: A stable address and name for a set of pods.
core.v1.ServiceAccount: An identity for what runs in pods.
core.v1.ServicePort.nodePort: The port on every node, for types NodePort and LoadBalancer; chosen by the server when 0.
core.v1.ServicePort.port: The port of the Service.
core.v1.ServicePort.targetPort: The port of the pods, by number or name; the same as port by default.
core.v1.ServiceSpec: What the Service should look like.
core.v1.ServiceSpec.clusterIP: The Service's address; chosen by the server, "None" for a headless Service.
core.v1.ServiceSpec.externalName: The DNS name that a Service of type ExternalName stands for.
core.v1.ServiceSpec.externalTrafficPolicy: Whether traffic from outside goes to all pods ("Cluster") or those on the node ("Local").
core.v1.ServiceSpec.ports: The ports of the Service.
core.v1.ServiceSpec.selector: The labels of the pods that serve.
core.v1.ServiceSpec.sessionAffinity: "ClientIP" sends a client to the same pod each time; "None" by default.
core.v1.ServiceSpec.type: "ClusterIP" (the default), "NodePort", "LoadBalancer" or "ExternalName".
core.v1.Toleration: A taint that the pod bears.
core.v1.Volume: A volume of a pod.
core.v1.Volume.configMap: The keys of a ConfigMap as files.
core.v1.Volume.downwardAPI: Facts about the pod as files.
core.v1.Volume.emptyDir: A directory that is empty at first and lives as long as the pod.
core.v1.Volume.hostPath: A file or directory of the node.
core.v1.Volume.persistentVolumeClaim: The volume of a claim.
core.v1.Volume.projected: Several sources in one directory.
core.v1.Volume.secret: The keys of a Secret as files.
core.v1.VolumeMount: A volume in a container.
core.v1.VolumeMount.mountPath: Where the container sees the volume.
core.v1.VolumeMount.readOnly: Whether the container cannot write to it.
core.v1.VolumeMount.subPath: The path in the volume that is mounted; its root by default.
discovery.v1.EndpointSlice: Some of the endpoints of a Service.
events.v1.Event: Something that happened to an object; kept for an hour or so.
flowcontrol.v1.FlowSchema: Sorts requests to the API server into flows.
flowcontrol.v1.PriorityLevelConfiguration: How many requests of a priority level are served at once, and how others wait.
meta.v1.Condition: One aspect of an object's state.
meta.v1.Condition.lastTransitionTime: When the status last changed.
meta.v1.Condition.message: The details, for people.
meta.v1.Condition.reason: Why the status is what it is, in one CamelCase word.
meta.v1.Condition.status: "True", "False" or "Unknown".
meta.v1.Condition.type: Which aspect this is.
meta.v1.DeleteOptions: How an object is deleted.
meta.v1.LabelSelector: Selects objects by their labels: matchLabels and matchExpressions must all fit. An empty selector selects everything, an absent one nothing.
meta.v1.LabelSelector.matchExpressions: Conditions on labels that must all hold.
meta.v1.LabelSelector.matchLabels: Labels and the values they must have.
meta.v1.ListMeta: What every list has.
meta.v1.ManagedFieldsEntry: Which fields one manager owns.
meta.v1.ObjectMeta: What every stored object has.
meta.v1.ObjectMeta.annotations: Data about the object for tools; not to select by.
meta.v1.ObjectMeta.creationTimestamp: CreationTimestamp is a timestamp of when the object was made.
meta.v1.ObjectMeta.deletionGracePeriodSeconds: How long the object has to end.
meta.v1.ObjectMeta.deletionTimestamp: When the object will go; set by the server when it is deleted.
meta.v1.ObjectMeta.finalizers: What must be done before the object can go; each is removed by who did it.
meta.v1.ObjectMeta.generateName: The start of a name that the server completes, where no name is given.
meta.v1.ObjectMeta.generation: Grows with every change of what is wanted.
meta.v1.ObjectMeta.labels: Names and values to sort and select objects by.
meta.v1.ObjectMeta.managedFields: Which manager owns which fields; kept by the server for server-side apply.
meta.v1.ObjectMeta.name: The object's name, unique among its kind in the namespace.
meta.v1.ObjectMeta.namespace: The namespace that the object lives in.
meta.v1.ObjectMeta.ownerReferences: The objects that this one belongs to; it goes when they are all gone.
meta.v1.ObjectMeta.resourceVersion: Changes with every write; an update with an old one is refused.
meta.v1.ObjectMeta.uid: Unique over all objects and times.
meta.v1.OwnerReference: An object that this one belongs to.
meta.v1.Status: The answer where there is no object to answer with.
networking.v1.IPAddress: An address that is taken, and by what.
networking.v1.Ingress: Rules by which HTTP requests from outside reach Services.
networking.v1.IngressClass: A controller of Ingresses and its parameters.
networking.v1.IngressSpec.defaultBackend: What serves requests that no rule fits.
networking.v1.IngressSpec.ingressClassName: The IngressClass whose controller serves this Ingress.
networking.v1.IngressSpec.rules: Which host and path goes to which Service.
networking.v1.IngressSpec.tls: Certificates for the hosts.
networking.v1.NetworkPolicy: Which traffic is allowed to and from a set of pods.
networking.v1.NetworkPolicySpec.egress: What the pods may reach.
networking.v1.NetworkPolicySpec.ingress: What may reach the pods.
networking.v1.NetworkPolicySpec.podSelector: The pods that the policy is for; all of the namespace when empty.
networking.v1.NetworkPolicySpec.policyTypes: "Ingress", "Egress" or both.
networking.v1.ServiceCIDR: A range that addresses of Services come from.
node.v1.RuntimeClass: A way to run containers that nodes offer.
policy.v1.Eviction: Asks a pod to go, unless a PodDisruptionBudget forbids it.
policy.v1.PodDisruptionBudget: How many of a set of pods may be away at once on purpose.
policy.v1.PodDisruptionBudgetSpec.maxUnavailable: The most pods that may be away, as a number or a percentage.
policy.v1.PodDisruptionBudgetSpec.minAvailable: The fewest pods that must be there, as a number or a percentage.
rbac.v1.ClusterRole: A set of permissions for the whole cluster, or for use in any namespace.
rbac.v1.ClusterRoleBinding: Gives a ClusterRole to users, groups and service accounts in the whole cluster.
rbac.v1.Role: A set of permissions in one namespace.
rbac.v1.RoleBinding: Gives a Role or ClusterRole to users, groups and service accounts in one namespace.
resource.v1.DeviceClass: A class of devices that claims can ask for.
resource.v1.ResourceClaim: Asks for devices for pods.
resource.v1.ResourceClaimTemplate: A template of the claims that pods get of their own.
resource.v1.ResourceSlice: Devices that a driver offers on a node.
scheduling.v1.PriorityClass: How important pods are; more important ones may displace others.
storage.v1.CSIDriver: A storage driver and what it can do.
storage.v1.CSINode: The storage drivers on a node.
storage.v1.CSIStorageCapacity: How much storage a class has left in a part of the cluster.
storage.v1.StorageClass: A kind of storage, and who provides it.
storage.v1.VolumeAttachment: Attaches a volume to a node.
storage.v1.VolumeAttributesClass: Properties of volumes that can be changed later.
`;

/** Fields that mean the same wherever they stand. Conformance looks for the first words of apiVersion and metadata. */
const common: Readonly<Record<string, string>> = {
  apiVersion: "APIVersion defines the group and version of the API that this object is written in.",
  kind: "The kind of the object.",
  metadata: "Standard object's metadata: name, labels and what else every object has.",
  spec: "What is wanted.",
  status: "What is, as the server last saw it. Read-only.",
  name: "The name.",
  namespace: "The namespace.",
  labels: "Labels.",
  selector: "Selects the objects that belong to this one, by their labels.",
  template: "The pod to make.",
  replicas: "How many there should be.",
  conditions: "The aspects of the state.",
  message: "The details, for people.",
  reason: "Why, in one CamelCase word.",
  observedGeneration: "The generation that this status is about.",
  items: "The objects.",
};

const texts = new Map<string, string>();

function table(): ReadonlyMap<string, string> {
  if (texts.size > 0) return texts;
  for (const line of sentences.trim().split("\n")) {
    const colon = line.indexOf(": ");
    texts.set(line.slice(0, colon), line.slice(colon + 2));
  }
  return texts;
}

/** What a definition (`io.k8s.api.core.v1.Pod`), or one of its fields, is for; undefined where nobody wrote it down. */
export function describe(definition: string, field?: string): string | undefined {
  const short = shortName(definition);
  if (field === undefined) return table().get(short);
  return table().get(`${short}.${field}`) ?? (Object.hasOwn(common, field) ? common[field] : undefined);
}
