// What validating and mutating policies and their bindings have in common:
// k8s.io/kubernetes/pkg/apis/admissionregistration/validation/validation.go.

import { type CelType, dynType, objectType } from "../../cel/index.ts";
import { append } from "../../lib/index.ts";
import { ageColumn, nameColumn } from "../columns.ts";
import { invalidFor, requiredEnum } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, invalidValue, type Path, required } from "../meta/field-error.ts";
import { validateLabelSelector } from "../meta/label-selector.ts";
import { isDns1035Label, isDns1123Subdomain, isPathSegmentName, nameIsDnsSubdomain } from "../meta/names.ts";
import type { Column, KubeObject } from "../resource.ts";
import type { LabelSelector, MatchCondition, ParamKind, ParamRef, Variable } from "../types.generated.ts";
import { checkExpression, type Declared, type ExpressionOptions, requestEnvironment } from "./expression-rules.ts";
import { namespaceType } from "./expression-variables.ts";
import { failurePolicies, validateMatchConditions } from "./match-rules.ts";

interface PolicySpec {
  readonly failurePolicy?: string;
  readonly paramKind?: ParamKind;
  readonly matchConditions?: readonly MatchCondition[];
  readonly variables?: readonly Variable[];
}

export function paramKindCell({ paramKind }: PolicySpec): string {
  return paramKind ? `${paramKind.apiVersion ?? ""}/${paramKind.kind ?? ""}` : "<unset>";
}

/** A ValidatingAdmissionPolicyBinding or a MutatingAdmissionPolicyBinding. */
interface PolicyBinding extends KubeObject {
  readonly spec: { readonly policyName?: string; readonly paramRef?: ParamRef };
}

export const bindingColumns: readonly Column<PolicyBinding>[] = [
  nameColumn,
  { name: "PolicyName", type: "string", of: ({ spec }) => spec.policyName ?? "" },
  { name: "ParamRef", type: "string", of: ({ spec }) => paramRefCell(spec.paramRef) },
  ageColumn,
];

function paramRefCell({ name, namespace, selector }: ParamRef = {}): string {
  if (name) return `${namespace || "*"}/${name}`;
  return selector ? goText(selector) : "<unset>";
}

/** The selector as Go's generated types print themselves, which is how kubectl shows it. */
function goText({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
  const labels = Object.keys(matchLabels).sort();
  const expressions = matchExpressions.map(
    ({ key, operator, values = [] }) =>
      `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(" ")}],},`,
  );
  return `&LabelSelector{MatchLabels:map[string]string{${labels.map((label) => `${label}: ${matchLabels[label]},`).join("")}},MatchExpressions:[]LabelSelectorRequirement{${expressions.join("")}},}`;
}

/** What stands before what the policy constrains. */
export function validateFailureAndParams({ failurePolicy, paramKind }: PolicySpec, at: Path): FieldError[] {
  return [
    ...requiredEnum(at.child("failurePolicy"), failurePolicy, failurePolicies),
    ...(paramKind ? validateParamKind(paramKind, at.child("paramKind")) : []),
  ];
}

/** Also what the other expressions of the policy may look at; each variable sees those before it. */
export function checkConditionsAndVariables(
  { matchConditions, variables = [], paramKind }: PolicySpec,
  at: Path,
  options: ExpressionOptions = {},
): { readonly errors: FieldError[]; readonly declared: Declared } {
  const params: Declared = paramKind ? { params: dynType } : {};
  const errors = validateMatchConditions(matchConditions, at.child("matchConditions"), params);
  let declared: Declared = { ...params, namespaceObject: namespaceType };
  // Expressions that make patches have variables even when there are none.
  if (variables.length === 0 && !options.makesPatches) return { errors, declared };
  // Without a prototype: a variable may be called `__proto__`.
  const types: Record<string, CelType> = Object.create(null);
  const withVariables = () => ({ ...declared, variables: objectType("kubernetes.variables", types) });
  for (const [index, variable] of variables.entries()) {
    const place = at.child("variables").index(index);
    const { name = "", expression = "" } = variable;
    const checked = checkExpression(
      place.child("expression"),
      expression,
      requestEnvironment(withVariables(), options),
    );
    append(errors, validateVariable(variable, place), checked.errors);
    types[name] = checked.type;
  }
  declared = withVariables();
  return { errors, declared };
}

function validateParamKind({ apiVersion = "", kind = "" }: ParamKind, at: Path): FieldError[] {
  const kindAt = at.child("kind");
  const errors = validateApiVersion(apiVersion, at.child("apiVersion"));
  if (kind === "") return [...errors, required(kindAt)];
  const wrong = isDns1035Label(kind.toLowerCase());
  if (wrong.length > 0)
    errors.push(invalidValue(kindAt, kind, `may have mixed case, but should otherwise match: ${wrong.join(",")}`));
  return errors;
}

function validateApiVersion(apiVersion: string, at: Path): FieldError[] {
  if (apiVersion === "") return [required(at)];
  const parts = apiVersion.split("/");
  if (parts.length > 2) return [invalidValue(at, apiVersion, `unexpected GroupVersion string: ${apiVersion}`)];
  const version = parts.at(-1) ?? "";
  const group = parts.length === 2 ? (parts[0] ?? "") : "";
  const wrongGroup = group === "" ? [] : isDns1123Subdomain(group);
  const wrongVersion = isDns1035Label(version);
  const errors = wrongGroup.length > 0 ? [invalidValue(at, group, wrongGroup.join(","))] : [];
  if (version === "") errors.push(invalidValue(at, apiVersion, "version must be specified"));
  else if (wrongVersion.length > 0) errors.push(invalidValue(at, version, wrongVersion.join(",")));
  return errors;
}

const identifier = /^[_a-zA-Z][_a-zA-Z0-9]*$/;
/** Words of the language: https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax */
const reserved = new Set([
  ...["true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import"],
  ...["let", "loop", "package", "namespace", "return", "var", "void", "while"],
]);

function validateVariable({ name = "", expression = "" }: Variable, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (name.trim() === "") errors.push(required(at.child("name"), "name is not specified"));
  else if (!identifier.test(name) || reserved.has(name))
    errors.push(invalidValue(at.child("name"), name, "name is not a valid CEL identifier"));
  if (expression.trim() === "") errors.push(required(at.child("expression"), "expression is not specified"));
  return errors;
}

export function validatePolicyName(name = "", at: Path): FieldError[] {
  return name === "" ? [required(at)] : invalidFor(at, name, nameIsDnsSubdomain(name, false));
}

/** Parameters are one object by name or some by their labels. */
export function validateParamRef(ref: ParamRef | undefined, at: Path): FieldError[] {
  if (!ref) return [];
  const { name = "", selector, parameterNotFoundAction } = ref;
  const exclusive = "name and selector are mutually exclusive";
  const errors: FieldError[] = [];
  if (name !== "") append(errors, invalidFor(at.child("name"), name, isPathSegmentName(name)));
  if (name !== "" && selector) errors.push(forbiddenField(at.child("name"), exclusive));
  append(errors, validateLabelSelector(at.child("selector"), selector));
  if (name !== "" && selector) errors.push(forbiddenField(at.child("selector"), exclusive));
  if (name === "" && !selector) errors.push(required(at, "one of name or selector must be specified"));
  return [...errors, ...requiredEnum(at.child("parameterNotFoundAction"), parameterNotFoundAction, ["Deny", "Allow"])];
}
