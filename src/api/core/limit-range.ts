import { append, type Draft } from "../../lib/index.ts";
import { createdAtColumn, nameColumn } from "../columns.ts";
import { eachEntry, eachItem, invalidFor } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { duplicate, forbiddenField, invalidValue, type Path, required } from "../meta/field-error.ts";
import { isQualifiedName } from "../meta/names.ts";
import { compareQuantities, quantityMilliValue, validateQuantity } from "../meta/quantity.ts";
import { defineResource } from "../resource.ts";
import type { LimitRange, LimitRangeItem, Quantity } from "../types.generated.ts";
import { roundUpAmounts } from "./resource-list.ts";
import { isOvercommitAllowed, validateContainerResourceName, validateResourceName } from "./resource-names.ts";

export const LimitRanges = defineResource<LimitRange>({
  group: "",
  version: "v1",
  kind: "LimitRange",
  plural: "limitranges",
  shortNames: ["limits"],
  columns: [nameColumn, createdAtColumn],
  allowsCreateOnUpdate: true,
  defaults: ({ spec }) => {
    spec.limits ??= [];
    for (const item of spec.limits) {
      for (const field of ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] as const)
        roundUpAmounts(item[field]);
      if (item.type === "Container") defaultContainerLimits(item);
    }
  },
  validate,
});

/** A container's default limit is the maximum, its default request that limit, else the minimum. */
function defaultContainerLimits(item: Draft<LimitRangeItem>): void {
  const limit = { ...item.max, ...item.default };
  const request = { ...item.min, ...limit, ...item.defaultRequest };
  if (Object.keys(limit).length > 0) item.default = limit;
  if (Object.keys(request).length > 0) item.defaultRequest = request;
}

function validate({ spec }: LimitRange, at: Path): FieldError[] {
  const seen = new Set<string>();
  return eachItem(at.child("spec", "limits"), spec.limits, (item, place) => {
    const errors = validateType(item, place.child("type"));
    if (seen.has(item.type)) errors.push(duplicate(place.child("type"), item.type));
    seen.add(item.type);
    append(errors, validateLists(item, place), validateOrder(item, place));
    return errors;
  });
}

function validateType({ type }: LimitRangeItem, at: Path): FieldError[] {
  const errors = invalidFor(at, type ?? "", isQualifiedName(type ?? ""));
  if (errors.length > 0 || type.includes("/") || ["Pod", "Container", "PersistentVolumeClaim"].includes(type))
    return errors;
  return [invalidValue(at, type, "must be a standard limit type or fully qualified")];
}

function validateLists(item: LimitRangeItem, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const isPod = item.type === "Pod";
  const validateName = isPod || item.type === "Container" ? validateContainerResourceName : validateResourceName;
  const { max, min, default: defaults, defaultRequest, maxLimitRequestRatio } = item;
  const lists = { max, min, ...(!isPod && { default: defaults, defaultRequest }), maxLimitRequestRatio };
  for (const [field, list] of Object.entries(lists))
    append(
      errors,
      eachEntry<Quantity>(at.child(field), list, (name, amount, place) => [
        ...validateName(place, name),
        ...validateQuantity(place, amount),
      ]),
    );
  if (isPod)
    for (const field of ["default", "defaultRequest"] as const)
      if (Object.keys(item[field] ?? {}).length > 0)
        errors.push(forbiddenField(at.child(field), "may not be specified when `type` is 'Pod'"));
  if (item.type === "PersistentVolumeClaim" && min?.storage === undefined && max?.storage === undefined)
    errors.push(
      required(at.child("limits"), "either minimum or maximum storage value is required, but neither was provided"),
    );
  return errors;
}

/** min ≤ default request ≤ default ≤ max, and a ratio that these leave room for. */
function validateOrder(item: LimitRangeItem, at: Path): FieldError[] {
  const { max = {}, min = {}, default: defaults = {}, defaultRequest = {}, maxLimitRequestRatio = {} } = item;
  const names = new Set(
    [max, min, defaults, defaultRequest, maxLimitRequestRatio].flatMap((each) => Object.keys(each)),
  );
  const errors: FieldError[] = [];
  for (const name of [...names].sort()) {
    const above = (a: Quantity | undefined, b: Quantity | undefined) =>
      a !== undefined && b !== undefined && validateQuantity(at, a).length + validateQuantity(at, b).length === 0
        ? compareQuantities(a, b) > 0
        : false;
    const wrong = (field: string, value: Quantity | undefined, detail: string) =>
      errors.push(invalidValue(at.child(field).key(name), value, detail));
    const [least, most, limit, request, ratio] = [min, max, defaults, defaultRequest, maxLimitRequestRatio].map(
      (amounts) => (Object.hasOwn(amounts, name) ? amounts[name] : undefined),
    );
    if (above(least, most)) wrong("min", least, `min value ${least} is greater than max value ${most}`);
    if (above(least, request))
      wrong("defaultRequest", request, `min value ${least} is greater than default request value ${request}`);
    if (above(request, most))
      wrong("defaultRequest", request, `default request value ${request} is greater than max value ${most}`);
    if (above(request, limit))
      wrong("defaultRequest", request, `default request value ${request} is greater than default limit value ${limit}`);
    if (above(least, limit)) wrong("default", least, `min value ${least} is greater than default value ${limit}`);
    if (above(limit, most)) wrong("default", most, `default value ${limit} is greater than max value ${most}`);
    if (above("1", ratio)) wrong("maxLimitRequestRatio", ratio, `ratio ${ratio} is less than 1`);
    if (ratio !== undefined && least !== undefined && most !== undefined && !above("1", ratio)) {
      const largest = quantityMilliValue(most) / quantityMilliValue(least);
      if (quantityMilliValue(ratio) / 1000 > largest)
        wrong("maxLimitRequestRatio", ratio, `ratio ${ratio} is greater than max/min = ${largest.toFixed(6)}`);
    }
    if (!isOvercommitAllowed(name) && (above(limit, request) || above(request, limit)))
      wrong(
        "defaultRequest",
        request,
        `default value ${limit} must equal to defaultRequest value ${request} in ${name}`,
      );
  }
  return errors;
}
