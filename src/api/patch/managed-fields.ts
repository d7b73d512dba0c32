// Who owns which fields: metadata.managedFields, as k8s.io/apimachinery/pkg/util/managedfields keeps it.
import { compareText, deepEqual } from "../../lib/index.ts";
import type { KubeObject } from "../resource.ts";
import type { JsonObject, Schema } from "../schema/index.ts";
import type { ManagedFieldsEntry } from "../types.generated.ts";
import { type Comparison, compareValues, createdSetOf } from "./compare.ts";
import {
  difference,
  differenceBelow,
  emptySet,
  type FieldSet,
  FieldSetBuilder,
  fieldElement,
  inOrder,
  isEmptySet,
  isFieldSet,
  union,
} from "./field-set.ts";
import { objectType } from "./field-type.ts";

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
  /** The stored entry that it was read from; it may say something else by now. */
  readonly entry?: ManagedFieldsEntry | undefined;
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
  /** An object of the kind that holds nothing: what it has, nobody adds by creating one. */
  readonly empty?: JsonObject;
  /** Fields that this way of writing cannot change, so that nobody comes to own them by it: status, mostly. */
  readonly resetFields?: FieldSet;
  /** The kind in another of its versions; undefined for a version that is not served. */
  readonly inVersion?: (apiVersion: string) => OtherVersion | undefined;
}

/** A kind in another version than the one in which it is written. */
export interface OtherVersion {
  readonly schema: Schema;
  /** The object of the written version in this one. */
  readonly from: (object: KubeObject) => KubeObject;
  /** The object of this version in the written one. */
  readonly back: (object: KubeObject) => KubeObject;
}

/** The set of the fields with these names, each a path of names. */
export function setOfNames(...paths: readonly (readonly string[])[]): FieldSet {
  const builder = new FieldSetBuilder();
  for (const path of paths) builder.insert(path.map(fieldElement));
  return builder.build();
}

/** What tells managers apart. */
type ManagerIdentity = Pick<Manager, "name" | "operation" | "apiVersion" | "subresource">;

/** An applier is the same whatever version it applies in. */
export function managerKey({ name, operation, apiVersion, subresource }: ManagerIdentity): string {
  return JSON.stringify([name, operation, operation === "Apply" ? "" : apiVersion, subresource]);
}

function isStoredSet(_value: unknown): _value is FieldSet {
  return true;
}

/** The managers of an object that is stored: they were read before they were written. */
export function storedManagers(entries: readonly ManagedFieldsEntry[] | undefined): Map<string, Manager> {
  return readManagers(entries, isStoredSet) ?? new Map();
}

/** Reads managedFields that a client sent; undefined when an entry is malformed. */
export function readManagers(
  entries: readonly ManagedFieldsEntry[] = [],
  isSet: (value: unknown) => value is FieldSet = isFieldSet,
): Map<string, Manager> | undefined {
  const managers = new Map<string, Manager>();
  for (const each of entries) {
    const { manager = "", operation, apiVersion = "", subresource = "", time = "", fieldsType, fieldsV1 } = each;
    if ((operation !== "Apply" && operation !== "Update") || apiVersion === "" || fieldsType !== "FieldsV1")
      return undefined;
    const fields: unknown = fieldsV1 ?? emptySet;
    if (!isSet(fields)) return undefined;
    const entry = isSet === isStoredSet ? each : undefined;
    const read: Manager = { name: manager, operation, apiVersion, subresource, time, fields, entry };
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
  return [...managers.values()].sort(order).map(entryOf);
}

function entryOf(manager: Manager): ManagedFieldsEntry {
  const { name, operation, apiVersion, time, fields, subresource, entry } = manager;
  // Of nearly all managers a write says nothing.
  if (entry && entry.fieldsV1 === fields && isAbout(entry, manager)) return entry;
  return {
    manager: name,
    operation,
    apiVersion,
    ...(time === "" ? {} : { time }),
    fieldsType: "FieldsV1",
    fieldsV1: inOrder(fields),
    ...(subresource === "" ? {} : { subresource }),
  };
}

function isAbout(entry: ManagedFieldsEntry, { name, operation, apiVersion, subresource, time }: Manager): boolean {
  return (
    entry.manager === name &&
    entry.operation === operation &&
    entry.apiVersion === apiVersion &&
    (entry.subresource ?? "") === subresource &&
    (entry.time ?? "") === time
  );
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
  if (managers.size === 0) return old ? undefined : firstManager(next, options);
  const updated = recordUpdate(withoutManagedFields(old), withoutManagedFields(next), managers, options);
  if (updated === managers && old?.metadata.managedFields === next.metadata.managedFields)
    return old?.metadata.managedFields;
  return writeManagers(capUpdates(updated));
}

/** A new object is all its creator's. */
function firstManager(next: KubeObject, options: FieldOwnershipOptions): readonly ManagedFieldsEntry[] | undefined {
  const { manager, apiVersion, subresource = "", nowTimestamp, schema, empty = {}, resetFields = emptySet } = options;
  const fields = differenceBelow(createdSetOf(ownableParts(next), objectType(schema), empty), resetFields);
  if (isEmptySet(fields)) return undefined;
  const first = {
    name: manager || "unknown",
    operation: "Update",
    apiVersion,
    subresource,
    time: nowTimestamp,
    fields,
  } as const;
  return [entryOf(first)];
}

/** The managers before the write: what the client sent, where it may; none when it asks to forget them all. */
function startingPoint(old: KubeObject | undefined, next: KubeObject, isSubresource: boolean): Managers {
  const before = old?.metadata.managedFields;
  const sent = next.metadata.managedFields;
  if (!isSubresource && sent !== undefined && sent !== before) {
    if (isReset(sent)) return new Map();
    // Most clients send what they got.
    const read = before && deepEqual(sent, before) ? undefined : readManagers(sent);
    // Clients that do not understand the field must not delete it.
    if (read && read.size > 0) return read;
  }
  return storedManagers(before);
}

/** An empty list, and one empty entry, is how clients reset the field. */
function isReset(sent: readonly ManagedFieldsEntry[]): boolean {
  return sent.length === 0 || (sent.length === 1 && Object.keys(sent[0]!).length === 0);
}

/** The object as fields are owned in it: managedFields do not own themselves. */
export function withoutManagedFields(object: KubeObject | undefined): JsonObject {
  if (!object) return {};
  if (object.metadata.managedFields === undefined) return { ...object };
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** How an object changes, in each version that somebody owns fields in. */
export class Change {
  readonly #old: JsonObject;
  readonly #next: JsonObject;
  readonly #options: FieldOwnershipOptions;
  readonly #versions = new Map<string, Comparison | undefined>();

  constructor(old: JsonObject, next: JsonObject, options: FieldOwnershipOptions) {
    this.#old = old;
    this.#next = next;
    this.#options = options;
  }

  /** Without what this way of writing cannot change; undefined when the version is not served. */
  in(apiVersion: string): Comparison | undefined {
    if (!this.#versions.has(apiVersion)) this.#versions.set(apiVersion, this.#compare(apiVersion));
    return this.#versions.get(apiVersion);
  }

  #compare(apiVersion: string): Comparison | undefined {
    const { schema, empty = {}, resetFields = emptySet, inVersion } = this.#options;
    if (apiVersion === this.#options.apiVersion) {
      const old = isNothing(this.#old) ? empty : this.#old;
      return withoutReset(compareValues(old, this.#next, objectType(schema)), resetFields);
    }
    const other = inVersion?.(apiVersion);
    if (!other) return undefined;
    const converted = [this.#old, this.#next].map((each) => convert(each, other.from));
    return withoutReset(compareValues(converted[0], converted[1], objectType(other.schema)), resetFields);
  }
}

/** An object that does not exist yet is nothing in any version. */
export function convert(object: JsonObject, conversion: (object: KubeObject) => KubeObject): JsonObject {
  if (isNothing(object)) return object;
  // What is compared is an object of the kind without its managedFields.
  return { ...conversion(object as unknown as KubeObject) };
}

function isNothing(object: JsonObject): boolean {
  return object.metadata === undefined;
}

/** A comparison without the fields that this way of writing cannot change. */
function withoutReset({ added, modified, removed }: Comparison, reset: FieldSet): Comparison {
  return {
    added: differenceBelow(added, reset),
    modified: differenceBelow(modified, reset),
    removed: differenceBelow(removed, reset),
  };
}

/** Adds what an update changed to its manager, and takes it from all others. `managers` itself when nothing changed. */
export function recordUpdate(
  old: JsonObject,
  next: JsonObject,
  managers: Managers,
  options: FieldOwnershipOptions,
): Managers {
  const { apiVersion, subresource = "", nowTimestamp } = options;
  const change = new Change(old, next, options);
  const result = takeAway(managers, change);
  const { modified, added } = change.in(apiVersion)!;
  const fields = ownable(union(modified, added));
  if (isEmptySet(fields)) return result;
  const own = { name: options.manager || "unknown", operation: "Update", apiVersion, subresource } as const;
  const key = managerKey(own);
  const before = result.get(key)?.fields ?? emptySet;
  return new Map(result).set(key, { ...own, time: nowTimestamp, fields: union(before, fields) });
}

/**
 * The managers without what changed or went: whoever owned a value owns it no longer when it is another. `managers`
 * itself when nobody lost anything.
 */
export function takeAway(managers: Managers, change: Change): Managers {
  let result: Map<string, Manager> | undefined;
  for (const [key, manager] of managers) {
    const comparison = change.in(manager.apiVersion);
    const fields = comparison ? remaining(manager.fields, comparison) : emptySet;
    if (fields === manager.fields) continue;
    result ??= new Map(managers);
    if (isEmptySet(fields)) result.delete(key);
    else result.set(key, { ...manager, fields });
  }
  return result ?? managers;
}

function remaining(fields: FieldSet, { added, modified, removed }: Comparison): FieldSet {
  return difference(difference(difference(fields, modified), added), removed);
}

/** Fields that the server alone writes, and that nobody owns. */
const serverMetadata: ReadonlySet<string> = new Set([
  "name",
  "namespace",
  "creationTimestamp",
  "selfLink",
  "uid",
  "clusterName",
  "generation",
  "managedFields",
  "resourceVersion",
]);
const serverFields = setOfNames(
  ["apiVersion"],
  ["kind"],
  ["metadata"],
  ...[...serverMetadata].map((name) => ["metadata", name]),
);

/** The object without the server's fields: what is never put into a set need not be taken out of it. */
function ownableParts({ apiVersion: _, kind: __, metadata, ...rest }: KubeObject): JsonObject {
  const fields = Object.entries(metadata).filter(([name]) => !serverMetadata.has(name));
  return fields.length === 0 ? rest : { ...rest, metadata: Object.fromEntries(fields) };
}

/** What of a set can be owned. */
export function ownable(fields: FieldSet): FieldSet {
  return difference(fields, serverFields);
}

/** Joins the oldest entries of updates until there are few enough; those of one API version become one. */
function capUpdates(managers: Managers): Managers {
  const updates = [...managers].filter(([, each]) => each.operation === "Update");
  let excess = updates.length - updateEntriesMax;
  if (excess <= 0) return managers;
  const result = new Map(managers);
  updates.sort(([aKey, a], [bKey, b]) => compareText(a.time, b.time) || compareText(aKey, bKey));
  const firsts = new Map<string, string>();
  for (const [key, manager] of updates) {
    if (excess <= 0) break;
    const { apiVersion } = manager;
    const first = firsts.get(apiVersion);
    if (first === undefined) {
      firsts.set(apiVersion, key);
      continue;
    }
    const bucket = { name: "ancient-changes", operation: "Update", apiVersion, subresource: "" } as const;
    const bucketKey = managerKey(bucket);
    const into = key === bucketKey || !result.has(bucketKey) ? first : bucketKey;
    const fields = union(result.get(into)?.fields ?? emptySet, manager.fields);
    result.delete(into);
    result.delete(key);
    result.set(bucketKey, { ...bucket, time: manager.time, fields });
    excess--;
  }
  return result;
}

/**
 * The entries of `old` when `next` differs from it in nothing but their times: a write that changes nothing is not
 * written (k8s.io/apiserver/pkg/endpoints/handlers/fieldmanager, IgnoreManagedFieldsTimestampsTransformer).
 */
export function onlyTimesDiffer(
  old: readonly ManagedFieldsEntry[] | undefined,
  next: readonly ManagedFieldsEntry[] | undefined,
): boolean {
  if (old === next) return true;
  if (!old || !next || old.length !== next.length) return false;
  // Their order depends on their times.
  const timeless = (entries: readonly ManagedFieldsEntry[]) =>
    new Map(entries.map(({ time: _, ...entry }) => [entryKey(entry), entry]));
  const before = timeless(old);
  for (const [key, entry] of timeless(next)) if (!deepEqual(before.get(key), entry)) return false;
  return true;
}

function entryKey({ manager = "", operation, apiVersion = "", subresource = "" }: ManagedFieldsEntry): string {
  return managerKey({ name: manager, operation: operation === "Apply" ? "Apply" : "Update", apiVersion, subresource });
}
