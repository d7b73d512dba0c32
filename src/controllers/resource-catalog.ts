import {
  type APIResource,
  type APIService,
  apiVersionOf,
  isDns1123Subdomain,
  type ResourceDefinition,
  type ResourceReference,
} from "../api/index.ts";
import { deepEqual } from "../lib/index.ts";

/** The kinds that are served here, custom resources too. */
export interface ResourceCatalog {
  all(): readonly ResourceDefinition[];
  /** Calls `listener` after every change; what is returned stops that. */
  onChange(listener: () => void): () => void;
}

/** What is known of a kind whoever serves it. */
export interface ServedKind extends ResourceReference, Pick<ResourceDefinition, "verbs" | "stored"> {
  /** Set where it has that subresource. */
  readonly scale?: unknown;
}
/** The kinds that clients see, those of other servers too. */
export interface KindCatalog {
  all(): readonly ServedKind[];
  onChange(listener: () => void): () => void;
}

/** The kinds of other servers, as each was last told of when its server answered. */
export class ExtensionKinds implements KindCatalog {
  readonly #byService = new Map<string, readonly ServedKind[]>();
  readonly #listeners = new Set<() => void>();

  all(): readonly ServedKind[] {
    return [...this.#byService.values()].flat();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  set({ metadata, spec }: APIService, resources: readonly APIResource[]): void {
    const { group = "", version = "" } = spec;
    const kinds = resources
      // What is no name of a resource would lead requests of this cluster's own components to other paths.
      .filter(({ name }) => isDns1123Subdomain(name).length === 0)
      .map(({ name, kind, namespaced, verbs }) => ({
        ...{ group, version, kind, plural: name, namespaced, verbs },
        ...(resources.some((each) => each.name === `${name}/scale`) ? { scale: true } : {}),
      }));
    // The same kinds stay the same values: informers hang on them.
    if (deepEqual(this.#byService.get(metadata.name), kinds)) return;
    this.#byService.set(metadata.name, kinds);
    this.#changed();
  }

  delete(service: string): void {
    if (this.#byService.delete(service)) this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** The kinds of this server, but for those group versions that are another's, and the kinds of all others. */
export function allKinds(own: ResourceCatalog, others: ExtensionKinds): KindCatalog {
  return {
    all() {
      const foreign = others.all();
      const groupVersions = new Set(foreign.map(apiVersionOf));
      return [...own.all().filter((each) => !groupVersions.has(apiVersionOf(each))), ...foreign];
    },
    onChange(listener) {
      const stops = [own.onChange(listener), others.onChange(listener)];
      return () => {
        for (const stop of stops) stop();
      };
    },
  };
}

/** The kinds whose objects can be listed and deleted, each in one version only: the one that is stored, if it is served. */
export function deletableResources<T extends ServedKind>(catalog: { all(): readonly T[] }): readonly T[] {
  const chosen = new Map<unknown, T>();
  for (const each of catalog.all()) {
    if (!each.verbs.includes("list") || !each.verbs.includes("delete")) continue;
    // Another server's kinds do not say what they are stored as: one name is one kind.
    const stored = each.stored?.definition() ?? each;
    if (stored === each || !chosen.has(stored)) chosen.set(stored, each);
  }
  return [...chosen.values()];
}
