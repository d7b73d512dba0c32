// Fields, items and their absence.
// https://github.com/google/cel-spec/blob/master/doc/langdef.md#field-selection
import { itemAt, itemIfAny, valueAt } from "./standard-functions.ts";
import { EvaluationError, List, MapValue, noSuchOverload, Optional, typeName, type Value } from "./values.ts";

export function select(value: Value, field: string): Value {
  if (value instanceof Optional) return optionalSelect(value, field);
  if (!(value instanceof MapValue)) throw noSuchOverload();
  const found = value.get(field);
  if (found === undefined) throw new EvaluationError(`no such key: ${field}`);
  return found;
}

export function optionalSelect(value: Value, field: string): Optional {
  const target = value instanceof Optional ? value.value : value;
  if (target === undefined) return Optional.none;
  if (!(target instanceof MapValue)) throw noSuchOverload();
  const found = target.get(field);
  return found === undefined ? Optional.none : new Optional(found);
}

export function itemOf(value: Value, key: Value): Value {
  if (value instanceof List) return itemAt(value, key);
  if (value instanceof MapValue) return valueAt(value, key);
  if (value instanceof Optional) return optionalItem(value, key);
  throw noSuchOverload();
}

export function optionalItem(value: Value, key: Value): Optional {
  const target = value instanceof Optional ? value.value : value;
  if (target === undefined) return Optional.none;
  if (!(target instanceof List || target instanceof MapValue)) throw noSuchOverload();
  const found = target instanceof List ? itemIfAny(target, key) : target.get(key);
  return found === undefined ? Optional.none : new Optional(found);
}

export function has(value: Value, field: string): boolean {
  const target = value instanceof Optional ? value.value : value;
  if (target === undefined) return false;
  if (!(target instanceof MapValue))
    throw new EvaluationError(`type '${typeName(target)}' does not support field selection`);
  return target.get(field) !== undefined;
}
