import {
  type Container,
  type ContainerStatus,
  type Pod,
  type PodSpec,
  podRequests,
  servingContainers,
  type Volume,
} from "../api/index.ts";
import { deepEqual, formatJson } from "../lib/index.ts";
import { type Amounts, amountsOf, assumedRequests } from "./amounts.ts";

export interface HostPort {
  readonly hostIP: string;
  readonly protocol: string;
  readonly port: number;
}

/**
 * Everything that scheduling reads of a pod's spec. Pods of one template have the same shape, one object: it is worked
 * out once, and a plan for one of them is most of a plan for the next.
 */
export interface PodShape {
  /** Different for each shape, and never given twice. */
  readonly id: number;
  /** The fields that are in the shape's identity and no others. */
  readonly spec: PodSpec;
  readonly requests: Amounts;
  /** The requests for rankings: containers that ask for nothing count for something. */
  readonly assumedRequests: Amounts;
  readonly hostPorts: readonly HostPort[];
  /** The images of containers, init containers and volumes, each with its tag. */
  readonly images: readonly string[];
  /** For how many containers there are images: in v1.35 those of volumes do not raise what counts as the full cost. */
  readonly imageContainers: number;
  /** The nodes that the required node affinity names; undefined when it names none. */
  readonly nodeNames: ReadonlySet<string> | undefined;
  /** Whether the pod wants to be near to other pods, or apart from them. */
  readonly hasAffinityTerms: boolean;
  /** Whether the pod wants to be spread with others. */
  readonly hasSpreadConstraints: boolean;
}

/** The shapes that are remembered; more than templates in a large cluster. */
const shapesMax = 5_000;

/** Gives each pod its shape, the same object for the same shape. */
export class PodShapes {
  readonly #shapes = new Map<string, PodShape>();
  #lastId = 0;

  /** `before` is an earlier version of the pod, with its shape. */
  of(pod: Pod, before?: { readonly pod: Pod; readonly shape: PodShape }): PodShape {
    // The generation counts the versions of the spec; what a status says counts only where containers were resized.
    const { generation } = pod.metadata;
    const isSame = generation !== undefined && before?.pod.metadata.generation === generation;
    if (isSame && !reportsResources(pod) && !reportsResources(before.pod)) return before.shape;
    const key = identityOf(pod);
    let shape = this.#shapes.get(key);
    if (shape === undefined) {
      // Forgetting costs only that the next pod's plan starts from nothing.
      if (this.#shapes.size >= shapesMax) this.#shapes.clear();
      shape = shapeOf(pod, ++this.#lastId);
      this.#shapes.set(key, shape);
    }
    return shape;
  }
}

/** A text that is the same for pods between which no rule can tell the difference. */
function identityOf(pod: Pod): string {
  const { spec, metadata } = pod;
  const volumes = spec.volumes?.filter(mattersToNodes) ?? [];
  const hasClaims = volumes.length > 0 || (spec.resourceClaims ?? []).length > 0;
  return formatJson([
    spec.containers.map(identityOfContainer),
    spec.initContainers?.map(identityOfContainer),
    spec.nodeSelector,
    spec.affinity,
    spec.tolerations,
    spec.topologySpreadConstraints,
    spec.overhead,
    spec.resources?.requests,
    spec.preemptionPolicy,
    spec.priority,
    resizedRequests(pod),
    volumeImages(spec),
    // Claims are named within a namespace; those made for one pod are named for it.
    ...(hasClaims ? [volumes, spec.resourceClaims, metadata.namespace, isOwnClaim(spec) ? metadata.name : ""] : []),
  ]);
}

/** Whether the pod's status says what its containers have. */
function reportsResources({ status }: Pod): boolean {
  return status?.containerStatuses !== undefined || status?.initContainerStatuses !== undefined;
}

/** What the pod counts for while what its containers have is not what its spec asks for. */
function resizedRequests(pod: Pod): unknown {
  if (!reportsResources(pod)) return undefined;
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const isResized = (containers: readonly Container[], statuses: readonly ContainerStatus[]) =>
    statuses.some(({ name, resources, allocatedResources }) => {
      if (resources === undefined) return false;
      const wanted = containers.find((container) => container.name === name)?.resources?.requests;
      return !deepEqual(wanted, resources.requests) || !deepEqual(wanted, allocatedResources ?? wanted);
    });
  const { containers, initContainers = [] } = pod.spec;
  if (!isResized(containers, containerStatuses) && !isResized(initContainers, initContainerStatuses)) return undefined;
  const { others, ...amounts } = amountsOf(podRequests(pod));
  return [amounts, [...others]];
}

/** The images that are mounted. */
function volumeImages({ volumes = [] }: PodSpec): string[] {
  return volumes.flatMap(({ image }) => image?.reference || []);
}

/** Whether a volume may be had on some nodes only, or for a limited number of pods. */
function mattersToNodes(volume: Volume): boolean {
  return (
    volume.persistentVolumeClaim !== undefined ||
    volume.ephemeral !== undefined ||
    volume.csi !== undefined ||
    volume.gcePersistentDisk !== undefined ||
    volume.awsElasticBlockStore !== undefined ||
    volume.iscsi !== undefined ||
    volume.rbd !== undefined
  );
}

/** Whether a claim is made for this pod alone. */
function isOwnClaim({ volumes = [], resourceClaims = [] }: PodSpec): boolean {
  return volumes.some(({ ephemeral }) => ephemeral) || resourceClaims.some((claim) => claim.resourceClaimTemplateName);
}

function identityOfContainer({ resources, ports, image, restartPolicy }: Container): unknown {
  return [resources?.requests, ports?.filter((port) => port.hostPort), image, restartPolicy];
}

function shapeOf(pod: Pod, id: number): PodShape {
  const { spec } = pod;
  const { podAffinity, podAntiAffinity } = spec.affinity ?? {};
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  return {
    id,
    spec,
    requests: amountsOf(podRequests(pod)),
    assumedRequests: assumedRequests(pod),
    hostPorts: hostPortsOf(pod),
    images: [...containers.flatMap(({ image }) => image || []), ...volumeImages(spec)].map(imageWithTag),
    imageContainers: containers.length,
    nodeNames: namedNodes(spec),
    hasAffinityTerms: podAffinity !== undefined || podAntiAffinity !== undefined,
    hasSpreadConstraints: (spec.topologySpreadConstraints ?? []).length > 0,
  };
}

function hostPortsOf(pod: Pod): HostPort[] {
  return servingContainers(pod).flatMap((container) =>
    (container.ports ?? [])
      .filter((port) => (port.hostPort ?? 0) > 0)
      .map((port) => ({
        hostIP: port.hostIP || "0.0.0.0",
        protocol: port.protocol || "TCP",
        port: port.hostPort as number, // filtered above
      })),
  );
}

/** An image reference as nodes report it: one without a tag means latest. */
function imageWithTag(image: string): string {
  return image.lastIndexOf(":") <= image.lastIndexOf("/") ? `${image}:latest` : image;
}

/**
 * The nodes that every term of the required node affinity names by metadata.name, as DaemonSets do for each of their
 * pods. A term that names none allows others.
 */
function namedNodes(spec: PodSpec): ReadonlySet<string> | undefined {
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  if (terms === undefined || terms.length === 0) return undefined;
  const names = new Set<string>();
  for (const term of terms) {
    const named = (term.matchFields ?? []).filter((field) => field.key === "metadata.name" && field.operator === "In");
    const [first, ...rest] = named;
    if (first === undefined) return undefined;
    for (const name of first.values ?? []) if (rest.every((field) => field.values?.includes(name))) names.add(name);
  }
  return names;
}
