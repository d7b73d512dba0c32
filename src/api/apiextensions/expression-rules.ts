// The rules in CEL that a schema gives, as far as they can be judged without compiling them.
import { eachItem } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { invalidValue, notSupported, type Path, required } from "../meta/field-error.ts";
import type { JSONSchemaProps, ValidationRule } from "../types.generated.ts";
import { findField } from "./field-path.ts";
import { unsupportedField } from "./schema-parts.ts";

const reasons = ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];
const lineBreak = /[\n\r]/;

export function validateRules(schema: JSONSchemaProps, at: Path): FieldError[] {
  return eachItem(at, schema["x-kubernetes-validations"], (rule, place) => [
    ...validateMessage(rule, place),
    ...validateReason(rule, place),
    ...validateFieldPath(rule, schema, place.child("fieldPath")),
  ]);
}

function validateMessage({ rule = "", message = "", messageExpression = "" }: ValidationRule, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const place = at.child("message");
  const trimmed = message.trim();
  if (rule.trim() === "") errors.push(required(at.child("rule"), "rule is not specified"));
  else if (message !== "" && trimmed === "")
    errors.push(invalidValue(place, message, "message must be non-empty if specified"));
  else if (lineBreak.test(trimmed)) errors.push(invalidValue(place, message, "message must not contain line breaks"));
  else if (lineBreak.test(rule.trim()) && trimmed === "")
    errors.push(required(place, "message must be specified if rule contains line breaks"));
  if (messageExpression !== "" && messageExpression.trim() === "")
    errors.push(required(at.child("messageExpression"), "messageExpression must be non-empty if specified"));
  return errors;
}

function validateReason({ reason }: ValidationRule, at: Path): FieldError[] {
  return reason === undefined || reasons.includes(reason) ? [] : [notSupported(at.child("reason"), reason, reasons)];
}

function validateFieldPath({ fieldPath = "" }: ValidationRule, schema: JSONSchemaProps, at: Path): FieldError[] {
  if (fieldPath === "") return [];
  const errors: FieldError[] = [];
  if (fieldPath.trim() === "") errors.push(invalidValue(at, fieldPath, "fieldPath must be non-empty if specified"));
  if (lineBreak.test(fieldPath)) errors.push(invalidValue(at, fieldPath, "fieldPath must not contain line breaks"));
  // A schema that cannot be read has no fields to find.
  if (unsupportedField(schema) !== undefined) return errors;
  try {
    findField(fieldPath, schema, { allowsBrackets: true });
  } catch {
    // findField throws for nothing but a path that leads nowhere.
    errors.push(invalidValue(at, fieldPath, "fieldPath must be a valid path"));
  }
  return errors;
}
