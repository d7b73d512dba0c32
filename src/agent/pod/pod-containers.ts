import { type Container, type EphemeralContainer, isRestartableInitContainer, type Pod } from "../../api/index.ts";

/** What a container is to its pod: `init` runs to its end before the next, `sidecar` is an init container that stays. */
export type ContainerKind = "init" | "sidecar" | "app" | "ephemeral";

export interface PodContainer {
  readonly kind: ContainerKind;
  /** An ephemeral container has every field of a container; `targetContainerName` only it has. */
  readonly spec: Container | EphemeralContainer;
}

export function initContainersOf(pod: Pod): PodContainer[] {
  return (pod.spec.initContainers ?? []).map((spec) => ({
    kind: isRestartableInitContainer(spec) ? "sidecar" : "init",
    spec,
  }));
}

export function appContainersOf(pod: Pod): PodContainer[] {
  return pod.spec.containers.map((spec) => ({ kind: "app", spec }));
}

export function ephemeralContainersOf(pod: Pod): PodContainer[] {
  return (pod.spec.ephemeralContainers ?? []).map((spec) => ({ kind: "ephemeral", spec }));
}

/** Every container that the pod names: init containers first, ephemeral ones last. */
export function containersOf(pod: Pod): PodContainer[] {
  return [...initContainersOf(pod), ...appContainersOf(pod), ...ephemeralContainersOf(pod)];
}

export function findContainer(pod: Pod, name: string): PodContainer | undefined {
  return containersOf(pod).find((each) => each.spec.name === name);
}

/** The field of the pod that a container's events are about, as Kubernetes writes it. */
export function fieldPathOf(container: PodContainer): string {
  const list = {
    init: "initContainers",
    sidecar: "initContainers",
    app: "containers",
    ephemeral: "ephemeralContainers",
  };
  return `spec.${list[container.kind]}{${container.spec.name}}`;
}

/** `name_namespace(uid)`, by which the kubelet's messages name a pod. */
export function describePod(pod: Pod): string {
  return `${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`;
}
