// Which requests a webhook or a policy is about: k8s.io/kubernetes/pkg/apis/admissionregistration/validation/validation.go.
import { boolType } from "../../cel/index.ts";
import { append, type Draft } from "../../lib/index.ts";
import { eachItem, invalidFor, optionalEnum, requiredEnum } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { duplicate, invalidValue, notSupported, type Path, required, tooMany } from "../meta/field-error.ts";
import { validateLabelSelector } from "../meta/label-selector.ts";
import { isPathSegmentName, isQualifiedName } from "../meta/names.ts";
import type {
  MatchCondition,
  MatchResources,
  NamedRuleWithOperations,
  RuleWithOperations,
} from "../types.generated.ts";
import { checkExpression, type Declared, requestEnvironment } from "./expression-rules.ts";

export const failurePolicies = ["Fail", "Ignore"];
export const matchPolicies = ["Equivalent", "Exact"];
const operations = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
/** What is deleted cannot be changed. */
const mutableOperations = ["*", "CONNECT", "CREATE", "UPDATE"];
const scopes = ["*", "Cluster", "Namespaced"];
const conditionsMax = 64;

export function defaultRules(rules: Draft<RuleWithOperations>[] | undefined): void {
  for (const rule of rules ?? []) rule.scope ??= "*";
}

export function defaultMatchResources(resources: Draft<MatchResources>): void {
  resources.matchPolicy ??= "Equivalent";
  resources.namespaceSelector ??= {};
  resources.objectSelector ??= {};
  defaultRules(resources.resourceRules);
  defaultRules(resources.excludeResourceRules);
}

export function validateRule(rule: RuleWithOperations, at: Path): FieldError[] {
  const { apiVersions = [] } = rule;
  const errors = [
    ...validateList(rule.operations, "operations", at.child("operations")),
    ...eachItem(at.child("operations"), rule.operations, (operation, place) =>
      optionalEnum(place, operation, operations),
    ),
    ...validateList(rule.apiGroups, "API groups", at.child("apiGroups")),
    ...validateList(apiVersions, "API versions", at.child("apiVersions")),
    ...eachItem(at.child("apiVersions"), apiVersions, (version, place) => (version === "" ? [required(place)] : [])),
    ...validateResources(rule.resources ?? [], at.child("resources")),
    ...optionalEnum(at.child("scope"), rule.scope, scopes),
  ];
  return errors;
}

/** A list that has something in it, and where a wildcard stands alone. */
function validateList(values: readonly string[] = [], others: string, at: Path): FieldError[] {
  if (values.length === 0) return [required(at)];
  return values.length > 1 && values.includes("*")
    ? [invalidValue(at, values, `if '*' is present, must not specify other ${others}`)]
    : [];
}

function validateResources(resources: readonly string[], at: Path): FieldError[] {
  if (resources.length === 0) return [required(at)];
  const wildcards = new Set<string>();
  const errors = eachItem(at, resources, (resource, place) => {
    if (resource === "") return [required(place)];
    const slash = resource.indexOf("/");
    if (slash < 0) return [];
    const ofResource = `${resource.slice(0, slash)}/*`;
    const ofSubresource = `*/${resource.slice(slash + 1)}`;
    const covering = [ofResource, ofSubresource].filter((each) => wildcards.has(each));
    if (resource === ofResource || resource === ofSubresource) wildcards.add(resource);
    return covering.map((each) =>
      invalidValue(place, resource, `if '${each}' is present, must not specify ${resource}`),
    );
  });
  if (resources.length > 1 && resources.includes("*/*"))
    errors.push(invalidValue(at, resources, "if '*/*' is present, must not specify other resources"));
  // As Kubernetes counts: the last resource without a subresource decides.
  const lastWhole = resources.filter((resource) => resource !== "" && !resource.includes("/")).at(-1);
  if (resources.includes("*") && lastWhole !== "*")
    errors.push(
      invalidValue(at, resources, "if '*' is present, must not specify other resources without subresources"),
    );
  return errors;
}

export function validateMatchResources(resources: MatchResources, at: Path): FieldError[] {
  const { matchPolicy, namespaceSelector, objectSelector } = resources;
  const errors = requiredEnum(at.child("matchPolicy"), matchPolicy, matchPolicies);
  for (const [field, selector] of Object.entries({ namespaceSelector, objectSelector }))
    append(errors, selector ? validateLabelSelector(at.child(field), selector) : [required(at.child(field))]);
  for (const field of ["resourceRules", "excludeResourceRules"] as const)
    append(errors, eachItem(at.child(field), resources[field], validateNamedRule));
  return errors;
}

function validateNamedRule(rule: NamedRuleWithOperations, at: Path): FieldError[] {
  const names = rule.resourceNames ?? [];
  return [
    ...eachItem(at.child("resourceNames"), names, (name, place, index) => [
      ...invalidFor(place, name, isPathSegmentName(name)),
      ...(names.indexOf(name) < index ? [duplicate(place, name)] : []),
    ]),
    ...validateRule(rule, at),
  ];
}

/** What a policy constrains says of what kinds of objects its expressions speak. */
export function validateMatchConstraints(constraints: MatchResources | undefined, at: Path): FieldError[] {
  if (!constraints) return [required(at)];
  const errors = validateMatchResources(constraints, at);
  if (!constraints.resourceRules?.length) errors.push(required(at.child("resourceRules")));
  return errors;
}

/** The path is that of Kubernetes, which does not say which rule it means. */
export function validateMutableOperations({ resourceRules = [] }: MatchResources, at: Path): FieldError[] {
  return resourceRules
    .flatMap((rule) => rule.operations ?? [])
    .filter((operation) => !mutableOperations.includes(operation))
    .map((operation) => notSupported(at.child("resourceRules", "operations"), operation, mutableOperations));
}

/** Of a policy with parameters conditions may look at `params`. */
export function validateMatchConditions(
  conditions: readonly MatchCondition[] = [],
  at: Path,
  declared: Declared = {},
): FieldError[] {
  const environment = requestEnvironment(declared);
  const errors = conditions.length > conditionsMax ? [tooMany(at, conditions.length, conditionsMax)] : [];
  const names = new Set<string>();
  append(
    errors,
    eachItem(at, conditions, ({ name = "", expression = "" }, place) => {
      const nameAt = place.child("name");
      const expressionAt = place.child("expression");
      const found = expression.trim() === "" ? [required(expressionAt)] : [];
      append(found, checkExpression(expressionAt, expression.trim(), environment, boolType).errors);
      if (name === "") return [...found, required(nameAt)];
      append(found, invalidFor(nameAt, name, isQualifiedName(name)));
      if (names.has(name)) found.push(duplicate(nameAt, name));
      names.add(name);
      return found;
    }),
  );
  return errors;
}
