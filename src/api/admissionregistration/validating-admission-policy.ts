import { boolType, stringType } from "../../cel/index.ts";
import { utf8Length } from "../../lib/index.ts";
import { ageColumn, nameColumn } from "../columns.ts";
import { validateConditions } from "../conditions.ts";
import { eachItem, invalidFor, optionalEnum, requiredField } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { duplicate, invalidValue, type Path, required } from "../meta/field-error.ts";
import { isQualifiedName } from "../meta/names.ts";
import { resetMetadataForStatus } from "../meta/object-meta.ts";
import { defineResource } from "../resource.ts";
import type { AuditAnnotation, ValidatingAdmissionPolicy, Validation } from "../types.generated.ts";
import { type PolicyVariable, validateExpression } from "./expression-rules.ts";
import { defaultMatchResources, validateMatchConstraints } from "./match-rules.ts";
import { paramKindCell, validateConditionsAndVariables, validateFailureAndParams } from "./policy-rules.ts";

const auditAnnotationsMax = 20;
const auditExpressionBytesMax = 5 * 1024;
const reasons = ["Forbidden", "Invalid", "RequestEntityTooLarge"];
const oneItem = "validations or auditAnnotations must contain at least one item";

export const ValidatingAdmissionPolicies = defineResource<ValidatingAdmissionPolicy>({
  group: "admissionregistration.k8s.io",
  version: "v1",
  kind: "ValidatingAdmissionPolicy",
  plural: "validatingadmissionpolicies",
  categories: ["api-extensions"],
  columns: [
    nameColumn,
    { name: "Validations", type: "integer", of: ({ spec }) => spec.validations?.length ?? 0 },
    { name: "ParamKind", type: "string", of: ({ spec }) => paramKindCell(spec) },
    ageColumn,
  ],
  allowsUnconditionalUpdate: false,
  defaults: ({ spec }) => {
    spec.failurePolicy ??= "Fail";
    if (spec.matchConstraints) defaultMatchResources(spec.matchConstraints);
  },
  prepareForStatusUpdate: ({ metadata }, old) => resetMetadataForStatus(metadata, old.metadata),
  validate: ({ metadata, spec }, root) => {
    const at = root.child("spec");
    return [
      ...validateFailureAndParams(spec, at),
      ...validateMatchConstraints(spec.matchConstraints, at.child("matchConstraints")),
      ...validateConditionsAndVariables(spec, at),
      ...(spec.validations?.length || spec.auditAnnotations?.length
        ? []
        : [required(at.child("validations"), oneItem), required(at.child("auditAnnotations"), oneItem)]),
      ...eachItem(at.child("validations"), spec.validations, (each, place) =>
        validateValidation(each, place, spec.paramKind ? ["params", ...known] : known),
      ),
      ...validateAuditAnnotations(spec.auditAnnotations, metadata.name, at.child("auditAnnotations")),
    ];
  },
  validateStatusUpdate: ({ status }, _old, root) => {
    const at = root.child("status");
    return [
      ...eachItem(
        at.child("typeChecking", "expressionWarnings"),
        status.typeChecking?.expressionWarnings,
        ({ warning, fieldRef = "" }, place) => [
          ...requiredField(place.child("warning"), warning),
          ...requiredField(place.child("fieldRef"), fieldRef.trim()),
        ],
      ),
      ...validateConditions(at.child("conditions"), status.conditions),
    ];
  },
});

const known: readonly PolicyVariable[] = ["namespaceObject", "variables"];

function validateValidation(validation: Validation, at: Path, variables: readonly PolicyVariable[]): FieldError[] {
  const { expression = "", message = "", messageExpression = "", reason } = validation;
  const errors: FieldError[] = [];
  if (expression.trim() === "") errors.push(required(at.child("expression"), "expression is not specified"));
  errors.push(
    ...validateExpression(at.child("expression"), expression, variables, boolType),
    ...validateExpression(at.child("messageExpression"), messageExpression, variables, stringType),
  );
  if (messageExpression !== "" && messageExpression.trim() === "")
    errors.push(invalidValue(at.child("messageExpression"), messageExpression, "must be non-empty if specified"));
  if (message !== "" && message.trim() === "")
    errors.push(invalidValue(at.child("message"), message, "message must be non-empty if specified"));
  else if (/[\n\r]/.test(message.trim()))
    errors.push(invalidValue(at.child("message"), message, "message must not contain line breaks"));
  return [...errors, ...optionalEnum(at.child("reason"), reason, reasons)];
}

function validateAuditAnnotations(annotations: readonly AuditAnnotation[] = [], policy: string, at: Path) {
  const errors: FieldError[] = [];
  if (annotations.length > auditAnnotationsMax)
    errors.push(invalidValue(at, annotations, `must not have more than ${auditAnnotationsMax} auditAnnotations`));
  const keys = new Set<string>();
  errors.push(
    ...eachItem(at, annotations, ({ key = "", valueExpression = "" }, place) => {
      const keyAt = place.child("key");
      const fullKey = `${policy}/${key}`;
      const found = invalidFor(keyAt, fullKey, isQualifiedName(fullKey));
      found.push(...validateAuditExpression(valueExpression.trim(), place.child("valueExpression")));
      if (keys.has(key)) found.push(duplicate(keyAt, key));
      keys.add(key);
      return found;
    }),
  );
  return errors;
}

function validateAuditExpression(expression: string, at: Path): FieldError[] {
  if (expression === "") return [required(at, "valueExpression is not specified")];
  return utf8Length(expression) > auditExpressionBytesMax
    ? [required(at, `must not exceed ${auditExpressionBytesMax} bytes in length`)]
    : [];
}
