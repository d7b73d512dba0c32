import { boolType, nullType, stringType } from "../../cel/index.ts";
import { append, exceedsBytes } from "../../lib/index.ts";
import { ageColumn, nameColumn } from "../columns.ts";
import { validateConditions } from "../conditions.ts";
import { eachItem, invalidFor, optionalEnum, requiredField } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { duplicate, invalidValue, type Path, required } from "../meta/field-error.ts";
import { isQualifiedName } from "../meta/names.ts";
import { resetMetadataForStatus } from "../meta/object-meta.ts";
import { defineResource } from "../resource.ts";
import type { AuditAnnotation, ValidatingAdmissionPolicy, Validation } from "../types.generated.ts";
import { checkExpression, type Declared, requestEnvironment } from "./expression-rules.ts";
import { defaultMatchResources, validateMatchConstraints } from "./match-rules.ts";
import { checkConditionsAndVariables, paramKindCell, validateFailureAndParams } from "./policy-rules.ts";

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
    const { errors, declared } = checkConditionsAndVariables(spec, at);
    return [
      ...validateFailureAndParams(spec, at),
      ...validateMatchConstraints(spec.matchConstraints, at.child("matchConstraints")),
      ...errors,
      ...(spec.validations?.length || spec.auditAnnotations?.length
        ? []
        : [required(at.child("validations"), oneItem), required(at.child("auditAnnotations"), oneItem)]),
      ...eachItem(at.child("validations"), spec.validations, (each, place) =>
        validateValidation(each, place, declared),
      ),
      ...validateAuditAnnotations(spec.auditAnnotations, metadata.name, at.child("auditAnnotations"), declared),
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

function validateValidation(validation: Validation, at: Path, declared: Declared): FieldError[] {
  const { expression = "", message = "", messageExpression = "", reason } = validation;
  const errors: FieldError[] = [];
  if (expression.trim() === "") errors.push(required(at.child("expression"), "expression is not specified"));
  append(
    errors,
    checkExpression(at.child("expression"), expression, requestEnvironment(declared), boolType).errors,
    checkExpression(
      at.child("messageExpression"),
      messageExpression,
      requestEnvironment(declared, { authorizes: false }),
      stringType,
    ).errors,
  );
  if (messageExpression !== "" && messageExpression.trim() === "")
    errors.push(invalidValue(at.child("messageExpression"), messageExpression, "must be non-empty if specified"));
  if (message !== "" && message.trim() === "")
    errors.push(invalidValue(at.child("message"), message, "message must be non-empty if specified"));
  else if (/[\n\r]/.test(message.trim()))
    errors.push(invalidValue(at.child("message"), message, "message must not contain line breaks"));
  return [...errors, ...optionalEnum(at.child("reason"), reason, reasons)];
}

function validateAuditAnnotations(
  annotations: readonly AuditAnnotation[] = [],
  policy: string,
  at: Path,
  declared: Declared,
): FieldError[] {
  const errors: FieldError[] = [];
  if (annotations.length > auditAnnotationsMax)
    errors.push(invalidValue(at, annotations, `must not have more than ${auditAnnotationsMax} auditAnnotations`));
  const keys = new Set<string>();
  append(
    errors,
    eachItem(at, annotations, ({ key = "", valueExpression = "" }, place) => {
      const keyAt = place.child("key");
      const fullKey = `${policy}/${key}`;
      const found = invalidFor(keyAt, fullKey, isQualifiedName(fullKey));
      append(found, validateAuditExpression(valueExpression.trim(), place.child("valueExpression"), declared));
      if (keys.has(key)) found.push(duplicate(keyAt, key));
      keys.add(key);
      return found;
    }),
  );
  return errors;
}

function validateAuditExpression(expression: string, at: Path, declared: Declared): FieldError[] {
  if (expression === "") return [required(at, "valueExpression is not specified")];
  if (exceedsBytes(auditExpressionBytesMax, expression))
    return [required(at, `must not exceed ${auditExpressionBytesMax} bytes in length`)];
  return checkExpression(at, expression, requestEnvironment(declared), stringType, nullType).errors;
}
