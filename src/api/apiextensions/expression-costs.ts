// Rules must compile, and may not cost more than a request can pay:
// k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation, validation.go and cel_validation.go.

import { valuesMax } from "../../cel/index.ts";
import type { Int64 } from "../../lib/index.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, invalidValue, type Path } from "../meta/field-error.ts";
import type { JSONSchemaProps, ValidationRule } from "../types.generated.ts";
import { type CompiledRule, compileRules } from "./compiled-rules.ts";
import { isSchema, itemsOf } from "./schema-parts.ts";

/** The limits of Kubernetes for one rule, and for all of a schema. */
const ruleCostMax = 10_000_000;
const schemaCostMax = 100_000_000;
/** How many rules are named when all together cost too much. */
const expensiveRulesMax = 4;

interface Place {
  readonly schema: JSONSchemaProps;
  readonly at: Path;
  readonly isRoot: boolean;
  /** How often values of the schema can be in an object; undefined when nothing bounds that. */
  readonly count: number | undefined;
  /** The list around it whose items nobody can find again in the object as it was. */
  readonly uncorrelatable: Path | undefined;
}

interface Cost {
  readonly at: Path;
  readonly cost: number;
}

/** What is wrong with the rules of a structural schema. */
export function validateExpressions(schema: JSONSchemaProps, at: Path): FieldError[] {
  const costs: Cost[] = [];
  const errors = validatePlace({ schema, at, isRoot: true, count: 1, uncorrelatable: undefined }, costs);
  const total = costs.reduce((sum, each) => sum + each.cost, 0);
  if (total <= schemaCostMax) return errors;
  const expensive = costs.sort((a, b) => b.cost - a.cost).slice(0, expensiveRulesMax);
  const what = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema";
  return [
    ...errors,
    ...expensive.map((each) =>
      forbiddenField(
        each.at,
        "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema",
      ),
    ),
    forbiddenField(at, exceeded(what, total, schemaCostMax)),
  ];
}

function validatePlace(place: Place, costs: Cost[]): FieldError[] {
  const { schema, at, isRoot } = place;
  const compiled = compileRules(schema, isRoot || schema["x-kubernetes-embedded-resource"] === true);
  const own = (compiled?.rules ?? []).flatMap((rule, index) =>
    validateRule(rule, place, at.child("x-kubernetes-validations").index(index), costs),
  );
  return [...own, ...placesBelow(place).flatMap((each) => validatePlace(each, costs))];
}

function placesBelow({ schema, at, count, uncorrelatable }: Place): Place[] {
  const items = itemsOf(schema);
  const { additionalProperties, maxItems, maxProperties } = schema;
  const isMap = schema["x-kubernetes-list-type"] === "map";
  const below = { isRoot: false, uncorrelatable };
  return [
    ...(items
      ? [
          {
            ...below,
            schema: items,
            at: at.child("items"),
            count: product(count, maxItems),
            uncorrelatable: uncorrelatable ?? (isMap ? undefined : at),
          },
        ]
      : []),
    ...(isSchema(additionalProperties)
      ? [
          {
            ...below,
            schema: additionalProperties,
            at: at.child("additionalProperties"),
            count: product(count, maxProperties),
          },
        ]
      : []),
    ...Object.entries(schema.properties ?? {}).map(([name, property]) => ({
      ...below,
      schema: property,
      at: at.child("properties").key(name),
      count,
    })),
  ];
}

function product(count: number | undefined, max: Int64 | undefined): number | undefined {
  return count === undefined || max === undefined ? undefined : count * Number(max);
}

function validateRule(compiled: CompiledRule, place: Place, at: Path, costs: Cost[]): FieldError[] {
  const { rule, program, error, messageProgram, messageError, usesOldSelf } = compiled;
  const { schema, isRoot, count, uncorrelatable } = place;
  const errors: FieldError[] = [];
  const ruleAt = at.child("rule");
  const charge = (costAt: Path, cost: number, what: string) => {
    if (cost > ruleCostMax) errors.push(forbiddenField(costAt, exceeded(what, cost, ruleCostMax)));
    costs.push({ at: costAt, cost });
  };
  if (program) charge(ruleAt, program.maxCost * (count ?? valuesMax(schema, isRoot) ?? 1), "estimated rule cost");
  if (error !== undefined) errors.push(invalidValue(ruleAt, shownRule(rule), error));
  if (messageError !== undefined)
    errors.push(invalidValue(at.child("messageExpression"), shownRule(rule), messageError));
  if (messageProgram) charge(at.child("messageExpression"), messageProgram.maxCost, "estimated messageExpression cost");
  if (usesOldSelf && uncorrelatable)
    errors.push(
      invalidValue(
        ruleAt,
        rule.rule,
        `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelatable}`,
      ),
    );
  if (rule.optionalOldSelf !== undefined && program && !usesOldSelf)
    errors.push(
      invalidValue(at.child("optionalOldSelf"), rule.optionalOldSelf, `may not be set if oldSelf is not used in rule`),
    );
  return errors;
}

/** The rule as Kubernetes' own type has it. */
function shownRule({ rule, message, messageExpression, reason, fieldPath, optionalOldSelf }: ValidationRule): object {
  return {
    Rule: rule,
    Message: message ?? "",
    MessageExpression: messageExpression ?? "",
    Reason: reason ?? null,
    FieldPath: fieldPath ?? "",
    OptionalOldSelf: optionalOldSelf ?? null,
  };
}

function exceeded(what: string, cost: number, max: number): string {
  const factor = cost / max;
  const times = factor > 100 ? "more than 100x" : factor < 1.5 ? `${factor.toFixed(6)}x` : `${factor.toFixed(1)}x`;
  return `${what} exceeds budget by factor of ${times} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}
