import type { Pod } from "../api/index.ts";
import type { ObjectKey } from "../client/index.ts";

export function objectKeyOf({ metadata: { namespace, name } }: Pod): ObjectKey {
  return { name, ...(namespace === undefined ? {} : { namespace }) };
}

/** The pod with its kind, which events refer to and lists leave out. */
export function asPod(pod: Pod): Pod {
  return pod.kind === undefined ? { ...pod, apiVersion: "v1", kind: "Pod" } : pod;
}

export function priorityOf(pod: Pod): number {
  return pod.spec.priority ?? 0;
}
