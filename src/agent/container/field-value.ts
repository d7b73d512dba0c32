// What the downward API tells a container of its pod. https://kubernetes.io/docs/concepts/workloads/pods/downward-api/
import {
  type Container,
  type EphemeralContainer,
  isPodLevelResource,
  type Pod,
  type Quantity,
  quantityMilliValue,
  quantitySign,
  quantityValue,
  type ResourceFieldSelector,
} from "../../api/index.ts";

export interface PodAddresses {
  readonly podIps: readonly string[];
  readonly hostIps: readonly string[];
}

/** The value of a fieldRef; throws for a path that the downward API does not have. */
export function fieldValue(pod: Pod, path: string, { podIps, hostIps }: PodAddresses): string {
  const { metadata, spec } = pod;
  const subscript = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path);
  if (subscript) {
    const map = metadata[subscript[1] as "labels" | "annotations"];
    return map && Object.hasOwn(map, subscript[2]!) ? map[subscript[2]!]! : "";
  }
  switch (path) {
    case "metadata.name":
      return metadata.name;
    case "metadata.namespace":
      return metadata.namespace ?? "";
    case "metadata.uid":
      return metadata.uid;
    case "metadata.labels":
      return mapLines(metadata.labels);
    case "metadata.annotations":
      return mapLines(metadata.annotations);
    case "spec.nodeName":
      return spec.nodeName ?? "";
    case "spec.serviceAccountName":
      return spec.serviceAccountName ?? "";
    case "status.hostIP":
      return hostIps[0] ?? "";
    case "status.hostIPs":
      return hostIps.join(",");
    case "status.podIP":
      return podIps[0] ?? "";
    case "status.podIPs":
      return podIps.join(",");
    default:
      throw new Error(`unsupported fieldPath: ${path}`);
  }
}

/** `key="value"` lines in the order of the keys, the value as Go's %q writes it. */
function mapLines(map: Readonly<Record<string, string>> | undefined): string {
  return Object.keys(map ?? {})
    .sort()
    .map((key) => `${key}=${JSON.stringify(map![key])}`)
    .join("\n");
}

/** The value of a resourceFieldRef in units of its divisor, rounded up; a limit that is not set is the pod's, or what the node has. */
export function resourceFieldValue(
  pod: Pod,
  container: Container | EphemeralContainer | undefined,
  { resource, divisor, containerName }: ResourceFieldSelector,
  allocatable: Readonly<Record<string, Quantity>>,
): string {
  const of = containerName
    ? [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].find((each) => each.name === containerName)
    : container;
  if (!of) throw new Error(`container ${containerName ?? ""} not found`);
  const [kind, name = ""] = resource.split(/\.(.*)/);
  if ((kind !== "limits" && kind !== "requests") || name === "")
    throw new Error(`unsupported container resource : ${resource}`);
  const own = of.resources?.[kind]?.[name] ?? "0";
  // A limit of nothing is none: then that of the pod holds, or else what the node has.
  const quantity = kind === "limits" && quantitySign(own) === 0 ? (limitAround(pod, name, allocatable) ?? own) : own;
  const unit = divisor === undefined || divisor === "0" ? "1" : divisor;
  if (name === "cpu") return String(Math.ceil(quantityMilliValue(quantity) / quantityMilliValue(unit)));
  return String(Math.ceil(quantityValue(quantity) / quantityValue(unit)));
}

function limitAround(pod: Pod, name: string, allocatable: Readonly<Record<string, Quantity>>): Quantity | undefined {
  const ofPod = isPodLevelResource(name) ? pod.spec.resources?.limits?.[name] : undefined;
  return ofPod !== undefined && quantitySign(ofPod) !== 0 ? ofPod : allocatable[name];
}
