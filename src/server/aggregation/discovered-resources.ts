import type { APIResource, APIResourceList } from "../../api/index.ts";

/** The resources of a group version in the aggregated form of discovery, from the form that every server has. */
export function aggregatedResources({ groupVersion, resources }: APIResourceList): readonly object[] {
  const [group = "", version = ""] = groupVersion.includes("/") ? groupVersion.split("/") : ["", groupVersion];
  const kindOf = ({ group: ownGroup, version: ownVersion, kind }: APIResource) =>
    // Clients pass over what has a kind without any of the three.
    kind === "" ? { group: "", version: "", kind } : { group: ownGroup || group, version: ownVersion || version, kind };
  const told = resources.filter(({ name }) => !name.includes("/"));
  const below = Map.groupBy(
    resources.filter(({ name }) => name.includes("/")),
    ({ name }) => name.slice(0, name.indexOf("/")),
  );
  return [...told, ...untoldParents(told, below)].map((resource) => {
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

/** Metrics are subresources of what is served elsewhere: upstream tells of a resource that can do nothing itself. */
function untoldParents(
  told: readonly APIResource[],
  below: ReadonlyMap<string, readonly APIResource[]>,
): readonly APIResource[] {
  const names = new Set(told.map(({ name }) => name));
  return [...below]
    .filter(([name]) => !names.has(name))
    .map(([name, [first]]) => ({
      name,
      kind: "",
      singularName: "",
      namespaced: first?.namespaced ?? false,
      verbs: [],
    }));
}
