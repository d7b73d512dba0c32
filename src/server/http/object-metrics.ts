import type { MetricRegistry } from "../../lib/index.ts";
import { resourcePrefix } from "../../storage/index.ts";
import type { Lookup } from "../lookup.ts";
import type { ResourceRegistry } from "../registry.ts";

/** Tells with every scrape how many objects of each resource are stored; versions of one resource are counted once. */
export function observeObjects(metrics: MetricRegistry, registry: ResourceRegistry, lookup: Lookup): void {
  const objects = metrics.gauge({
    name: "apiserver_storage_objects",
    help: "Stored objects.",
    labels: ["resource"],
  });
  metrics.onScrape(() => {
    objects.clear();
    const seen = new Set<string>();
    for (const definition of registry.all()) {
      const prefix = resourcePrefix(definition);
      if (seen.has(prefix) || !definition.verbs.includes("list")) continue;
      seen.add(prefix);
      const { group, plural } = definition;
      objects.with(group === "" ? plural : `${plural}.${group}`).value = lookup.count(definition);
    }
  });
}
