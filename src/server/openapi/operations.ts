// The paths and operations of every kind, in the form both versions of OpenAPI are made from.

import { definitions, type ResourceDefinition } from "../../api/index.ts";
import { append } from "../../lib/index.ts";

export interface Parameter {
  readonly name: string;
  readonly type: "string" | "integer" | "boolean";
  readonly description: string;
}

export type Method = "get" | "post" | "put" | "patch" | "delete";

export interface Operation {
  readonly method: Method;
  readonly operationId: string;
  readonly description: string;
  readonly tag: string;
  /** x-kubernetes-action. */
  readonly action: string;
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly query: readonly Parameter[];
  /** Names of schemas: of the body, and of the answer; absent where it is no JSON of ours. */
  readonly body?: string;
  readonly answer?: string;
  readonly codes: readonly number[];
  readonly consumes: readonly string[];
}

export interface PathItem {
  readonly path: string;
  /** Parameters in the path, in order. */
  readonly parameters: readonly Parameter[];
  readonly operations: readonly Operation[];
}

const text = (name: string, description: string): Parameter => ({ name, type: "string", description });
const flag = (name: string, description: string): Parameter => ({ name, type: "boolean", description });
const count = (name: string, description: string): Parameter => ({ name, type: "integer", description });

const dryRun = text("dryRun", "With All, the request goes through every stage but is not stored.");
const fieldManager = text("fieldManager", "The name of who makes the change, for the owners of fields.");
const fieldValidation = text(
  "fieldValidation",
  "What to do with unknown and duplicate fields: Ignore, Warn (the default) or Strict.",
);
const force = flag("force", "Takes fields from other owners; only for apply.");
const writing = [dryRun, fieldManager, fieldValidation];
const deleting = [
  dryRun,
  count("gracePeriodSeconds", "How long the object has to end; 0 at once."),
  flag("orphanDependents", "Whether dependents stay. Deprecated: use propagationPolicy."),
  text("propagationPolicy", "What becomes of dependents: Orphan, Background or Foreground."),
];
const selecting = [
  text("continue", "The token of the list that this one goes on from."),
  text("fieldSelector", "Restricts the list of returned objects by their fields."),
  text("labelSelector", "Restricts the list of returned objects by their labels."),
  count("limit", "At most so many objects in one answer."),
  text("resourceVersion", "The version that the answer must have, or be younger than."),
  text("resourceVersionMatch", "How resourceVersion is meant: Exact or NotOlderThan."),
  flag("sendInitialEvents", "Whether a watch starts with the objects that exist."),
  count("timeoutSeconds", "How long the answer may take."),
];
const listing = [
  flag("allowWatchBookmarks", "Whether a watch may tell of versions without changes."),
  ...selecting,
  flag("watch", "Watch for changes to the described resources instead of ending with the list."),
];

const patchTypes = ["application/json-patch+json", "application/merge-patch+json"];
const patchTypesBuiltIn = [...patchTypes, "application/strategic-merge-patch+json", "application/apply-patch+yaml"];
const metaPrefix = "io.k8s.apimachinery.pkg.apis.meta.v1.";
export const patchSchemaName = `${metaPrefix}Patch`;

/** The name of the list of a kind's schema. */
export function listSchemaName(definition: ResourceDefinition): string {
  return `${definition.schemaName}List`;
}

/** Whether the kind comes from a CRD: its schema is none of the built-in ones. */
export function isCustom(definition: ResourceDefinition): boolean {
  return definitions[definition.schemaName] !== definition.schema;
}

/** The paths of one kind. */
export function pathsOf(definition: ResourceDefinition): PathItem[] {
  const { group, version, plural, namespaced } = definition;
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  const scope = namespaced ? "/namespaces/{namespace}" : "";
  const inScope = namespaced ? [text("namespace", "The namespace.")] : [];
  const named = [text("name", `The name of the ${definition.kind}.`), ...inScope];
  const collection = `${root}${scope}/${plural}`;
  const items: PathItem[] = [
    { path: collection, parameters: inScope, operations: collectionOperations(definition) },
    { path: `${collection}/{name}`, parameters: named, operations: objectOperations(definition) },
  ];
  for (const subresource of definition.subresources)
    items.push({
      path: `${collection}/{name}/${subresource.name}`,
      parameters: named,
      operations: subresourceOperations(definition, subresource),
    });
  if (namespaced && definition.verbs.includes("list"))
    items.push({
      path: `${root}/${plural}`,
      parameters: [],
      operations: [{ ...listOperation(definition), operationId: `${idOf("list", definition, "")}ForAllNamespaces` }],
    });
  append(items, watchPathsOf(definition, root, inScope, named));
  return items.filter((item) => item.operations.length > 0);
}

/** The old paths of watches, which clients that are made from this document find theirs by; custom resources have none. */
function watchPathsOf(
  definition: ResourceDefinition,
  root: string,
  inScope: readonly Parameter[],
  named: readonly Parameter[],
): PathItem[] {
  const { kind, plural, namespaced, verbs } = definition;
  if (isCustom(definition) || !verbs.includes("watch")) return [];
  const answer = `${metaPrefix}WatchEvent`;
  const watch = (what: string, action: string) =>
    operation(definition, "watch", { method: "get", action, description: `watch ${what}`, query: listing, answer });
  const ofList = watch(`changes to a list of ${kind}`, "watchlist");
  const ofOne = watch(`changes to an object of kind ${kind}`, "watch");
  const scope = namespaced ? "/namespaces/{namespace}" : "";
  const list = `${root}/watch${scope}/${plural}`;
  const items: PathItem[] = [
    { path: list, parameters: inScope, operations: [{ ...ofList, operationId: `${ofList.operationId}List` }] },
    { path: `${list}/{name}`, parameters: named, operations: [ofOne] },
  ];
  if (!namespaced) return items;
  const operationId = `${idOf("watch", definition, "")}ListForAllNamespaces`;
  return [...items, { path: `${root}/watch/${plural}`, parameters: [], operations: [{ ...ofList, operationId }] }];
}

function operation(
  definition: ResourceDefinition,
  verb: string,
  fields: Pick<Operation, "method" | "action" | "description"> & Partial<Operation>,
): Operation {
  return {
    operationId: idOf(verb, definition, definition.namespaced ? "Namespaced" : ""),
    tag: `${definition.group === "" ? "core" : (definition.group.split(".")[0] ?? "")}_${definition.version}`,
    kind: { group: definition.group, version: definition.version, kind: definition.kind },
    query: [],
    codes: [200],
    consumes: ["*/*"],
    answer: definition.schemaName,
    ...fields,
  };
}

/** `listCoreV1NamespacedPod`. */
function idOf(verb: string, { group, version, kind }: ResourceDefinition, scope: string): string {
  const groupName = group === "" ? "core" : group.replace(/\.k8s\.io$/, "");
  const words = `${groupName}.${version}`.split(/[.-]/).map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  return `${verb}${words.join("")}${scope}${kind}`;
}

function listOperation(definition: ResourceDefinition): Operation {
  return operation(definition, "list", {
    method: "get",
    action: "list",
    description: `list or watch objects of kind ${definition.kind}`,
    query: listing,
    answer: listSchemaName(definition),
  });
}

function collectionOperations(definition: ResourceDefinition): Operation[] {
  const { kind, verbs, schemaName } = definition;
  const operations: Operation[] = [];
  if (verbs.includes("list")) operations.push(listOperation(definition));
  if (verbs.includes("create"))
    operations.push(
      operation(definition, "create", {
        method: "post",
        action: "post",
        description: `create a ${kind}`,
        query: writing,
        body: schemaName,
        codes: [200, 201, 202],
      }),
    );
  if (verbs.includes("deletecollection"))
    operations.push(
      operation(definition, "deleteCollection", {
        method: "delete",
        action: "deletecollection",
        description: `delete collection of ${kind}`,
        query: [...deleting, ...selecting],
        body: `${metaPrefix}DeleteOptions`,
        answer: `${metaPrefix}Status`,
      }),
    );
  return operations;
}

function objectOperations(definition: ResourceDefinition): Operation[] {
  const operations: Operation[] = [];
  for (const verb of definition.verbs) {
    const found = objectOperation(definition, verb, definition.schemaName, "");
    if (found) operations.push(found);
  }
  return operations;
}

/** The operation on one object, or on one of its subresources, that a verb stands for. */
function objectOperation(
  definition: ResourceDefinition,
  verb: string,
  schemaName: string,
  part: string,
): Operation | undefined {
  const what = `${part}the specified ${definition.kind}`;
  switch (verb) {
    case "get":
      return operation(definition, "read", {
        method: "get",
        action: "get",
        description: `read ${what}`,
        answer: schemaName,
      });
    case "update":
      return operation(definition, "replace", {
        method: "put",
        action: "put",
        description: `replace ${what}`,
        query: writing,
        body: schemaName,
        answer: schemaName,
        codes: [200, 201],
      });
    case "patch":
      return operation(definition, "patch", {
        method: "patch",
        action: "patch",
        description: `partially update ${what}`,
        query: [...writing, force],
        body: patchSchemaName,
        answer: schemaName,
        codes: [200, 201],
        consumes: isCustom(definition) ? [...patchTypes, "application/apply-patch+yaml"] : patchTypesBuiltIn,
      });
    case "delete":
      return operation(definition, "delete", {
        method: "delete",
        action: "delete",
        description: `delete a ${definition.kind}`,
        query: deleting,
        body: `${metaPrefix}DeleteOptions`,
        answer: `${metaPrefix}Status`,
        codes: [200, 202],
      });
    default:
      return undefined;
  }
}

/** Subresources whose traffic is no JSON. */
const connecting = new Set(["attach", "exec", "portforward", "proxy", "log"]);

function subresourceOperations(
  definition: ResourceDefinition,
  subresource: ResourceDefinition["subresources"][number],
): Operation[] {
  const { name, group, version, kind } = subresource;
  const suffix = name.charAt(0).toUpperCase() + name.slice(1);
  const own = { group, version, kind };
  const schemaName =
    kind === definition.kind
      ? definition.schemaName
      : `io.k8s.api.${group === "" ? "core" : group.split(".")[0]}.${version}.${kind}`;
  const operations: Operation[] = [];
  for (const verb of subresource.verbs) {
    let found = connecting.has(name)
      ? connectOperation(definition, verb, name)
      : objectOperation(definition, verb, schemaName, `${name} of `);
    if (verb === "create" && !connecting.has(name))
      found = operation(definition, "create", {
        method: "post",
        action: "post",
        description: `create ${name} of a ${definition.kind}`,
        query: writing,
        body: schemaName,
        answer: schemaName,
        codes: [200, 201, 202],
      });
    if (found) operations.push({ ...found, kind: own, operationId: `${found.operationId}${suffix}` });
  }
  return operations;
}

function connectOperation(definition: ResourceDefinition, verb: string, name: string): Operation | undefined {
  if (verb !== "get" && verb !== "create") return undefined;
  const { answer: _none, ...found } = operation(definition, verb === "get" ? "connectGet" : "connectPost", {
    method: verb === "get" ? "get" : "post",
    action: name === "log" ? "get" : "connect",
    description: `connect to ${name} of ${definition.kind}`,
  });
  return found;
}
