// Whether a configuration fits the type that it is applied to: sigs.k8s.io/structured-merge-diff/v6/typed. Everything that
// is wrong is told at once.
import { goText, isObject } from "../schema/index.ts";
import { formatElement } from "./field-set.ts";
import { aspectOf, type FieldType, type ListType, type MapType, whyNoIdentity } from "./field-type.ts";

/** Errors that are told at most; a body can hold a million. */
const errorsMax = 100;

/** What is wrong with a value, each as `.spec.replicas: expected …`. */
export function typeErrors(value: unknown, type: FieldType): string[] {
  const errors: string[] = [];
  check(value, type, "", errors);
  return errors;
}

/** The errors in one text, as structured-merge-diff joins them. */
export function joinTypeErrors(errors: readonly string[]): string {
  return errors.length === 1 ? errors[0]! : ["errors:", ...errors.map((each) => `  ${each}`)].join("\n");
}

function check(value: unknown, type: FieldType, path: string, errors: string[]): void {
  if (errors.length >= errorsMax || value === null || value === undefined) return;
  const fail = (why: string) => errors.push(path === "" ? why : `${path}: ${why}`);
  switch (aspectOf(value, type)) {
    case "map":
      if (isObject(value)) checkMap(value, type.map!, path, errors);
      else fail(`expected map, got &{${goText(value)}}`);
      break;
    case "list":
      if (Array.isArray(value)) checkList(value, type.list!, path, errors);
      else fail(`expected list, got &{${goText(value)}}`);
      break;
    case "scalar": {
      const { scalar } = type;
      if (scalar === "any" || typeof value === scalar) break;
      if (scalar === "number") fail("expected numeric (int or float), got *value.valueUnstructured");
      else if (scalar === "boolean") fail(`expected boolean, got &{${goText(value)}}`);
      else fail(`expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`);
    }
  }
}

function checkMap(value: Readonly<Record<string, unknown>>, type: MapType, path: string, errors: string[]): void {
  for (const name of Object.keys(value)) {
    const part = type.part(name);
    if (!part) {
      // Structured-merge-diff leaves the object at the first field that it does not know.
      errors.push(`${path}.${name}: field not declared in schema`);
      return;
    }
    const each = value[name];
    if (typeof each === "object" || part.type.scalar !== "any") check(each, part.type, `${path}.${name}`, errors);
  }
}

function checkList(list: readonly unknown[], type: ListType, path: string, errors: string[]): void {
  const seen = new Set<string>();
  const at = path === "" ? "" : `${path}: `;
  for (const [index, item] of list.entries()) {
    if (errors.length >= errorsMax) return;
    if (type.isAtomic) {
      check(item, type.item, `${path}[${index}]`, errors);
      continue;
    }
    const element = type.elementOf(item);
    if (element === undefined) {
      errors.push(`${at}element ${index}: ${whyNoIdentity(item, type)}`);
      return;
    }
    if (seen.has(element)) errors.push(`${at}duplicate entries for key ${formatElement(element)}`);
    seen.add(element);
    check(item, type.item, `${path}${formatElement(element)}`, errors);
  }
}

/** The value as Go's `%#v` prints it. */
function goSyntax(value: unknown): string {
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(", ")}}`;
  if (!isObject(value)) return value === null ? "interface {}(nil)" : JSON.stringify(value);
  const entries = Object.keys(value).sort();
  return `map[string]interface {}{${entries.map((key) => `${JSON.stringify(key)}:${goSyntax(value[key])}`).join(", ")}}`;
}
