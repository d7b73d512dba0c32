// How containers and sandboxes are marked in the engine, with the kubelet's names, so that a restarted agent finds its own.
import type { Container, EphemeralContainer, Pod } from "../../api/index.ts";

const podNameLabel = "io.kubernetes.pod.name";
const podNamespaceLabel = "io.kubernetes.pod.namespace";
export const podUidLabel = "io.kubernetes.pod.uid";
const containerNameLabel = "io.kubernetes.container.name";

const hashAnnotation = "io.kubernetes.container.hash";
const restartCountAnnotation = "io.kubernetes.container.restartCount";
const messagePathAnnotation = "io.kubernetes.container.terminationMessagePath";
const messagePolicyAnnotation = "io.kubernetes.container.terminationMessagePolicy";
const deletionGraceAnnotation = "io.kubernetes.pod.deletionGracePeriod";
const terminationGraceAnnotation = "io.kubernetes.pod.terminationGracePeriod";

type Words = Readonly<Record<string, string>>;

function podLabels(pod: Pod): Words {
  const { name, namespace, uid } = pod.metadata;
  return { [podNameLabel]: name, [podNamespaceLabel]: namespace ?? "", [podUidLabel]: uid };
}

export function sandboxLabels(pod: Pod): Words {
  return { ...pod.metadata.labels, ...podLabels(pod) };
}

export function containerLabels(pod: Pod, container: Container | EphemeralContainer): Words {
  return { ...podLabels(pod), [containerNameLabel]: container.name };
}

export interface ContainerIdentity {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly containerName: string;
}

/** Whose container has these labels; undefined for what the agent did not make. */
export function containerIdentity(labels: Words): ContainerIdentity | undefined {
  const {
    [podUidLabel]: uid,
    [podNameLabel]: name,
    [podNamespaceLabel]: namespace,
    [containerNameLabel]: containerName,
  } = labels;
  if (uid === undefined || name === undefined || namespace === undefined || containerName === undefined)
    return undefined;
  return { uid, name, namespace, containerName };
}

export function containerAnnotations(pod: Pod, container: Container | EphemeralContainer, attempt: number): Words {
  const { deletionGracePeriodSeconds } = pod.metadata;
  const { terminationGracePeriodSeconds } = pod.spec;
  return {
    [hashAnnotation]: containerHash(container),
    [restartCountAnnotation]: String(attempt),
    [messagePathAnnotation]: container.terminationMessagePath ?? "",
    [messagePolicyAnnotation]: container.terminationMessagePolicy ?? "",
    ...(deletionGracePeriodSeconds === undefined
      ? {}
      : { [deletionGraceAnnotation]: String(deletionGracePeriodSeconds) }),
    ...(terminationGracePeriodSeconds === undefined
      ? {}
      : { [terminationGraceAnnotation]: String(terminationGracePeriodSeconds) }),
  };
}

/** What was written at creation; undefined for a container that the agent did not make. */
export function hashOf(annotations: Words): string | undefined {
  return annotations[hashAnnotation];
}

export function restartCountOf(annotations: Words, attempt: number): number {
  const count = Number(annotations[restartCountAnnotation] ?? attempt);
  return Number.isInteger(count) && count >= 0 ? count : attempt;
}

/** The grace period that a pod had when the container was made; for pods that the API no longer knows. */
export function terminationGraceOf(annotations: Words): number | undefined {
  const text = annotations[deletionGraceAnnotation] ?? annotations[terminationGraceAnnotation];
  return text === undefined ? undefined : Number(text);
}

/** Changes when a container must be made anew: its name and image, the fields of a running pod that can change (FNV-1a, hexadecimal). */
export function containerHash(container: Container | EphemeralContainer): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(JSON.stringify([container.name, container.image]))) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return hash.toString(16);
}
