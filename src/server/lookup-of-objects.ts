import type { KubeObject, NewObject, ResourceDefinition } from "../api/index.ts";
import { deepFreeze } from "../lib/index.ts";
import { objectKey, resourcePrefix } from "../storage/index.ts";
import type { Index, Lookup } from "./lookup.ts";

/** A lookup over objects that are put into it, without a store: tests of the guards say with it what the cluster holds. */
export class ObjectLookup implements Lookup {
  #objects = new Map<string, KubeObject>();
  #lastChange = new Map<string, number>();
  #revision = 0;
  #waiting: (() => void)[] = [];

  /** Stores the object; the metadata that a server gives is filled in. */
  put<T extends KubeObject>(definition: ResourceDefinition<T>, object: NewObject<T>): this {
    const { namespace, name = "" } = object.metadata;
    const resourceVersion = String(++this.#revision);
    const metadata = {
      uid: `uid-${name}`,
      creationTimestamp: "2026-01-01T00:00:00Z",
      ...object.metadata,
      resourceVersion,
    };
    // A new object with its metadata completed is what a store would hold of that kind.
    this.#objects.set(objectKey(definition, namespace, name), deepFreeze({ ...object, metadata } as unknown as T));
    this.#lastChange.set(resourcePrefix(definition), this.#revision);
    for (const wake of this.#waiting.splice(0)) wake();
    return this;
  }

  remove<T extends KubeObject>(definition: ResourceDefinition<T>, namespace: string | undefined, name: string): this {
    this.#objects.delete(objectKey(definition, namespace, name));
    this.#lastChange.set(resourcePrefix(definition), ++this.#revision);
    return this;
  }

  get<T extends KubeObject>(definition: ResourceDefinition<T>, namespace: string | undefined, name: string) {
    // What is below a kind's prefix was put there as that kind.
    return this.#objects.get(objectKey(definition, namespace, name)) as T | undefined;
  }

  list<T extends KubeObject>(definition: ResourceDefinition<T>, namespace?: string): readonly T[] {
    const prefix = resourcePrefix(definition);
    const found = [...this.#objects].filter(
      ([key, object]) => key.startsWith(prefix) && (namespace === undefined || object.metadata.namespace === namespace),
    );
    return found.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object as T);
  }

  count<T extends KubeObject>(definition: ResourceDefinition<T>, namespace?: string): number {
    return this.list(definition, namespace).length;
  }

  byIndex<T extends KubeObject>(definition: ResourceDefinition<T>, index: Index<T>, value: string): readonly T[] {
    return this.list(definition).filter((each) => index.of(each) === value);
  }

  async whenThere<T extends KubeObject>(
    definition: ResourceDefinition<T>,
    namespace: string | undefined,
    name: string,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    for (;;) {
      const found = this.get(definition, namespace, name);
      if (found || signal.aborted) return found;
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }

  lastChange<T extends KubeObject>(definition: ResourceDefinition<T>): number {
    return this.#lastChange.get(resourcePrefix(definition)) ?? 0;
  }
}
