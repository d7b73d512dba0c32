// What a claim asks for, in claims and in templates of claims.
import { append, type Draft, type Int64 } from "../../lib/index.ts";
import { invalidFor } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { invalidValue, notSupported, type Path, required } from "../meta/field-error.ts";
import { isDns1123Label, isDns1123Subdomain } from "../meta/names.ts";
import type { DeviceClaim, DeviceConstraint, DeviceRequest, ExactDeviceRequest } from "../types.generated.ts";
import {
  boundedList,
  boundedSet,
  deviceListMax,
  validateFullyQualifiedName,
  validateOpaque,
  validateSelectors,
} from "./device-rules.ts";

const alternativesMax = 8;
const oneKindOfRequest = "exactly one of `exactly` or `firstAvailable` is required";

/** What is asked of devices of one class, by a request or by one of its alternatives. */
type DeviceNeed = Omit<ExactDeviceRequest, "adminAccess">;

export function defaultDeviceClaim(claim: Draft<DeviceClaim>): void {
  for (const need of needsOf(claim)) {
    need.allocationMode ||= "ExactCount";
    if (need.allocationMode === "ExactCount") need.count ||= 1;
  }
}

function needsOf({ requests }: Draft<DeviceClaim>): Draft<DeviceNeed>[] {
  return (requests ?? []).flatMap(({ exactly, firstAvailable }) => [
    ...(exactly ? [exactly] : []),
    ...(firstAvailable ?? []),
  ]);
}

export function validateDeviceClaim(claim: DeviceClaim, at: Path): FieldError[] {
  const names = requestNames(claim);
  return [
    ...boundedSet(at.child("requests"), claim.requests, deviceListMax, nameOf, validateRequest),
    ...boundedList(at.child("constraints"), claim.constraints, deviceListMax, (constraint, place) =>
      validateConstraint(constraint, names, place),
    ),
    ...boundedList(at.child("config"), claim.config, deviceListMax, ({ requests, opaque }, place) => [
      ...validateRequestReferences(requests, names, place.child("requests")),
      ...validateOpaque(opaque, place),
    ]),
  ];
}

const nameOf = ({ name = "" }: { readonly name: string }) => name;

/** What can be referred to: every request, and every alternative as `request/alternative`. */
export function requestNames({ requests = [] }: DeviceClaim): ReadonlySet<string> {
  return new Set(
    requests.flatMap(({ name = "", firstAvailable = [] }) => [
      name,
      ...firstAvailable.map((alternative) => `${name}/${alternative.name}`),
    ]),
  );
}

function validateRequest({ name = "", exactly, firstAvailable = [] }: DeviceRequest, at: Path): FieldError[] {
  const errors = invalidFor(at.child("name"), name, isDns1123Label(name));
  if (!exactly && firstAvailable.length === 0) errors.push(required(at, oneKindOfRequest));
  else if (exactly && firstAvailable.length > 0)
    errors.push(invalidValue(at, undefined, `${oneKindOfRequest}, but multiple fields are set`));
  else if (exactly) append(errors, validateNeed(exactly, at.child("exactly")));
  else
    append(
      errors,
      boundedSet(at.child("firstAvailable"), firstAvailable, alternativesMax, nameOf, (alternative, place) => [
        ...invalidFor(place.child("name"), alternative.name ?? "", isDns1123Label(alternative.name ?? "")),
        ...validateNeed(alternative, place),
      ]),
    );
  return errors;
}

function validateNeed({ deviceClassName = "", selectors, allocationMode, count = 0 }: DeviceNeed, at: Path) {
  const classAt = at.child("deviceClassName");
  return [
    ...(deviceClassName === ""
      ? [required(classAt)]
      : invalidFor(classAt, deviceClassName, isDns1123Subdomain(deviceClassName))),
    ...validateSelectors(selectors, at.child("selectors")),
    ...validateAllocationMode(allocationMode, count, at),
  ];
}

function validateAllocationMode(mode: string | undefined, count: Int64, at: Path): FieldError[] {
  const countAt = at.child("count");
  switch (mode) {
    case "All":
      return count === 0 ? [] : [invalidValue(countAt, count, "must not be specified when allocationMode is 'All'")];
    case "ExactCount":
      return count > 0 ? [] : [invalidValue(countAt, count, "must be greater than zero")];
    default:
      return [notSupported(at.child("allocationMode"), mode ?? "", ["All", "ExactCount"])];
  }
}

function validateConstraint(
  { requests, matchAttribute }: DeviceConstraint,
  names: ReadonlySet<string>,
  at: Path,
): FieldError[] {
  const attributeAt = at.child("matchAttribute");
  return [
    ...validateRequestReferences(requests, names, at.child("requests")),
    ...(matchAttribute === undefined
      ? [required(attributeAt)]
      : validateFullyQualifiedName(matchAttribute, attributeAt)),
  ];
}

export function validateRequestReferences(
  references: readonly string[] | undefined,
  names: ReadonlySet<string>,
  at: Path,
): FieldError[] {
  return boundedSet(
    at,
    references,
    deviceListMax,
    (reference) => reference,
    (reference, place) => validateRequestReference(reference, names, place),
  );
}

export function validateRequestReference(reference: string, names: ReadonlySet<string>, at: Path): FieldError[] {
  const unknown = invalidValue(
    at,
    reference,
    "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'",
  );
  const segments = reference.split("/");
  if (segments.length > 2) return [unknown];
  const errors = segments.flatMap((segment) => invalidFor(at, segment, isDns1123Label(segment)));
  return names.has(reference) ? errors : [...errors, unknown];
}
