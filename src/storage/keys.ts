import type { ResourceDefinition } from "../api/index.ts";

/** Everything that the API stores is below this. */
export const registryPrefix = "/registry/";

/** Longer keys no driver has to take: it is what lmdb-js allows in a database with pages of 4 kB. */
export const keyBytesMax = 1_978;

/** The key segment of the group whose name is empty. No group of a custom resource can be called so: those have a dot. */
const coreSegment = "core";

/**
 * The prefix of all objects of a resource: `/registry/<group>/<plural>/`. Definitions that are kept in another's form
 * (HPA v1 in v2, events.k8s.io in core) share that one's prefix.
 */
// biome-ignore lint/suspicious/noExplicitAny: definitions of every kind; only their names are read
export function resourcePrefix(definition: ResourceDefinition<any>): string {
  const { group, plural } = definition.stored?.definition() ?? definition;
  return `${registryPrefix}${group === "" ? coreSegment : group}/${plural}/`;
}

/** The group and the plural of the resource that a key or prefix belongs to. */
export function resourceOfKey(key: string): { readonly group: string; readonly resource: string } {
  const [group = "", resource = ""] = key.slice(registryPrefix.length).split("/", 2);
  return { group: group === coreSegment ? "" : group, resource };
}

/** The prefix of the resource that a key belongs to: its first two segments below the registry name it; others are their own. */
export function resourcePrefixOf(key: string): string {
  const group = key.indexOf("/", registryPrefix.length);
  const resource = key.indexOf("/", group + 1);
  return group < 0 || resource < 0 ? key : key.slice(0, resource + 1);
}

/** The key of one object; `namespace` is undefined for cluster-scoped kinds. */
export function objectKey(
  // biome-ignore lint/suspicious/noExplicitAny: as above
  definition: ResourceDefinition<any>,
  namespace: string | undefined,
  name: string,
): string {
  return keyBelow(resourcePrefix(definition), namespace, name);
}

/** The same below the prefix of a resource. */
export function keyBelow(prefix: string, namespace: string | undefined, name: string): string {
  return namespace === undefined ? `${prefix}${name}` : `${prefix}${namespace}/${name}`;
}
