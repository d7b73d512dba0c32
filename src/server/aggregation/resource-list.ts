import { type APIResource, type APIResourceList, isObject } from "../../api/index.ts";

/** Controllers watch each kind of another server; nobody has nearly as many. */
const kindsMax = 1000;

/**
 * What another server says that it serves of a group version, with the fields of an APIResourceList alone; undefined
 * when a field is of another type, for which clients would refuse the discovery of everybody's resources, or when it
 * tells of more than 1000 kinds.
 */
export function readResourceList(content: unknown, groupVersion: string): APIResourceList | undefined {
  if (!isObject(content) || typeof content.groupVersion !== "string" || !Array.isArray(content.resources))
    return undefined;
  const resources = content.resources.map(readResource);
  if (!resources.every((each) => each !== undefined)) return undefined;
  if (resources.filter(({ name }) => !name.includes("/")).length > kindsMax) return undefined;
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion, resources };
}

/** As Go reads it: what is null or left out is empty. */
function readResource(value: unknown): APIResource | undefined {
  if (!isObject(value)) return undefined;
  const text = (field: string) => (value[field] ?? "") as string;
  const list = (field: string) => (value[field] ?? []) as readonly string[];
  const { name, kind } = value;
  const isRead =
    typeof name === "string" &&
    name !== "" &&
    typeof kind === "string" &&
    typeof (value.namespaced ?? false) === "boolean" &&
    ["singularName", "group", "version", "storageVersionHash"].every((field) => typeof text(field) === "string") &&
    ["verbs", "shortNames", "categories"].every(
      (field) => Array.isArray(list(field)) && list(field).every((each) => typeof each === "string"),
    );
  if (!isRead) return undefined;
  return {
    name,
    kind,
    namespaced: value.namespaced === true,
    singularName: text("singularName"),
    verbs: list("verbs"),
    ...(text("group") === "" ? {} : { group: text("group") }),
    ...(text("version") === "" ? {} : { version: text("version") }),
    ...(list("shortNames").length === 0 ? {} : { shortNames: list("shortNames") }),
    ...(list("categories").length === 0 ? {} : { categories: list("categories") }),
    ...(text("storageVersionHash") === "" ? {} : { storageVersionHash: text("storageVersionHash") }),
  };
}
