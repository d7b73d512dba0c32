// The ConfigMaps and Secrets of this node's pods. Each is watched by itself, as a node may read nothing else
// (the Node authorizer), from when the first pod names it until the last one is gone.
import {
  ApiError,
  type ConfigMap,
  ConfigMaps,
  type KubeObject,
  type Pod,
  type ResourceReference,
  type Secret,
  Secrets,
} from "../../api/index.ts";
import { Informer } from "../../client/index.ts";
import type { ObjectLookup } from "../container/environment.ts";
import type { AgentContext } from "../context.ts";
import { type ObjectReference, referencesOf } from "./pod-references.ts";

interface Watched {
  readonly informer: Informer;
  readonly stop: AbortController;
  readonly pods: Set<string>;
}

type Context = Pick<AgentContext, "client" | "clock" | "random" | "log" | "signal">;

export class PodObjects implements ObjectLookup {
  readonly #context: Context;
  readonly #changed: (podUids: readonly string[]) => void;
  readonly #watched = new Map<string, Watched>();

  /** `changed` is told the pods that name an object after it changed. */
  constructor(context: Context, changed: (podUids: readonly string[]) => void) {
    this.#context = context;
    this.#changed = changed;
  }

  /** Watches what the pod names, and no longer what it named before. */
  track(pod: Pod): void {
    const wanted = new Map(referencesOf(pod).map((reference) => [keyOf(reference), reference]));
    for (const [key, watched] of this.#watched) if (!wanted.has(key)) this.#release(key, watched, pod.metadata.uid);
    for (const [key, reference] of wanted) {
      const watched = this.#watched.get(key) ?? this.#watch(reference);
      this.#watched.set(key, watched);
      watched.pods.add(pod.metadata.uid);
    }
  }

  untrack(podUid: string): void {
    for (const [key, watched] of this.#watched) this.#release(key, watched, podUid);
  }

  configMap(namespace: string, name: string): Promise<ConfigMap | undefined> {
    return this.#find({ kind: "ConfigMap", namespace, name }, ConfigMaps);
  }

  secret(namespace: string, name: string): Promise<Secret | undefined> {
    return this.#find({ kind: "Secret", namespace, name }, Secrets);
  }

  async #find<T extends KubeObject>(
    reference: ObjectReference,
    resource: ResourceReference<T>,
  ): Promise<T | undefined> {
    const { namespace, name } = reference;
    const watched = this.#watched.get(keyOf(reference));
    await watched?.informer.synced();
    // The informer is filed under the kind of its objects.
    const cached = watched?.informer.get(`${namespace}/${name}`) as T | undefined;
    if (cached) return cached;
    try {
      // It may be so new that the watch has not told of it.
      return await this.#context.client.get(resource, { namespace, name });
    } catch (error) {
      if (error instanceof ApiError && error.code === 404) return undefined;
      throw error;
    }
  }

  #watch({ kind, namespace, name }: ObjectReference): Watched {
    const { client, clock, random, log, signal } = this.#context;
    const stop = new AbortController();
    const resource: ResourceReference = kind === "ConfigMap" ? ConfigMaps : Secrets;
    const selection = { namespace, fieldSelector: `metadata.name=${name}` };
    const environment = { client, clock, random, log, signal: AbortSignal.any([signal, stop.signal]) };
    const watched: Watched = { informer: new Informer(resource, selection, environment), stop, pods: new Set() };
    watched.informer.addHandler(() => this.#changed([...watched.pods]));
    return watched;
  }

  #release(key: string, watched: Watched, podUid: string): void {
    if (!watched.pods.delete(podUid) || watched.pods.size > 0) return;
    watched.stop.abort();
    this.#watched.delete(key);
  }
}

function keyOf({ kind, namespace, name }: ObjectReference): string {
  return `${kind}/${namespace}/${name}`;
}
