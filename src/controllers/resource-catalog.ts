import type { ResourceDefinition } from "../api/index.ts";

/** The kinds that are served now, custom resources too. */
export interface ResourceCatalog {
  all(): readonly ResourceDefinition[];
  /** Calls `listener` after every change; what is returned stops that. */
  onChange(listener: () => void): () => void;
}

/** The kinds whose objects can be listed and deleted, each in one version only: the one that is stored, if it is served. */
export function deletableResources(catalog: ResourceCatalog): readonly ResourceDefinition[] {
  const chosen = new Map<ResourceDefinition, ResourceDefinition>();
  for (const each of catalog.all()) {
    if (!each.verbs.includes("list") || !each.verbs.includes("delete")) continue;
    const stored = each.stored?.definition() ?? each;
    if (stored === each || !chosen.has(stored)) chosen.set(stored, each);
  }
  return [...chosen.values()];
}
