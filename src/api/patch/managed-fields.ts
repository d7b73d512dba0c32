// Who owns which fields: metadata.managedFields, as k8s.io/apimachinery/pkg/util/managedfields keeps it.
import { deepEqual } from "../../lib/index.ts";
import type { KubeObject } from "../resource.ts";
import type { JsonObject, ResolveReference, Schema } from "../schema/index.ts";
import type { ManagedFieldsEntry } from "../types.generated.ts";
import { type Comparison, compareValues } from "./compare.ts";
import {
  difference,
  differenceBelow,
  emptySet,
  type FieldSet,
  FieldSetBuilder,
  intersection,
  isEmptySet,
  isFieldSet,
  union,
} from "./field-set.ts";
import { typedObject } from "./shape.ts";

/** Entries of updates that are kept; the oldest beyond these become one, "ancient-changes". */
const updateEntriesMax = 10;

/** The fields of one manager in one operation, API version and subresource. */
export interface Manager {
  readonly name: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  readonly subresource: string;
  readonly time: string;
  readonly fields: FieldSet;
}

/** The managers of an object under what tells them apart. */
export type Managers = ReadonlyMap<string, Manager>;

export interface FieldOwnershipOptions {
  /** The name of who writes. */
  readonly manager: string;
  /** The version in which the object is written. */
  readonly apiVersion: string;
  readonly subresource?: string;
  /** Now, as metav1.Time. */
  readonly nowTimestamp: string;
  readonly schema: Schema;
  readonly resolve: ResolveReference;
  /** Top-level fields that this way of writing cannot change, so that nobody comes to own them by it: status, mostly. */
  readonly resetFields?: readonly string[];
}

/** An applier is the same whatever version it applies in. */
export function managerKey({ name, operation, apiVersion, subresource }: Omit<Manager, "time" | "fields">): string {
  return JSON.stringify([name, operation, operation === "Apply" ? "" : apiVersion, subresource]);
}

/** Reads managedFields; undefined when an entry is malformed. */
export function readManagers(entries: readonly ManagedFieldsEntry[] = []): Map<string, Manager> | undefined {
  const managers = new Map<string, Manager>();
  for (const {
    manager = "",
    operation,
    apiVersion = "",
    subresource = "",
    time = "",
    fieldsType,
    fieldsV1,
  } of entries) {
    if ((operation !== "Apply" && operation !== "Update") || apiVersion === "" || fieldsType !== "FieldsV1")
      return undefined;
    const fields: unknown = fieldsV1 ?? emptySet;
    if (!isFieldSet(fields)) return undefined;
    const read: Manager = { name: manager, operation, apiVersion, subresource, time, fields };
    managers.set(managerKey(read), read);
  }
  return managers;
}

/** The managers as managedFields, in Kubernetes' order; undefined when there are none. */
export function writeManagers(managers: Managers): ManagedFieldsEntry[] | undefined {
  if (managers.size === 0) return undefined;
  const order = (a: Manager, b: Manager) =>
    compareText(a.operation, b.operation) ||
    compareText(a.time, b.time) ||
    compareText(a.name, b.name) ||
    compareText(a.apiVersion, b.apiVersion) ||
    compareText(a.subresource, b.subresource);
  return [...managers.values()].sort(order).map((each) => ({
    manager: each.name,
    operation: each.operation,
    apiVersion: each.apiVersion,
    ...(each.time === "" ? {} : { time: each.time }),
    fieldsType: "FieldsV1",
    fieldsV1: each.fields,
    ...(each.subresource === "" ? {} : { subresource: each.subresource }),
  }));
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * The managedFields of `next`, which a create, update or patch (but no apply) made of `old`: the writer owns what it
 * changed, and nobody owns what is gone. undefined when there are none, as on an object that was never tracked.
 */
export function updateManagedFields(
  old: KubeObject | undefined,
  next: KubeObject,
  options: FieldOwnershipOptions,
): readonly ManagedFieldsEntry[] | undefined {
  const managers = startingPoint(old, next, options.subresource !== undefined);
  if (!managers || (managers.size === 0 && old !== undefined)) return undefined;
  const updated = recordUpdate(withoutManagedFields(old), withoutManagedFields(next), managers, {
    ...options,
    manager: options.manager || "unknown",
  });
  const entries = writeManagers(capUpdates(updated));
  return unlessOnlyTimes(old?.metadata.managedFields, entries);
}

/** The managers before the write: what the client sent, where it may; undefined when it asks to forget them all. */
function startingPoint(
  old: KubeObject | undefined,
  next: KubeObject,
  isSubresource: boolean,
): Map<string, Manager> | undefined {
  const before = readManagers(old?.metadata.managedFields) ?? new Map<string, Manager>();
  const sent = next.metadata.managedFields;
  if (isSubresource || sent === undefined || sent === old?.metadata.managedFields) return before;
  // One empty entry is how clients reset the field; an empty list is not.
  if (sent.length === 1 && Object.keys(sent[0]!).length === 0) return undefined;
  const read = readManagers(sent);
  return read && read.size > 0 ? read : before;
}

/** The object as fields are owned in it: managedFields do not own themselves. */
export function withoutManagedFields(object: KubeObject | undefined): JsonObject {
  if (!object) return {};
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** Adds what an update changed to its manager, and takes it from the others. */
export function recordUpdate(
  old: JsonObject,
  next: JsonObject,
  managers: Managers,
  { manager, apiVersion, subresource = "", nowTimestamp, schema, resolve, resetFields }: FieldOwnershipOptions,
): Map<string, Manager> {
  const typed = typedObject(schema, resolve);
  const comparison = withoutResetFields(compareValues(old, next, typed), resetFields);
  const result = takeAway(managers, comparison);
  const fields = ownable(union(comparison.modified, comparison.added));
  if (isEmptySet(fields)) return result;
  const own = { name: manager, operation: "Update", apiVersion, subresource } as const;
  const key = managerKey(own);
  const before = result.get(key)?.fields ?? emptySet;
  result.set(key, { ...own, time: nowTimestamp, fields: union(before, fields) });
  return result;
}

/** The managers without what changed or went: whoever owned a value owns it no longer when it is another. */
export function takeAway(managers: Managers, { added, modified, removed }: Comparison): Map<string, Manager> {
  const lost = union(modified, added);
  const result = new Map<string, Manager>();
  for (const [key, manager] of managers) {
    const fields = difference(difference(manager.fields, intersection(manager.fields, lost)), removed);
    if (!isEmptySet(fields)) result.set(key, { ...manager, fields });
  }
  return result;
}

/** A comparison without the fields that this way of writing cannot change. */
export function withoutResetFields(comparison: Comparison, resetFields: readonly string[] = []): Comparison {
  const reset = setOf(resetFields.map((field) => [`f:${field}`]));
  return {
    added: differenceBelow(comparison.added, reset),
    modified: differenceBelow(comparison.modified, reset),
    removed: differenceBelow(comparison.removed, reset),
  };
}

/** Fields that the server alone writes, and that nobody owns. */
const serverFields = setOf([
  ["f:apiVersion"],
  ["f:kind"],
  ["f:metadata"],
  ...["name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation", "managedFields"].map(
    (field) => ["f:metadata", `f:${field}`],
  ),
  ["f:metadata", "f:resourceVersion"],
]);

function setOf(paths: readonly (readonly string[])[]): FieldSet {
  const builder = new FieldSetBuilder();
  for (const path of paths) builder.insert(path);
  return builder.build();
}

/** What of a set can be owned. */
export function ownable(fields: FieldSet, resetFields: readonly string[] = []): FieldSet {
  return difference(differenceBelow(fields, setOf(resetFields.map((field) => [`f:${field}`]))), serverFields);
}

/** Joins the oldest entries of updates until there are few enough; those of one API version become one. */
function capUpdates(managers: Map<string, Manager>): Map<string, Manager> {
  const updates = [...managers].filter(([, each]) => each.operation === "Update");
  let excess = updates.length - updateEntriesMax;
  if (excess <= 0) return managers;
  updates.sort(([, a], [, b]) => compareText(a.time, b.time) || compareText(a.name, b.name));
  const firsts = new Map<string, string>();
  for (const [key, manager] of updates) {
    if (excess <= 0) break;
    const first = firsts.get(manager.apiVersion);
    if (first === undefined) {
      firsts.set(manager.apiVersion, key);
      continue;
    }
    const joined = managers.get(first)!;
    const bucket: Manager = {
      ...manager,
      name: "ancient-changes",
      subresource: "",
      fields: union(joined.fields, manager.fields),
    };
    managers.delete(first);
    managers.delete(key);
    managers.set(managerKey(bucket), bucket);
    firsts.set(manager.apiVersion, managerKey(bucket));
    excess--;
  }
  return managers;
}

/** The old entries when the new ones differ from them in times only: such a write changed nothing. */
export function unlessOnlyTimes(
  old: readonly ManagedFieldsEntry[] | undefined,
  next: readonly ManagedFieldsEntry[] | undefined,
): readonly ManagedFieldsEntry[] | undefined {
  if (!old || !next || old.length !== next.length) return next;
  const timeless = (entries: readonly ManagedFieldsEntry[]) =>
    new Map(entries.map(({ time: _, ...entry }) => [entryKey(entry), entry]));
  const before = timeless(old);
  for (const [key, entry] of timeless(next)) if (!deepEqual(before.get(key), entry)) return next;
  return old;
}

function entryKey({ manager = "", operation, apiVersion = "", subresource = "" }: ManagedFieldsEntry): string {
  return managerKey({ name: manager, operation: operation === "Apply" ? "Apply" : "Update", apiVersion, subresource });
}
