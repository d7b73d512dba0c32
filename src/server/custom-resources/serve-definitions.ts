// Keeps the registry in step with the CRDs: what they define is served as soon as they are established.
import {
  type CustomResourceDefinition,
  CustomResourceDefinitions,
  customResources,
  hasCondition,
  type ResourceDefinition,
  servedVersions,
} from "../../api/index.ts";
import { deepEqual, errorMessage, type Logger, type Random } from "../../lib/index.ts";
import { Compacted, objectKey, type ResourceCache, resourcePrefix, type WatchCache } from "../../storage/index.ts";
import type { ResourceRegistry } from "../registry.ts";
import type { Webhooks } from "../webhooks/index.ts";
import { convertByWebhook } from "./convert.ts";

export interface CustomResourcesOptions {
  readonly registry: ResourceRegistry;
  readonly cache: WatchCache;
  readonly webhooks: Webhooks;
  readonly random: Random;
  readonly log: Logger;
}

/** Serves what CRDs define, now those that there are, until `close`. */
export function serveCustomResources(options: CustomResourcesOptions): { close(): Promise<void> } {
  const stopping = new AbortController();
  const served = new ServedDefinitions(options);
  const following = served.follow(stopping.signal);
  return {
    async close() {
      stopping.abort();
      await following;
    },
  };
}

/** What was registered for a CRD, and what it was made of. */
interface Served {
  readonly crd: CustomResourceDefinition;
  readonly definitions: readonly ResourceDefinition[];
}

class ServedDefinitions {
  readonly #options: CustomResourcesOptions;
  readonly #crds: ResourceCache;
  readonly #served = new Map<string, Served>();

  constructor(options: CustomResourcesOptions) {
    this.#options = options;
    this.#crds = options.cache.resource(resourcePrefix(CustomResourceDefinitions));
  }

  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const changes = this.#crds.watch(this.#options.cache.revision, signal);
      this.#takeAll();
      try {
        for await (const batch of changes)
          for (const { type, current } of batch) {
            const crd = current.object as CustomResourceDefinition; // below the prefix of CRDs
            if (type === "DELETED") this.#remove(crd.metadata.name);
            else this.#take(crd);
          }
        return;
      } catch (error) {
        if (!(error instanceof Compacted)) throw error; // otherwise it fell behind, and looks at everything again
      }
    }
  }

  #takeAll(): void {
    const present = this.#crds.list().map((each) => each.object as CustomResourceDefinition); // as above
    const names = new Set(present.map(({ metadata }) => metadata.name));
    for (const name of this.#served.keys()) if (!names.has(name)) this.#remove(name);
    for (const crd of present) this.#take(crd);
  }

  #remove(name: string): void {
    const served = this.#served.get(name);
    this.#served.delete(name);
    if (served) this.#options.registry.replace(served.definitions, []);
  }

  #take(crd: CustomResourceDefinition): void {
    const { name } = crd.metadata;
    if (!hasCondition(crd, "Established")) {
      this.#remove(name);
      return;
    }
    const before = this.#served.get(name);
    if (before && isSame(before.crd, crd)) return;
    const definitions = this.#definitionsOf(crd);
    this.#served.set(name, { crd, definitions });
    this.#options.registry.replace(before?.definitions ?? [], definitions);
  }

  #definitionsOf(crd: CustomResourceDefinition): readonly ResourceDefinition[] {
    const { registry, webhooks, random, log } = this.#options;
    const key = objectKey(CustomResourceDefinitions, undefined, crd.metadata.name);
    const own = new Set<ResourceDefinition | undefined>(this.#served.get(crd.metadata.name)?.definitions);
    try {
      const definitions = customResources(crd, {
        isTerminating: () => {
          const now = this.#crds.get(key)?.object as CustomResourceDefinition | undefined; // under the key of a CRD
          return now !== undefined && hasCondition(now, "Terminating");
        },
        convert: (webhook, apiVersion, objects) => convertByWebhook(webhooks, random, webhook, apiVersion, objects),
      });
      // A kind of the server's own is not replaced.
      return definitions.filter(({ group, version, plural }) => {
        const present = registry.find(group, version, plural);
        return present === undefined || own.has(present);
      });
    } catch (error) {
      // Whoever made this CRD gets no kind; the others do.
      log.warn("a custom resource definition cannot be served", {
        name: crd.metadata.name,
        error: errorMessage(error),
      });
      return [];
    }
  }
}

/** Whether a CRD says the same of its kind: conditions come and go. */
function isSame(a: CustomResourceDefinition, b: CustomResourceDefinition): boolean {
  return (
    a.metadata.uid === b.metadata.uid &&
    deepEqual(a.spec, b.spec) &&
    deepEqual(servedVersions(a), servedVersions(b)) &&
    deepEqual(a.status.acceptedNames, b.status.acceptedNames)
  );
}
