// Strategic merge patch (k8s.io/apimachinery/pkg/util/strategicpatch): a merge patch whose lists merge by the keys that
// the schema names, with directives in the patch for what such a merge cannot say.
import { deepEqual } from "../../lib/index.ts";
import { ApiError, badRequest } from "../meta/index.ts";
import { goText, isObject, type JsonObject, jsonType, type ResolveReference, type Schema } from "../schema/index.ts";
import { fieldOf, setField } from "../schema/json-value.ts";
import { enforceOrder } from "./strategic-order.ts";

const directive = "$patch";
const retainKeys = "$retainKeys";
const setElementOrder = "$setElementOrder/";
const deleteFromPrimitiveList = "$deleteFromPrimitiveList/";

/**
 * What the patch makes of the document; neither is changed, and the result may share parts with both.
 * Throws the ApiError that Kubernetes answers with when the patch is malformed.
 */
export function applyStrategicMergePatch(
  document: unknown,
  patch: unknown,
  schema: Schema,
  resolve: ResolveReference,
): unknown {
  if (!isObject(patch))
    throw badRequest(`json: cannot unmarshal ${jsonType(patch)} into Go value of type map[string]interface {}`);
  return new Merger(resolve).mergeObjects(isObject(document) ? document : {}, patch, schema);
}

const wrongFormat = {
  retainKeys: "invalid patch format of retainKeys",
  setElementOrder: "invalid patch format of setElementOrder list",
} as const;

/** An error in the patch that Kubernetes answers without saying what it was. */
function unprocessable(): ApiError {
  return new ApiError(422, "Invalid", "the server rejected our request due to an error in our request", {});
}

/** What the schema says about merging one field. */
interface FieldRules {
  readonly schema: Schema;
  readonly strategy: "merge" | "replace" | "";
  readonly mergeKey: string;
}

type DraftObject = Record<string, unknown>;

class Merger {
  readonly #resolve: ResolveReference;

  constructor(resolve: ResolveReference) {
    this.#resolve = resolve;
  }

  mergeObjects(original: JsonObject, patch: JsonObject, schema: Schema): JsonObject {
    if (Object.hasOwn(patch, directive)) return wholeObject(patch);
    const result: DraftObject = { ...original };
    applyRetainKeys(result, patch);
    const done = this.#mergeOrderedLists(result, patch, schema);
    for (const [name, value] of Object.entries(patch)) {
      if (name === retainKeys || name.startsWith(setElementOrder) || done.has(name) || value === undefined) continue;
      const deletes = name.startsWith(deleteFromPrimitiveList);
      const key = deletes ? name.slice(deleteFromPrimitiveList.length) : name;
      if (value === null) {
        delete result[key];
        continue;
      }
      const merged = this.#mergeValue(fieldOf(result, key), value, this.#rulesOf(schema, key), deletes);
      if (merged !== undefined) setField(result, key, merged);
    }
    return result;
  }

  /** The merged field; undefined leaves it as it is. */
  #mergeValue(original: unknown, patch: unknown, rules: FieldRules, deletes: boolean): unknown {
    if (isObject(original) && isObject(patch))
      return rules.strategy === "replace" ? plain(patch) : this.mergeObjects(original, patch, rules.schema);
    if (Array.isArray(original) && Array.isArray(patch)) {
      if (deletes) {
        const removed = new Set(patch);
        return original.filter((each) => !removed.has(each));
      }
      return this.#mergeLists(original, patch, rules);
    }
    return deletes ? undefined : plain(patch);
  }

  #rulesOf(schema: Schema, field: string): FieldRules {
    const resolved = this.#resolved(schema);
    const properties = resolved.properties ?? {};
    const additional = typeof resolved.additionalProperties === "object" ? resolved.additionalProperties : {};
    const found = Object.hasOwn(properties, field) ? properties[field]! : additional;
    const strategies = found["x-kubernetes-patch-strategy"]?.split(",") ?? [];
    return {
      schema: found.type === "array" ? this.#resolved(found.items ?? {}) : this.#resolved(found),
      strategy: strategies.includes("merge") ? "merge" : strategies.includes("replace") ? "replace" : "",
      mergeKey: found["x-kubernetes-patch-merge-key"] ?? "",
    };
  }

  #resolved(schema: Schema): Schema {
    return schema.$ref ? this.#resolve(schema.$ref) : schema;
  }

  /** Merges the lists for which the patch gives an order; answers their names, which need no more merging. */
  #mergeOrderedLists(result: DraftObject, patch: JsonObject, schema: Schema): Set<string> {
    const done = new Set<string>();
    for (const [name, order] of Object.entries(patch)) {
      if (!name.startsWith(setElementOrder)) continue;
      const key = name.slice(setElementOrder.length);
      const original = fieldOf(result, key);
      const patchList = patch[key];
      if (!Array.isArray(order)) throw badRequest(wrongFormat.setElementOrder);
      if (patchList === null) continue;
      done.add(key);
      if (patchList !== undefined && !Array.isArray(patchList)) throw badRequest(wrongFormat.setElementOrder);
      const rules = this.#rulesOf(schema, key);
      if (patchList) checkOrderCovers(patchList, order, rules.mergeKey);
      const before = Array.isArray(original) ? original : undefined;
      if (!before && !patchList) continue;
      const merged =
        before && patchList ? this.#mergeLists(before, patchList, rules) : (before ?? plainList(patchList ?? []));
      setField(result, key, enforceOrder(merged, order, before ?? [], rules.mergeKey));
    }
    return done;
  }

  #mergeLists(original: readonly unknown[], patch: readonly unknown[], rules: FieldRules): readonly unknown[] {
    if (rules.strategy !== "merge") return plainList(patch);
    if (![...original, ...patch].some(isObject)) {
      const merged = uniqueScalars([...original, ...patch]);
      return enforceOrder(merged, patch, original, "");
    }
    if (rules.mergeKey === "") throw unprocessable();
    const { kept, additions } = applyItemDirectives(original, patch, rules.mergeKey);
    const merged = [...kept];
    const places = new Map(kept.map((item, index) => [isObject(item) ? item[rules.mergeKey] : undefined, index]));
    for (const item of additions) {
      const key = keyOf(item, rules.mergeKey);
      const index = places.get(key);
      const before = index === undefined ? undefined : merged[index];
      if (index === undefined) places.set(key, merged.push(plainObject(item)) - 1);
      else merged[index] = this.mergeObjects(isObject(before) ? before : {}, item, rules.schema);
    }
    return enforceOrder(merged, additions, kept, rules.mergeKey);
  }
}

/** The items of the list that `$patch: delete` and `replace` leave, and those of the patch that are to be merged. */
function applyItemDirectives(original: readonly unknown[], patch: readonly unknown[], mergeKey: string) {
  let replaces = false;
  const deleted = new Set<unknown>();
  const additions: JsonObject[] = [];
  for (const item of patch) {
    if (!isObject(item)) throw unprocessable();
    const what = item[directive];
    if (what === undefined) additions.push(item);
    else if (what === "replace") replaces = true;
    else if (what === "delete") deleted.add(keyOf(item, mergeKey));
    else throw unprocessable();
  }
  const kept = original.filter((each) => !replaces && !(isObject(each) && deleted.has(each[mergeKey])));
  return { kept, additions };
}

function keyOf(item: JsonObject, mergeKey: string): unknown {
  if (item[mergeKey] === undefined) throw unprocessable();
  return item[mergeKey];
}

/** `$patch: replace` makes the patch the value, `$patch: delete` leaves an empty object. */
function wholeObject(patch: JsonObject): JsonObject {
  const { [directive]: what, ...rest } = patch;
  if (what === "delete") return {};
  if (what !== "replace") throw unprocessable();
  return plainObject(rest);
}

/** `$retainKeys` names all fields that stay: a union's other members go. */
function applyRetainKeys(result: DraftObject, patch: JsonObject): void {
  const keys = patch[retainKeys];
  if (keys === undefined) return;
  if (!Array.isArray(keys)) throw badRequest(wrongFormat.retainKeys);
  const retained = new Set<unknown>(keys);
  for (const [name, value] of Object.entries(patch))
    if (value !== null && !name.startsWith("$") && !retained.has(name)) throw unprocessable();
  for (const name of Object.keys(result)) if (!retained.has(name)) delete result[name];
}

/** Each item of the patch must stand in the order, in the order's sequence. */
function checkOrderCovers(patch: readonly unknown[], order: readonly unknown[], mergeKey: string): void {
  let at = 0;
  for (const item of patch) {
    if (isObject(item) && (item[directive] === "delete" || item[directive] === "replace")) continue;
    const identity = isObject(item) ? item[mergeKey] : item;
    while (at < order.length && !deepEqual(identityInOrder(order[at], mergeKey), identity)) at++;
    if (at === order.length)
      throw badRequest(
        `The order in patch list:\n${goText(patch)}\n doesn't match ${setElementOrder.slice(0, -1)} list:\n${goText(order)}\n`,
      );
  }
}

function identityInOrder(item: unknown, mergeKey: string): unknown {
  return isObject(item) ? item[mergeKey] : item;
}

function uniqueScalars(values: readonly unknown[]): unknown[] {
  return [...new Set(values)];
}

/** A value of the patch that meets nothing to merge with: without its directives and nulls. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return plainList(value);
  return isObject(value) ? plainObject(value) : value;
}

function plainList(list: readonly unknown[]): unknown[] {
  return list.filter((each) => !(isObject(each) && Object.hasOwn(each, directive))).map(plain);
}

function plainObject(object: JsonObject): JsonObject {
  const kept: [string, unknown][] = [];
  for (const [name, each] of Object.entries(object)) {
    if (each === null || each === undefined || name === directive || name === retainKeys) continue;
    if (name.startsWith(setElementOrder) || name.startsWith(deleteFromPrimitiveList)) continue;
    kept.push([name, plain(each)]);
  }
  return Object.fromEntries(kept);
}
