// Server-side apply: an applier says which fields it wants and how; it owns them, and what it no longer names goes unless
// somebody else applied it (k8s.io/structured-merge-diff/merge, k8s.io/apimachinery/pkg/util/managedfields).
import { deepEqual } from "../../lib/index.ts";
import { ApiError, badRequest } from "../meta/index.ts";
import type { KubeObject } from "../resource.ts";
import { isObject, type JsonObject } from "../schema/index.ts";
import type { StatusCause } from "../types.generated.ts";
import { compareValues, fieldSetOf } from "./compare.ts";
import {
  difference,
  emptySet,
  type FieldSet,
  formatPath,
  intersection,
  isEmptySet,
  pathsIn,
  union,
} from "./field-set.ts";
import {
  type FieldOwnershipOptions,
  type Manager,
  type Managers,
  managerKey,
  ownable,
  readManagers,
  recordUpdate,
  takeAway,
  unlessOnlyTimes,
  withoutManagedFields,
  withoutResetFields,
  writeManagers,
} from "./managed-fields.ts";
import { checkApplied, type Typed, typedObject } from "./shape.ts";
import { mergeTyped, withNamedFields, withoutFields } from "./typed-merge.ts";

export interface ApplyOptions extends FieldOwnershipOptions {
  /** The object as it is; absent when the apply creates it. */
  readonly live?: KubeObject | undefined;
  /** The configuration as the client sent it, not yet decoded: what it leaves out must stay left out. */
  readonly applied: unknown;
  /** Takes fields from other owners instead of answering with a conflict. */
  readonly force: boolean;
}

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

/**
 * The object that applying the configuration makes, with its managedFields, to be decoded, defaulted and validated like
 * the result of any patch. Nothing that was given is changed. Throws a 409 with a cause for each field that another
 * manager owns, or a 400 when the configuration does not fit the schema.
 */
export function serverSideApply(options: ApplyOptions): JsonObject {
  const { live, apiVersion, nowTimestamp, subresource = "", force } = options;
  const applied = checkConfiguration(options);
  const typed = typedObject(options.schema, options.resolve);
  const liveValue = withoutManagedFields(live);
  const managers = managersOf(live, liveValue, options);
  const own = { name: options.manager || "unknown", operation: "Apply", apiVersion, subresource } as const;
  const key = managerKey(own);
  const fields = ownable(fieldSetOf(applied, typed), options.resetFields);

  const others: Managers = new Map([...managers].filter(([each]) => each !== key));
  const appliers = [
    fields,
    ...[...others.values()].filter((each) => each.operation === "Apply").map((each) => each.fields),
  ];
  const merged = asObject(mergeTyped(liveValue, applied, typed));
  const pruned = prune(merged, managers.get(key)?.fields ?? emptySet, appliers.reduce(union), typed);

  const comparison = withoutResetFields(compareValues(liveValue, pruned, typed), options.resetFields);
  const changed = ownable(union(comparison.modified, comparison.added));
  const conflicts = conflictsWith(others, changed);
  if (conflicts.length > 0 && !force && !areFromLastApplied(conflicts, options, typed)) throw conflictError(conflicts);

  const kept = takeAway(others, comparison);
  if (!isEmptySet(fields)) kept.set(key, { ...own, time: nowTimestamp, fields });
  const result = deepEqual(pruned, liveValue) ? liveValue : withAnnotation(pruned, applied, own.name);
  const managedFields = unlessOnlyTimes(live?.metadata.managedFields, writeManagers(kept));
  return { ...result, metadata: { ...metadataOf(result), ...(managedFields ? { managedFields } : {}) } };
}

function asObject(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

function metadataOf(object: JsonObject): JsonObject {
  return asObject(object.metadata);
}

function checkConfiguration({ applied, apiVersion, schema, resolve }: ApplyOptions): JsonObject {
  if (!isObject(applied)) throw badRequest("error decoding YAML: the configuration to apply is no object");
  if (applied.apiVersion !== undefined && applied.apiVersion !== apiVersion)
    throw badRequest(
      `Incorrect version specified in apply patch. Specified patch version: ${applied.apiVersion}, expected: ${apiVersion}`,
    );
  const metadata = metadataOf(applied);
  if (metadata.managedFields !== undefined && metadata.managedFields !== null)
    throw badRequest("metadata.managedFields must be nil");
  const subject = `${metadata.namespace ?? ""}/${metadata.name ?? ""}; ${apiVersion}, Kind=${applied.kind ?? ""}`;
  checkApplied(applied, typedObject(schema, resolve), [], subject);
  return applied;
}

/** The managers before the apply; an object that had none belongs to "before-first-apply". */
function managersOf(live: KubeObject | undefined, liveValue: JsonObject, options: ApplyOptions): Managers {
  const managers = readManagers(live?.metadata.managedFields) ?? new Map<string, Manager>();
  if (managers.size > 0 || live === undefined) return managers;
  const { subresource: _none, ...rest } = options;
  return recordUpdate({}, liveValue, managers, { ...rest, manager: "before-first-apply" });
}

/** Takes away what this applier owned before, does not name any more, and no applier owns now. */
function prune(merged: JsonObject, before: FieldSet, owned: FieldSet, typed: Typed): JsonObject {
  if (isEmptySet(before)) return merged;
  const named = (set: FieldSet) => withNamedFields(set, typed);
  const mergedSet = named(fieldSetOf(merged, typed));
  const without = (set: FieldSet) => asObject(withoutFields(merged, set, typed));
  const remaining = (value: unknown) => named(fieldSetOf(value, typed));
  // First everything that was owned goes, then what some applier owns comes back.
  const bare = without(before);
  const restored = without(difference(mergedSet, union(remaining(bare), named(owned))));
  // Only what this applier owned may go: what stood below it and belonged to nobody stays.
  return without(intersection(difference(mergedSet, remaining(restored)), named(before)));
}

interface Conflict {
  readonly manager: Manager;
  readonly path: readonly string[];
}

function conflictsWith(others: Managers, changed: FieldSet): Conflict[] {
  const conflicts: Conflict[] = [];
  for (const [, manager] of [...others].sort(([a], [b]) => (a < b ? -1 : 1)))
    for (const path of pathsIn(intersection(manager.fields, changed))) conflicts.push({ manager, path });
  return conflicts;
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

/**
 * kubectl goes over from its own way of applying: fields that its annotation names were its own all along, and are no
 * conflict.
 */
function areFromLastApplied(conflicts: readonly Conflict[], { manager, live }: ApplyOptions, typed: Typed): boolean {
  const annotation = live?.metadata.annotations?.[lastApplied];
  if (manager !== "kubectl" || !annotation) return false;
  const before = parseAnnotation(annotation);
  if (!before) return false;
  const named = new Set(pathsIn(fieldSetOf(before, typed)).map(formatPath));
  return conflicts.every(({ path }) => named.has(formatPath(path)));
}

function parseAnnotation(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    // Anybody may write the annotation; one that is no JSON says nothing.
    return undefined;
  }
}

/** Keeps kubectl's annotation in step, so that people can go back to its own way of applying. */
function withAnnotation(object: JsonObject, applied: JsonObject, manager: string): JsonObject {
  const metadata = metadataOf(object);
  const annotations = asObject(metadata.annotations);
  if (manager !== "kubectl" || annotations[lastApplied] === undefined) return object;
  const updated = { ...annotations, [lastApplied]: `${JSON.stringify(applied)}\n` };
  return { ...object, metadata: { ...metadata, annotations: updated } };
}
