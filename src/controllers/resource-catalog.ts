import type { ResourceDefinition } from "../api/index.ts";

/** The kinds that are served now, custom resources too. */
export interface ResourceCatalog {
  all(): readonly ResourceDefinition[];
  /** Calls `listener` after every change; what is returned stops that. */
  onChange(listener: () => void): () => void;
}

/** The kinds whose objects can be listed and deleted, each in one version only: the one that is stored. */
export function deletableResources(catalog: ResourceCatalog): readonly ResourceDefinition[] {
  return catalog.all().filter(({ verbs, stored }) => !stored && verbs.includes("list") && verbs.includes("delete"));
}
