// Server-side apply: an applier says which fields it wants and how; it owns them, and what it no longer names goes unless
// somebody else applied it (sigs.k8s.io/structured-merge-diff/v6/merge, k8s.io/apimachinery/pkg/util/managedfields).
import { compareText } from "../../lib/index.ts";
import { ApiError, badRequest, parseApiVersion } from "../meta/index.ts";
import type { KubeObject } from "../resource.ts";
import { isObject, type JsonObject, type Schema } from "../schema/index.ts";
import type { ManagedFieldsEntry, StatusCause } from "../types.generated.ts";
import { fieldSetOf } from "./compare.ts";
import {
  difference,
  differenceBelow,
  emptySet,
  type FieldPath,
  type FieldSet,
  formatPath,
  has,
  intersection,
  isEmptySet,
  isSubset,
  pathsIn,
  union,
} from "./field-set.ts";
import { type FieldType, objectType } from "./field-type.ts";
import { lastAppliedManager, ownedByLastApplied, withLastApplied } from "./last-applied.ts";
import {
  Change,
  convert,
  type FieldOwnershipOptions,
  type Manager,
  type Managers,
  managerKey,
  ownable,
  recordUpdate,
  storedManagers,
  takeAway,
  withoutManagedFields,
  writeManagers,
} from "./managed-fields.ts";
import { asObject, mergeTyped, withNamedFields, withoutFields } from "./typed-merge.ts";
import { joinTypeErrors, typeErrors } from "./typed-validation.ts";

export interface ApplyOptions extends FieldOwnershipOptions {
  readonly kind: string;
  /** The object as it is; absent when the apply creates it. */
  readonly live?: KubeObject | undefined;
  /** The configuration as the client sent it, not yet decoded: what it leaves out must stay left out. */
  readonly applied: unknown;
  /** Takes fields from other owners instead of answering with a conflict. */
  readonly force: boolean;
}

export interface Applied {
  /**
   * What applying the configuration makes, without managedFields: to be decoded, defaulted and validated like the result
   * of any patch. It shares parts with what was given.
   */
  readonly object: JsonObject;
  readonly managedFields: readonly ManagedFieldsEntry[] | undefined;
}

/**
 * Applies the configuration; nothing that was given is changed. Throws a 409 with a cause for each field that another
 * manager owns, or a 400 when the configuration does not fit the schema.
 */
export function serverSideApply(options: ApplyOptions): Applied {
  const { live, apiVersion, nowTimestamp, subresource = "", resetFields = emptySet } = options;
  const type = objectType(options.schema);
  const applied = checkConfiguration(options, type);
  const liveValue = withoutManagedFields(live);
  const managers = managersOf(live, liveValue, options);
  const own = { name: options.manager, operation: "Apply", apiVersion, subresource } as const;
  const key = managerKey(own);
  const before = managers.get(key);
  const wanted = differenceBelow(fieldSetOf(applied, type), resetFields);
  const fields = ownable(wanted);

  const others = new Map(managers);
  others.delete(key);
  const merged = asObject(mergeTyped(liveValue, applied, type));
  const pruned = prune(merged, before, [{ ...own, time: "", fields: wanted }, ...others.values()], options);

  const change = new Change(liveValue, pruned, options);
  if (!options.force) refuseConflicts(conflictsWith(others, change), liveValue, type, options);
  const kept = new Map(takeAway(others, change));
  // Who changes nothing keeps its time.
  const time = pruned === liveValue ? (before?.time ?? "") : nowTimestamp;
  // Nearly always it is the same set again, which is written already.
  const isSame = before && isSubset(fields, before.fields) && isSubset(before.fields, fields);
  if (!isEmptySet(fields)) kept.set(key, { ...own, time, fields: isSame ? before.fields : fields });
  const object = own.name === lastAppliedManager ? withLastApplied(pruned, applied) : pruned;
  return { object, managedFields: writeManagers(kept) };
}

/**
 * The object with what the configuration says of it, owned by nobody. Throws Error, in the words of Kubernetes' mutating
 * policies, when that does not fit the schema, or would replace a whole where somebody meant to change a part.
 */
export function mergeConfiguration(object: KubeObject, configuration: unknown, schema: Schema): unknown {
  const type = objectType(schema);
  const errors = typeErrors(configuration, type);
  if (errors.length > 0) throw new Error(`failed to convert patch object to typed object: ${joinTypeErrors(errors)}`);
  const atomics = atomicsIn(configuration, type, "");
  if (atomics.length > 0) {
    const where = atomics.join(", ");
    throw new Error(`invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: ${where}`);
  }
  return mergeTyped(object, configuration, type);
}

/** The paths of the lists and objects that can only be set as a whole. */
function atomicsIn(value: unknown, type: FieldType, path: string): string[] {
  if (isObject(value) && type.map) {
    const { map } = type;
    const own = map.isAtomic ? [path] : [];
    return [
      ...own,
      ...Object.entries(value).flatMap(([name, each]) => atomicsIn(each, map.partOf(name).type, `${path}.${name}`)),
    ];
  }
  if (Array.isArray(value) && type.list) {
    const { list } = type;
    const own = list.isAtomic ? [path] : [];
    return [...own, ...value.flatMap((each, index) => atomicsIn(each, list.item, `${path}[${index}]`))];
  }
  return [];
}

function checkConfiguration({ applied, apiVersion, kind }: ApplyOptions, type: FieldType): JsonObject {
  if (!isObject(applied)) throw badRequest(`error decoding YAML: ${noObject(applied)}`);
  const sent = gvkText(String(applied.apiVersion ?? ""), String(applied.kind ?? ""));
  if (sent !== gvkText(apiVersion, kind)) throw badRequest(`invalid object type: ${sent}`);
  const metadata = asObject(applied.metadata);
  if (Array.isArray(metadata.managedFields)) throw badRequest("metadata.managedFields must be nil");
  const errors = typeErrors(applied, type);
  if (errors.length === 0) return applied;
  const subject = `${metadata.namespace ?? ""}/${metadata.name ?? ""}; ${sent}`;
  // Kubernetes 1.35 makes no Status of it and answers 500 (kubernetes/kubernetes#139253): what a client sends wrongly is
  // no failure of the server here.
  throw badRequest(`failed to create typed patch object (${subject}): ${joinTypeErrors(errors)}`);
}

/** What sigs.k8s.io/yaml says of a value that goes into no map. */
function noObject(value: unknown): string {
  const type = Array.isArray(value) ? "array" : typeof value === "boolean" ? "bool" : typeof value;
  const reason = `json: cannot unmarshal ${type} into Go value of type map[string]interface {}`;
  return `error unmarshaling JSON: while decoding JSON: ${reason}`;
}

/** As Go prints a GroupVersionKind. */
function gvkText(apiVersion: string, kind: string): string {
  const { group, version } = parseApiVersion(apiVersion);
  return `${group}/${version}, Kind=${kind}`;
}

/** The managers before the apply; an object that had none belongs to "before-first-apply". */
function managersOf(live: KubeObject | undefined, liveValue: JsonObject, options: ApplyOptions): Managers {
  const managers = storedManagers(live?.metadata.managedFields);
  if (managers.size > 0 || live === undefined) return managers;
  return recordUpdate({}, liveValue, managers, { ...options, manager: "before-first-apply" });
}

/** Takes away what this applier owned before, does not name any more, and no applier owns now. */
function prune(
  merged: JsonObject,
  before: Manager | undefined,
  managers: readonly Manager[],
  options: FieldOwnershipOptions,
): JsonObject {
  if (!before || isEmptySet(before.fields)) return merged;
  const owned = new Map<string, FieldSet>();
  for (const { operation, apiVersion, fields } of managers)
    if (operation === "Apply") owned.set(apiVersion, union(owned.get(apiVersion) ?? emptySet, fields));
  if (isSubset(before.fields, owned.get(before.apiVersion) ?? emptySet)) return merged;
  const inBefore = versionOf(before.apiVersion, options);
  if (!inBefore) return merged;
  const object = inBefore.from(merged);
  // First everything that was owned goes, then what some applier owns comes back.
  let rest = without(object, before.fields, inBefore.type);
  for (const [apiVersion, fields] of owned) {
    const version = versionOf(apiVersion, options);
    if (!version) continue;
    const [whole, bare] = [object, rest].map((each) => version.from(inBefore.back(each)));
    const kept = union(namedFields(bare!, version.type), withNamedFields(fields, version.type));
    const restored = without(whole!, difference(namedFields(whole!, version.type), kept), version.type);
    rest = inBefore.from(version.back(restored));
  }
  // Only what this applier owned may go: what stood below it and belonged to nobody stays.
  const gone = difference(namedFields(object, inBefore.type), namedFields(rest, inBefore.type));
  return inBefore.back(
    without(object, intersection(gone, withNamedFields(before.fields, inBefore.type)), inBefore.type),
  );
}

interface Version {
  readonly type: FieldType;
  readonly from: (object: JsonObject) => JsonObject;
  readonly back: (object: JsonObject) => JsonObject;
}

function versionOf(apiVersion: string, options: FieldOwnershipOptions): Version | undefined {
  if (apiVersion === options.apiVersion) {
    const same = (object: JsonObject) => object;
    return { type: objectType(options.schema), from: same, back: same };
  }
  const other = options.inVersion?.(apiVersion);
  return (
    other && {
      type: objectType(other.schema),
      from: (object) => convert(object, other.from),
      back: (object) => convert(object, other.back),
    }
  );
}

function without(object: JsonObject, fields: FieldSet, type: FieldType): JsonObject {
  return asObject(withoutFields(object, fields, type));
}

function namedFields(object: JsonObject, type: FieldType): FieldSet {
  return withNamedFields(fieldSetOf(object, type), type);
}

interface Conflict {
  readonly manager: Manager;
  readonly path: FieldPath;
}

function conflictsWith(others: Managers, change: Change): Conflict[] {
  const conflicts: Conflict[] = [];
  for (const [, manager] of [...others].sort(([a], [b]) => compareText(a, b))) {
    const comparison = change.in(manager.apiVersion);
    if (!comparison) continue;
    const { modified, added } = comparison;
    for (const path of pathsIn(intersection(manager.fields, union(modified, added)))) conflicts.push({ manager, path });
  }
  return conflicts;
}

/** Throws a 409 that names the conflicts, but for those with fields that kubectl applied by itself before. */
function refuseConflicts(
  conflicts: readonly Conflict[],
  live: JsonObject,
  type: FieldType,
  { manager, apiVersion }: ApplyOptions,
): void {
  if (conflicts.length === 0) return;
  const allowed = manager === lastAppliedManager ? ownedByLastApplied(live, apiVersion, type) : emptySet;
  const refused = conflicts.filter(({ path }) => !has(allowed, path));
  if (refused.length > 0) throw conflictError(refused);
}

function conflictError(conflicts: readonly Conflict[]): ApiError {
  const causes: StatusCause[] = conflicts.map(({ manager, path }) => ({
    reason: "FieldManagerConflict",
    message: `conflict with ${describeManager(manager)}`,
    field: formatPath(path),
  }));
  const [first] = conflicts;
  const message =
    conflicts.length === 1 && first
      ? `Apply failed with 1 conflict: conflict with ${describeManager(first.manager)}: ${formatPath(first.path)}`
      : `Apply failed with ${conflicts.length} conflicts: ${listConflicts(conflicts)}`;
  return new ApiError(409, "Conflict", message, { causes });
}

function listConflicts(conflicts: readonly Conflict[]): string {
  const lines: string[] = [];
  let last: Manager | undefined;
  for (const { manager, path } of conflicts) {
    if (manager !== last) lines.push(`conflicts with ${describeManager(manager)}:`);
    lines.push(`- ${formatPath(path)}`);
    last = manager;
  }
  return lines.join("\n");
}

function describeManager({ name, operation, apiVersion, subresource }: Manager): string {
  const who = JSON.stringify(name) + (subresource === "" ? "" : ` with subresource ${JSON.stringify(subresource)}`);
  return operation === "Update" ? `${who} using ${apiVersion}` : who;
}
