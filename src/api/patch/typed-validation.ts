// Whether a configuration fits the type that it is applied to: sigs.k8s.io/structured-merge-diff/v6/typed. Everything that
// is wrong is told at once.
import { formatJson } from "../../lib/index.ts";
import { goText, isObject, type JsonObject } from "../schema/index.ts";
import { type FieldPath, fieldElement, formatPath } from "./field-set.ts";
import { aspectOf, type FieldType, type ListType, type MapType, whyNoIdentity } from "./field-type.ts";

/** Errors that are told at most; a body can hold a million. */
const errorsMax = 100;

/** What is wrong with a value, each as `.spec.replicas: expected …`. */
export function typeErrors(value: unknown, type: FieldType): string[] {
  const errors: string[] = [];
  check(value, type, [], errors);
  return errors;
}

/** The errors in one text, as structured-merge-diff joins them. */
export function joinTypeErrors(errors: readonly string[]): string {
  return errors.length === 1 ? errors[0]! : ["errors:", ...errors.map((each) => `  ${each}`)].join("\n");
}

/** `path` leads to the value, as path elements; it is as before when this returns. */
function check(value: unknown, type: FieldType, path: string[], errors: string[]): void {
  if (errors.length >= errorsMax || value === null || value === undefined) return;
  switch (aspectOf(value, type)) {
    case "map":
      if (isObject(value)) checkMap(value, type.map!, path, errors);
      else errors.push(located(path, `expected map, got &{${goText(value)}}`));
      break;
    case "list":
      if (Array.isArray(value)) checkList(value, type.list!, path, errors);
      else errors.push(located(path, `expected list, got &{${goText(value)}}`));
      break;
    case "scalar":
      if (type.scalar !== "any" && scalarOf(value) !== type.scalar)
        errors.push(located(path, wrongScalar(value, type)));
  }
}

function scalarOf(value: unknown): string {
  return typeof value === "bigint" ? "number" : typeof value;
}

function located(path: FieldPath, why: string): string {
  return path.length === 0 ? why : `${formatPath(path)}: ${why}`;
}

function wrongScalar(value: unknown, { scalar }: FieldType): string {
  if (scalar === "number") return "expected numeric (int or float), got *value.valueUnstructured";
  if (scalar === "boolean") return `expected boolean, got &{${goText(value)}}`;
  return `expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`;
}

function checkMap(value: JsonObject, type: MapType, path: string[], errors: string[]): void {
  for (const name of Object.keys(value)) {
    const part = type.part(name);
    path.push(part?.element ?? fieldElement(name));
    if (part) check(value[name], part.type, path, errors);
    else errors.push(located(path, "field not declared in schema"));
    path.pop();
    // Structured-merge-diff leaves the object at the first field that it does not know.
    if (!part) return;
  }
}

function checkList(list: readonly unknown[], type: ListType, path: string[], errors: string[]): void {
  const seen = new Set<string>();
  for (const [index, item] of list.entries()) {
    if (errors.length >= errorsMax) return;
    const element = type.isAtomic ? `i:${index}` : type.elementOf(item);
    if (element === undefined) {
      errors.push(located(path, `element ${index}: ${whyNoIdentity(item, type)}`));
      return;
    }
    if (seen.has(element)) errors.push(located(path, `duplicate entries for key ${formatPath([element])}`));
    seen.add(element);
    path.push(element);
    check(item, type.item, path, errors);
    path.pop();
  }
}

/** The value as Go's `%#v` prints it. */
function goSyntax(value: unknown): string {
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(", ")}}`;
  if (!isObject(value)) return value === null ? "interface {}(nil)" : formatJson(value);
  const entries = Object.keys(value).sort();
  return `map[string]interface {}{${entries.map((key) => `${JSON.stringify(key)}:${goSyntax(value[key])}`).join(", ")}}`;
}
