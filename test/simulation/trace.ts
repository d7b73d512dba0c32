// One line for each write of an object, with what is looked for in a history: for `--trace web-8`.
import { type Deployment, type KubeObject, type Pod, podCondition } from "roder";
import { asked, kindOf } from "./invariants/index.ts";

/** What was written, and by whom; undefined where the name does not begin so. */
export function traced(prefix: string, key: string, object: KubeObject | undefined): string | undefined {
  const name = key.slice(key.lastIndexOf("/") + 1);
  if (!name.startsWith(prefix)) return undefined;
  const kind = kindOf(key);
  if (kind === "events" || kind === "endpointslices") return undefined;
  const { by, subresource } = asked() ?? {};
  const who = `${by?.replace("system:serviceaccount:kube-system:", "")}${subresource ? ` (${subresource})` : ""}`;
  if (!object) return `  ${kind} ${name} is gone, by ${who}`;
  const { deletionTimestamp, finalizers, generation } = object.metadata;
  const isGoing = deletionTimestamp === undefined ? "" : ` deleted ${deletionTimestamp} ${finalizers ?? ""}`;
  return `  ${kind} ${name} by ${who}:${isGoing} ${kind === "pods" ? ofPod(object as Pod) : `${generation} ${ofOther(object)}`}`;
}

function ofPod(pod: Pod): string {
  const ready = podCondition(pod, "Ready");
  const { image } = pod.spec.containers[0] ?? {};
  return `${pod.status.phase} ready ${ready?.status} since ${ready?.lastTransitionTime} on ${pod.spec.nodeName} ${image}`;
}

function ofOther(object: KubeObject): string {
  const { spec, status } = object as Deployment; // what it does not have is undefined
  return JSON.stringify({ replicas: spec?.replicas, ...status, conditions: undefined });
}
