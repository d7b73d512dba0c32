// What Kubernetes fills into pods and pod templates: k8s.io/kubernetes/pkg/apis/core/v1/defaults.go.
import type { Draft } from "../../lib/index.ts";
import { formatQuantity } from "../meta/quantity.ts";
import { isSettled } from "../schema/settled-values.ts";
import type {
  Container,
  EphemeralContainer,
  HTTPGetAction,
  Pod,
  PodSpec,
  PodTemplateSpec,
  Probe,
  Quantity,
  ResourceRequirements,
} from "../types.generated.ts";
import { defaultPullPolicy } from "./image-reference.ts";
import { aggregateContainerLimits, aggregateContainerRequests, isPodLevelResource } from "./pod-resources.ts";
import { roundUpAmounts } from "./resource-list.ts";
import { defaultVolume } from "./volume-defaults.ts";

/** What a pod has beyond what its template has. */
export function defaultPod(pod: Draft<Pod>): void {
  defaultPodSpec(pod.spec);
  const { spec, status } = pod;
  for (const container of [...spec.containers, ...(spec.initContainers ?? [])]) {
    if (container.resources) defaultRequests(container.resources);
    if (spec.hostNetwork) for (const port of container.ports ?? []) port.hostPort ||= port.containerPort;
  }
  if (spec.resources) defaultPodLevelResources(spec, spec.resources);
  // Of a pod alone: a template keeps what it has (k8s.io/kubernetes/pkg/apis/core/v1/conversion.go).
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) spec.terminationGracePeriodSeconds = 1;
  spec.enableServiceLinks ??= true;
  if (status.podIPs?.[0]) status.podIP = status.podIPs[0].ip ?? "";
  else if (status.podIP) status.podIPs = [{ ip: status.podIP }];
}

/** The template of a workload; its spec is there afterwards. */
export function defaultPodTemplate(template: Draft<PodTemplateSpec>): void {
  if (isSettled(template)) return;
  template.metadata ??= {};
  template.spec ??= { containers: [] };
  defaultPodSpec(template.spec);
}

function defaultPodSpec(spec: Draft<PodSpec>): void {
  spec.containers ??= [];
  spec.dnsPolicy ||= "ClusterFirst";
  spec.restartPolicy ||= "Always";
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  spec.schedulerName ||= "default-scheduler";
  // The deprecated name of the field always says the same.
  const serviceAccountName = spec.serviceAccountName || spec.serviceAccount;
  if (serviceAccountName) {
    spec.serviceAccountName = serviceAccountName;
    spec.serviceAccount = serviceAccountName;
  }
  roundUpAmounts(spec.overhead);
  roundUpAmounts(spec.resources?.limits);
  roundUpAmounts(spec.resources?.requests);
  for (const volume of spec.volumes ?? []) defaultVolume(volume);
  for (const container of spec.initContainers ?? []) defaultContainer(container);
  for (const container of spec.containers) defaultContainer(container);
  for (const container of spec.ephemeralContainers ?? []) defaultContainer(container);
}

function defaultContainer(container: Draft<Container> | Draft<EphemeralContainer>): void {
  container.imagePullPolicy ||= defaultPullPolicy(container.image);
  container.terminationMessagePath ||= "/dev/termination-log";
  container.terminationMessagePolicy ||= "File";
  container.resources ??= {};
  roundUpAmounts(container.resources.limits);
  roundUpAmounts(container.resources.requests);
  for (const port of container.ports ?? []) port.protocol ||= "TCP";
  for (const { valueFrom } of container.env ?? []) {
    if (valueFrom?.fieldRef) valueFrom.fieldRef.apiVersion ||= "v1";
    if (valueFrom?.resourceFieldRef) valueFrom.resourceFieldRef.divisor ??= "0";
    if (valueFrom?.fileKeyRef) valueFrom.fileKeyRef.optional ??= false;
  }
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe])
    if (probe) defaultProbe(probe);
  for (const handler of [container.lifecycle?.postStart, container.lifecycle?.preStop])
    if (handler?.httpGet) defaultHttpGet(handler.httpGet);
}

function defaultProbe(probe: Draft<Probe>): void {
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  if (probe.httpGet) defaultHttpGet(probe.httpGet);
  if (probe.grpc) probe.grpc.service ??= "";
}

function defaultHttpGet(action: Draft<HTTPGetAction>): void {
  action.path ||= "/";
  action.scheme ||= "HTTP";
}

/** What is limited but not asked for is asked for up to its limit. */
function defaultRequests(resources: Draft<ResourceRequirements>): void {
  if (!resources.limits) return;
  resources.requests = { ...resources.limits, ...resources.requests };
}

/**
 * A pod with limits as a whole has those of huge pages that its containers have together. It asks for what its
 * containers ask for together, and for its limits where they ask for nothing. https://git.k8s.io/enhancements/keps/sig-node/2837-pod-level-resource-spec
 */
function defaultPodLevelResources(spec: Draft<PodSpec>, resources: Draft<ResourceRequirements>): void {
  const limits: Record<string, Quantity> = { ...resources.limits };
  if (Object.keys(limits).length === 0) return;
  for (const [name, amount] of aggregateContainerLimits({ spec }))
    if (name.startsWith("hugepages-")) limits[name] ??= formatQuantity(amount);
  resources.limits = limits;
  const requests: Record<string, Quantity> = { ...resources.requests };
  for (const [name, amount] of aggregateContainerRequests({ spec }))
    if (isPodLevelResource(name) && !name.startsWith("hugepages-")) requests[name] ??= formatQuantity(amount);
  for (const [name, limit] of Object.entries(limits)) if (isPodLevelResource(name)) requests[name] ??= limit;
  if (Object.keys(requests).length > 0) resources.requests = requests;
}
