// Fields, items and their absence.
// https://github.com/google/cel-spec/blob/master/doc/langdef.md#field-selection
import { itemAt, itemIfAny, valueAt } from "./standard-functions.ts";
import { EvaluationError, List, MapValue, noSuchOverload, numberOf, Optional, typeName, type Value } from "./values.ts";

// What is neither map nor list, null above all, has no key: cel-go's refQualify.
const noSuchKey = (key: Value) => new EvaluationError(`no such key: ${numberOf(key) ?? key}`);

const isCollection = (value: Value) => value instanceof List || value instanceof MapValue;

export function select(value: Value, field: string): Value {
  if (value instanceof Optional) {
    if (value.value !== undefined && !(value.value instanceof MapValue)) throw noSuchKey(field);
    return optionalSelect(value, field);
  }
  if (value instanceof List) throw noSuchOverload();
  const found = value instanceof MapValue ? value.get(field) : undefined;
  if (found === undefined) throw noSuchKey(field);
  return found;
}

export function optionalSelect(value: Value, field: string): Optional {
  const target = value instanceof Optional ? value.value : value;
  if (target instanceof List) throw noSuchOverload();
  const found = target instanceof MapValue ? target.get(field) : undefined;
  return found === undefined ? Optional.none : new Optional(found);
}

export function itemOf(value: Value, key: Value): Value {
  if (value instanceof List) return itemAt(value, key);
  if (value instanceof MapValue) return valueAt(value, key);
  if (value instanceof Optional && (value.value === undefined || isCollection(value.value)))
    return optionalItem(value, key);
  throw noSuchKey(key);
}

export function optionalItem(value: Value, key: Value): Optional {
  const target = value instanceof Optional ? value.value : value;
  if (target === undefined || !isCollection(target)) return Optional.none;
  const found = target instanceof List ? itemIfAny(target, key) : target.get(key);
  return found === undefined ? Optional.none : new Optional(found);
}

export function has(value: Value, field: string): boolean {
  const target = value instanceof Optional ? value.value : value;
  if (target instanceof List) throw new EvaluationError(`type '${typeName(target)}' does not support field selection`);
  return target instanceof MapValue && target.get(field) !== undefined;
}
