// Since when what is new in a service's endpoints has been so, for whoever measures how long it takes to reach the nodes:
// TriggerTimeTracker of k8s.io/endpointslice/util.
import { type Pod, podCondition, type Service } from "../api/index.ts";
import { type Key, keyOf } from "../client/index.ts";
import { timestamp } from "../lib/index.ts";

const annotation = "endpoints.kubernetes.io/last-change-trigger-time";

interface Times {
  readonly serviceMs: number;
  /** By pod, when it became ready or ceased to be. */
  readonly podMs: ReadonlyMap<string, number>;
}

export class TriggerTimes {
  readonly #known = new Map<Key, Times>();

  /** When the first of what was not known of the service and its pods happened; undefined when nothing is new. */
  next(service: Service, pods: readonly Pod[]): number | undefined {
    const key = keyOf(service);
    const known = this.#known.get(key);
    const serviceMs = Date.parse(service.metadata.creationTimestamp);
    const podMs = new Map<string, number>();
    let firstMs = serviceMs > (known?.serviceMs ?? 0) ? serviceMs : Number.POSITIVE_INFINITY;
    for (const pod of pods) {
      const { name } = pod.metadata;
      const sinceMs = Date.parse(podCondition(pod, "Ready")?.lastTransitionTime ?? "");
      if (Number.isNaN(sinceMs)) continue;
      podMs.set(name, sinceMs);
      if (sinceMs > (known?.podMs.get(name) ?? 0)) firstMs = Math.min(firstMs, sinceMs);
    }
    this.#known.set(key, { serviceMs, podMs });
    if (!known) return serviceMs;
    return Number.isFinite(firstMs) ? firstMs : undefined;
  }

  forget(key: Key): void {
    this.#known.delete(key);
  }
}

/** The metadata with that time as annotation, or without that of an earlier change. */
export function withTriggerTime<T extends { readonly annotations?: Readonly<Record<string, string>> }>(
  metadata: T,
  triggerMs: number | undefined,
): T {
  const { annotations, ...rest } = metadata;
  const { [annotation]: _earlier, ...others } = annotations ?? {};
  const next = triggerMs === undefined ? others : { ...others, [annotation]: timestamp(triggerMs) };
  // What T has besides annotations is in `rest`.
  return (Object.keys(next).length === 0 ? rest : { ...rest, annotations: next }) as T;
}
