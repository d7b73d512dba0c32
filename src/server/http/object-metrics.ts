import type { MetricRegistry } from "../../lib/index.ts";
import { resourcePrefix } from "../../storage/index.ts";
import type { Lookup } from "../lookup.ts";
import type { ResourceRegistry } from "../registry.ts";

/** Tells with every scrape how many objects of each resource are stored; versions of one resource are counted once. */
export function observeObjects(metrics: MetricRegistry, registry: ResourceRegistry, lookup: Lookup): void {
  const objects = metrics.gauge({
    name: "apiserver_resource_objects",
    help: "Stored objects.",
    labels: ["group", "resource"],
  });
  // Its name before Kubernetes 1.34, which dashboards still ask for.
  const objectsByName = metrics.gauge({
    name: "apiserver_storage_objects",
    help: "Stored objects; apiserver_resource_objects tells them with their group.",
    labels: ["resource"],
  });
  metrics.onScrape(() => {
    objects.clear();
    objectsByName.clear();
    const seen = new Set<string>();
    for (const definition of registry.all()) {
      const prefix = resourcePrefix(definition);
      if (seen.has(prefix) || !definition.verbs.includes("list")) continue;
      seen.add(prefix);
      const { group, plural } = definition;
      const count = lookup.count(definition);
      objects.with(group, plural).value = count;
      objectsByName.with(group === "" ? plural : `${plural}.${group}`).value = count;
    }
  });
}
