// Rules in CEL over the values of a custom resource: k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go.
import { type CelType, CostExceededError, Optional, type Program, toValue, type Value } from "../../cel/index.ts";
import type { FieldError } from "../meta/api-error.ts";
import { duplicate, forbiddenField, invalidValue, type Path, required } from "../meta/field-error.ts";
import { isObject } from "../schema/json-value.ts";
import { mapItemIdentity } from "../schema/list-type-validation.ts";
import type { Schema } from "../schema/schema.ts";
import { isUnchanged } from "../schema/unchanged.ts";
import type { JSONSchemaProps, ValidationRule } from "../types.generated.ts";
import { type CompiledRule, compileRules } from "./compiled-rules.ts";
import { fieldPathBelow } from "./field-path.ts";
import { asSchema, isSchema, itemsOf } from "./schema-parts.ts";

/** What all rules of one request may cost together; about a second. */
const requestCostMax = 10_000_000;
const messageBytesMax = 5 * 1024;

/** Gives the errors of the rules that do not hold. `old` is what an update changes. */
export type RuleEvaluation = (at: Path, value: unknown, old: unknown) => FieldError[];

/** The rules of a schema and of all below; undefined when there are none. A whole object has more than its schema says. */
export function ruleEvaluation(schema: JSONSchemaProps, isWholeObject = true): RuleEvaluation | undefined {
  const node = nodeOf(schema, isWholeObject);
  if (!node) return undefined;
  return (at, value, old) => {
    const evaluation = new Evaluation();
    evaluation.visit(node, { at, value, old, keeps: () => false });
    return evaluation.errors;
  };
}

/** A schema with rules, its own or below. */
interface Node {
  readonly schema: JSONSchemaProps;
  readonly selfType: CelType | undefined;
  readonly rules: readonly CompiledRule[];
  readonly properties: ReadonlyMap<string, Node>;
  readonly items: Node | undefined;
  readonly additional: Node | undefined;
}

function nodeOf(schema: JSONSchemaProps, isRoot: boolean): Node | undefined {
  const compiled = compileRules(schema, isRoot || schema["x-kubernetes-embedded-resource"] === true);
  const properties = new Map<string, Node>();
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const node = nodeOf(property, false);
    if (node) properties.set(name, node);
  }
  const itemsSchema = itemsOf(schema);
  const items = itemsSchema && nodeOf(itemsSchema, false);
  const additional = isSchema(schema.additionalProperties) ? nodeOf(schema.additionalProperties, false) : undefined;
  if (!compiled && properties.size === 0 && !items && !additional) return undefined;
  return { schema, selfType: compiled?.selfType, rules: compiled?.rules ?? [], properties, items, additional };
}

/** One value on the way through an object. */
interface Place {
  readonly at: Path;
  readonly value: unknown;
  /** The value before the update; undefined where there was none, or none can be told to be this one. */
  readonly old: unknown;
  /** Whether what is around a value that was not there before is as it was. */
  readonly keeps: () => boolean;
}

class Evaluation {
  readonly errors: FieldError[] = [];
  #budget = requestCostMax;

  visit(node: Node, place: Place): void {
    if (this.#budget < 0 || place.value === null || place.value === undefined) return;
    this.#evaluate(node, place);
    if (Array.isArray(place.value)) this.#visitItems(node, place, place.value);
    else if (isObject(place.value)) this.#visitFields(node, place, place.value);
  }

  #visitItems({ items, schema }: Node, place: Place, list: readonly unknown[]): void {
    if (!items) return;
    // Items of other lists cannot be told apart.
    const isMap = schema["x-kubernetes-list-type"] === "map";
    const listSchema = asSchema(schema);
    const oldList: readonly unknown[] = Array.isArray(place.old) ? place.old : [];
    const byKeys = new Map(isMap ? oldList.map((item) => [mapItemIdentity(item, listSchema), item]) : []);
    for (const [index, value] of list.entries()) {
      const old = isMap ? byKeys.get(mapItemIdentity(value, listSchema)) : undefined;
      this.visit(items, this.#below(place, listSchema, place.at.index(index), value, old));
    }
  }

  #visitFields(
    { properties, additional, schema }: Node,
    place: Place,
    object: Readonly<Record<string, unknown>>,
  ): void {
    const old = isObject(place.old) ? place.old : {};
    for (const [key, value] of Object.entries(object)) {
      const isNamed = Object.hasOwn(schema.properties ?? {}, key);
      const node = isNamed ? properties.get(key) : additional;
      if (!node) continue;
      const at = isNamed ? place.at.child(key) : place.at.key(key);
      this.visit(node, this.#below(place, asSchema(schema), at, value, ownOf(old, key)));
    }
  }

  #below(place: Place, schema: Schema, at: Path, value: unknown, old: unknown): Place {
    const keeps = place.old === undefined ? place.keeps : () => isUnchanged(place.value, place.old, schema);
    return { at, value, old, keeps };
  }

  #evaluate({ rules, selfType, schema }: Node, { at, value, old, keeps }: Place): void {
    if (!selfType || rules.length === 0) return;
    const type = schema.type ?? "";
    const fail = (detail: string) => this.errors.push(invalidValue(at, type, detail));
    const self = toValue(value, selfType);
    const oldSelf = old === undefined || old === null ? undefined : toValue(old, selfType);
    for (const compiled of rules) {
      const { rule, program, error, usesOldSelf } = compiled;
      if (this.#budget < 0) return;
      if (error !== undefined) fail(`rule compile error: ${error}`);
      if (!program) continue;
      if (usesOldSelf && oldSelf === undefined && !rule.optionalOldSelf) continue;
      const bindings = { self, ...oldBinding(rule, oldSelf) };
      const result = this.#run(program, bindings);
      if (!result) return void fail(outOfBudget);
      if ("error" in result) {
        if (result.error instanceof CostExceededError) {
          this.#budget = -1;
          return void fail(
            `'${result.error.message}': no further validation rules will be run due to call cost exceeds limit for rule: ${nameOf(rule)}`,
          );
        }
        fail(failureOf(result.error, rule));
        continue;
      }
      if (result.value === true) continue;
      // What an update leaves as it was may go on breaking its rules, but those about the change.
      const isKept = () => (old === undefined ? keeps() : isUnchanged(value, old, asSchema(schema)));
      const placeOfError = rule.fieldPath ? fieldPathBelow(at, rule.fieldPath, schema) : at;
      const detail = this.#message(compiled, bindings, (why) =>
        this.errors.push(invalidValue(placeOfError, type, why)),
      );
      if (!usesOldSelf && isKept()) continue;
      this.errors.push(errorOf(placeOfError, type, detail ?? defaultMessage(rule), rule.reason));
    }
  }

  /** undefined when the request has used up what it may cost. */
  #run(program: Program, bindings: Readonly<Record<string, unknown>>) {
    if (this.#budget <= 0) {
      this.#budget = -1;
      return undefined;
    }
    const result = program.evaluate(bindings);
    if (result.cost > this.#budget) {
      this.#budget = -1;
      return undefined;
    }
    this.#budget -= result.cost;
    return result;
  }

  /** What the message expression gives; undefined when it gives nothing that can be said. */
  #message(
    { messageProgram }: CompiledRule,
    bindings: Readonly<Record<string, unknown>>,
    fail: (why: string) => void,
  ): string | undefined {
    if (!messageProgram) return undefined;
    const result = this.#run(messageProgram, bindings);
    if (!result)
      fail(
        "messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run",
      );
    if (!result || "error" in result || typeof result.value !== "string") return undefined;
    const text = result.value.trim();
    return text === "" || text.includes("\n") || new TextEncoder().encode(text).length > messageBytesMax
      ? undefined
      : text;
  }
}

const outOfBudget = "validation failed due to running out of cost budget, no further validation rules will be run";

function ownOf(object: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function oldBinding(rule: ValidationRule, oldSelf: Value | undefined): Readonly<Record<string, unknown>> {
  if (rule.optionalOldSelf) return { oldSelf: oldSelf === undefined ? Optional.none : new Optional(oldSelf) };
  return oldSelf === undefined ? {} : { oldSelf };
}

/** The rule as errors speak of it. */
function nameOf({ message, rule }: ValidationRule): string {
  return (message || rule).trim();
}

function defaultMessage(rule: ValidationRule): string {
  return rule.message ? rule.message.trim() : `failed rule: ${nameOf(rule)}`;
}

function failureOf({ message }: Error, rule: ValidationRule): string {
  return message.startsWith("no such overload")
    ? `'${message}': call arguments did not match a supported operator, function or macro signature for rule: ${nameOf(rule)}`
    : `${message} evaluating rule: ${nameOf(rule)}`;
}

function errorOf(at: Path, type: string, detail: string, reason: string | undefined): FieldError {
  switch (reason) {
    case "FieldValueForbidden":
      return forbiddenField(at, detail);
    case "FieldValueRequired":
      return required(at, detail);
    case "FieldValueDuplicate":
      return { ...duplicate(at, type), detail };
    default:
      return invalidValue(at, type, detail);
  }
}
