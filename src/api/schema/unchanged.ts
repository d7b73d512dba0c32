import { deepEqual } from "../../lib/index.ts";
import { isObject } from "./json-value.ts";
import { mapItemIdentity } from "./list-type-validation.ts";
import type { Schema } from "./schema.ts";

/**
 * Whether a value is as it was: the order of lists of type map makes no difference
 * (k8s.io/apiserver/pkg/cel/common, CorrelatedObject.CachedDeepEqual).
 */
export function isUnchanged(value: unknown, before: unknown, schema: Schema): boolean {
  if (Array.isArray(value) && Array.isArray(before)) {
    const { items } = schema;
    if (schema["x-kubernetes-list-type"] !== "map" || !items) return deepEqual(value, before);
    const byKeys = new Map(before.map((item) => [mapItemIdentity(item, schema), item]));
    return value.length === before.length && value.every((item) => isItemOf(byKeys, item, schema, items));
  }
  if (!isObject(value) || !isObject(before)) return deepEqual(value, before);
  const keys = Object.keys(value);
  if (keys.length !== Object.keys(before).length) return false;
  const { properties = {}, additionalProperties } = schema;
  return keys.every((key) => {
    if (!Object.hasOwn(before, key)) return false;
    const below = Object.hasOwn(properties, key) ? properties[key] : additionalProperties;
    const [left, right] = [value[key], before[key]];
    return typeof below === "object" ? isUnchanged(left, right, below) : deepEqual(left, right);
  });
}

function isItemOf(byKeys: ReadonlyMap<string, unknown>, item: unknown, list: Schema, items: Schema): boolean {
  const identity = mapItemIdentity(item, list);
  return byKeys.has(identity) && isUnchanged(item, byKeys.get(identity), items);
}
