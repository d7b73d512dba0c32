import { type CelType, type Environment, listType, objectType } from "../../cel/index.ts";
import { ageColumn, nameColumn } from "../columns.ts";
import { eachItem, requiredEnum, requiredField } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { invalidValue, notSupported, type Path, required } from "../meta/field-error.ts";
import { defineResource } from "../resource.ts";
import type { MutatingAdmissionPolicy, Mutation } from "../types.generated.ts";
import { checkExpression, requestEnvironment } from "./expression-rules.ts";
import { defaultMatchResources, validateMatchConstraints, validateMutableOperations } from "./match-rules.ts";
import { checkConditionsAndVariables, paramKindCell, validateFailureAndParams } from "./policy-rules.ts";

export const MutatingAdmissionPolicies = defineResource<MutatingAdmissionPolicy>({
  group: "admissionregistration.k8s.io",
  version: "v1",
  kind: "MutatingAdmissionPolicy",
  plural: "mutatingadmissionpolicies",
  categories: ["api-extensions"],
  columns: [
    nameColumn,
    { name: "Mutations", type: "integer", of: ({ spec }) => spec.mutations?.length ?? 0 },
    { name: "ParamKind", type: "string", of: ({ spec }) => paramKindCell(spec) },
    ageColumn,
  ],
  hasGeneration: true,
  allowsUnconditionalUpdate: false,
  defaults: ({ spec }) => {
    spec.failurePolicy ??= "Fail";
    if (spec.matchConstraints) defaultMatchResources(spec.matchConstraints);
  },
  validate: ({ spec }, root) => {
    const at = root.child("spec");
    const constraintsAt = at.child("matchConstraints");
    const options = { makesPatches: true };
    const { errors, declared } = checkConditionsAndVariables(spec, at, options);
    const environment = requestEnvironment(declared, options);
    return [
      ...validateFailureAndParams(spec, at),
      ...validateMatchConstraints(spec.matchConstraints, constraintsAt),
      ...validateMutableOperations(spec.matchConstraints ?? {}, constraintsAt),
      ...errors,
      ...requiredField(at.child("mutations"), spec.mutations, "mutations must contain at least one item"),
      ...eachItem(at.child("mutations"), spec.mutations, (each, place) => validateMutation(each, place, environment)),
      ...requiredEnum(at.child("reinvocationPolicy"), spec.reinvocationPolicy, ["Never", "IfNeeded"]),
    ];
  },
});

/** The field that holds the expression of each type of patch. */
const patchFields = { ApplyConfiguration: "applyConfiguration", JSONPatch: "jsonPatch" } as const;
const patchTypes = ["ApplyConfiguration", "JSONPatch"] as const;
/** What the expression of each has to give. */
const patchResults = {
  applyConfiguration: objectType("Object", {}),
  jsonPatch: listType(objectType("JSONPatch", {})),
} as const;

function validateMutation(mutation: Mutation, at: Path, environment: Environment): FieldError[] {
  if (!mutation.patchType) return [required(at.child("patchType"))];
  const type = patchTypes.find((each) => each === mutation.patchType);
  if (!type) return [notSupported(at.child("patchType"), mutation.patchType, patchTypes)];
  const field = patchFields[type];
  const other = field === "jsonPatch" ? "applyConfiguration" : "jsonPatch";
  const patch = mutation[field];
  const errors = patch
    ? validatePatchExpression(
        patch.expression?.trim() ?? "",
        at.child(field, "expression"),
        environment,
        patchResults[field],
      )
    : [required(at.child(field), `must be specified when patchType is ${type}`)];
  if (mutation[other])
    errors.push(invalidValue(at.child(other), `{${other}}`, `must not be specified when patchType is ${type}`));
  return errors;
}

function validatePatchExpression(
  expression: string,
  at: Path,
  environment: Environment,
  result: CelType,
): FieldError[] {
  return [...requiredField(at, expression), ...checkExpression(at, expression, environment, result).errors];
}
