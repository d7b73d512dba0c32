import type { APIResource, APIResourceList } from "../../api/index.ts";

/** The resources of a group version in the aggregated form of discovery, from the form that every server has. */
export function aggregatedResources({ groupVersion, resources }: APIResourceList): readonly object[] {
  const [group = "", version = ""] = groupVersion.includes("/") ? groupVersion.split("/") : ["", groupVersion];
  const kindOf = (resource: APIResource) => ({
    group: resource.group || group,
    version: resource.version || version,
    kind: resource.kind,
  });
  const below = Map.groupBy(
    resources.filter(({ name }) => name.includes("/")),
    ({ name }) => name.slice(0, name.indexOf("/")),
  );
  return resources
    .filter(({ name }) => !name.includes("/"))
    .map((resource) => {
      const { name, namespaced, singularName, verbs, shortNames, categories } = resource;
      const subresources = (below.get(name) ?? []).map((each) => ({
        subresource: each.name.slice(name.length + 1),
        responseKind: kindOf(each),
        verbs: each.verbs,
      }));
      return {
        resource: name,
        responseKind: kindOf(resource),
        scope: namespaced ? "Namespaced" : "Cluster",
        singularResource: singularName,
        verbs,
        ...(shortNames?.length ? { shortNames } : {}),
        ...(categories?.length ? { categories } : {}),
        ...(subresources.length > 0 ? { subresources } : {}),
      };
    });
}
