// Who selects whom by labels, found without asking everybody in the namespace.
import { type KubeObject, type Pod, Pods, type ResourceReference } from "../api/index.ts";
import type { Cache, IndexDefinition, Key } from "../client/index.ts";

type Labels = Readonly<Record<string, string>>;

const byLabel = "labels";
const bySelector = "selector";

/** Neither part has a line break in it. */
const fileName = (namespace = "", key = "", value = "") => `${namespace}\n${key}\n${value}`;

/** The index of pods by each of their labels: `podsWith` reads it. */
export const podsByLabel: IndexDefinition<Pod> = {
  resource: Pods,
  name: byLabel,
  values: ({ metadata }: Pod) =>
    Object.entries(metadata.labels ?? {}).map(([key, value]) => fileName(metadata.namespace, key, value)),
};

/** The pods of a namespace that have the rarest of these labels: all that have all of them are there. */
export function podsWith(cache: Cache, namespace: string, labels: Labels | undefined): readonly Pod[] {
  let fewest: readonly Pod[] | undefined;
  for (const [key, value] of Object.entries(labels ?? {})) {
    const found = cache.byIndex(Pods, byLabel, fileName(namespace, key, value));
    if (!fewest || found.length < fewest.length) fewest = found;
  }
  return fewest ?? cache.list(Pods, namespace);
}

/** The index of what selects pods, by one of the labels that it asks for: who lacks that is not selected. */
export function selectorIndex<T extends KubeObject>(
  resource: ResourceReference<T>,
  labelsOf: (object: T) => Labels | undefined,
): IndexDefinition<T> {
  return {
    resource,
    name: bySelector,
    values: (object: T) => {
      const [first = []] = Object.entries(labelsOf(object) ?? {});
      return [fileName(object.metadata.namespace, ...first)];
    },
  };
}

/** The objects among which all are that select this one; of a kind with a `selectorIndex`. */
export function* candidatesFor<T extends KubeObject>(
  cache: Cache,
  resource: ResourceReference<T>,
  { metadata: { namespace, labels } }: KubeObject,
): Iterable<T> {
  for (const [key, value] of Object.entries(labels ?? {}))
    yield* cache.byIndex(resource, bySelector, fileName(namespace, key, value));
  yield* cache.byIndex(resource, bySelector, fileName(namespace));
}

/** The keys that `keysOf` gives for what an object is and for what it was: who lost it is to know as well. */
export function nowAndBefore<T extends KubeObject>(
  keysOf: (object: T) => Iterable<Key>,
): (object: T, cache: Cache, old: T | undefined) => Iterable<Key> {
  return (object, _cache, old) => (old ? [...keysOf(object), ...keysOf(old)] : keysOf(object));
}
