import { append, deepEqual } from "../../lib/index.ts";
import { ageColumn, nameColumn } from "../columns.ts";
import { eachEntry } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { goStruct, invalidValue, type Path, required } from "../meta/field-error.ts";
import { defineResource } from "../resource.ts";
import type { Quantity, ResourceQuota, ResourceQuotaSpec } from "../types.generated.ts";
import { roundUpAmounts } from "./resource-list.ts";
import { isStandardQuotaResource, validateQuotaResourceName, validateResourceAmount } from "./resource-names.ts";

export const ResourceQuotas = defineResource<ResourceQuota>({
  group: "",
  version: "v1",
  kind: "ResourceQuota",
  plural: "resourcequotas",
  shortNames: ["quota"],
  columns: [
    nameColumn,
    { name: "Request", type: "string", of: (quota) => usageCell(quota, false) },
    { name: "Limit", type: "string", of: (quota) => usageCell(quota, true) },
    ageColumn,
  ],
  hasGeneration: false,
  defaults: ({ spec, status }) => {
    for (const list of [spec.hard, status.hard, status.used]) roundUpAmounts(list);
  },
  validate: (quota, at) => [
    ...validateAmounts(at.child("spec", "hard"), quota.spec.hard),
    ...validateScopes(quota.spec, at.child("spec", "scopes")),
    ...validateScopeSelector(quota.spec, at.child("spec", "scopeSelector", "matchExpressions")),
    ...validateStatus(quota, at),
  ],
  validateUpdate: (next, old, at) =>
    deepEqual(sortedScopes(next), sortedScopes(old))
      ? []
      : [invalidValue(at.child("spec", "scopes"), next.spec.scopes, "field is immutable")],
  validateStatusUpdate: (next, _old, at) => validateStatus(next, at),
});

function sortedScopes({ spec }: ResourceQuota): string[] {
  return [...new Set(spec.scopes)].sort();
}

function usageCell({ status }: ResourceQuota, limits: boolean): string {
  return Object.keys(status.hard ?? {})
    .sort()
    .filter((name) => name.startsWith("limits.") === limits)
    .map((name) => `${name}: ${status.used?.[name] ?? "0"}/${status.hard?.[name]}`)
    .join(", ");
}

function validateAmounts(at: Path, list: Readonly<Record<string, Quantity>> | undefined): FieldError[] {
  return eachEntry(at, list, (name, amount, place) => [
    ...validateQuotaResourceName(place, name),
    ...validateResourceAmount(place, name, amount),
  ]);
}

function validateStatus({ status }: ResourceQuota, at: Path): FieldError[] {
  return [
    ...validateAmounts(at.child("status", "hard"), status.hard),
    ...validateAmounts(at.child("status", "used"), status.used),
  ];
}

const existsOnly = ["Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "CrossNamespacePodAffinity"];
const scopes = [...existsOnly, "PriorityClass", "VolumeAttributesClass"];
const podComputeResources = new Set(
  ["pods", "cpu", "memory", "ephemeral-storage"].flatMap((name) =>
    name === "pods" ? [name] : [name, `requests.${name}`, `limits.${name}`],
  ),
);
const conflicts = [
  ["BestEffort", "NotBestEffort"],
  ["Terminating", "NotTerminating"],
];

/** Whether a quota of the scope can count the resource. */
function scopeCounts(scope: string, name: string): boolean {
  switch (scope) {
    case "Terminating":
    case "NotTerminating":
    case "NotBestEffort":
    case "PriorityClass":
    case "CrossNamespacePodAffinity":
      return podComputeResources.has(name);
    case "BestEffort":
      return name === "pods";
    case "VolumeAttributesClass":
      return name === "persistentvolumeclaims" || name === "requests.storage";
    default:
      return true;
  }
}

function scopeErrors(named: readonly string[], spec: ResourceQuotaSpec, at: Path, shown: unknown): FieldError[] {
  const errors: FieldError[] = [];
  for (const scope of named)
    for (const name of Object.keys(spec.hard ?? {}).sort())
      if (isStandardQuotaResource(name) && !scopeCounts(scope, name))
        errors.push(invalidValue(at, shown, "unsupported scope applied to resource"));
  if (conflicts.some((pair) => pair.every((scope) => named.includes(scope))))
    errors.push(invalidValue(at, spec.scopes, "conflicting scopes"));
  return errors;
}

function validateScopes(spec: ResourceQuotaSpec, at: Path): FieldError[] {
  const named = spec.scopes ?? [];
  const unknown = named.filter((scope) => !scopes.includes(scope));
  return [...unknown.map(() => invalidValue(at, named, "unsupported scope")), ...scopeErrors(named, spec, at, named)];
}

function validateScopeSelector(spec: ResourceQuotaSpec, at: Path): FieldError[] {
  const expressions = spec.scopeSelector?.matchExpressions ?? [];
  const errors: FieldError[] = [];
  for (const { scopeName, operator, values = [] } of expressions) {
    if (!scopes.includes(scopeName)) errors.push(invalidValue(at.child("scopeName"), scopeName, "unsupported scope"));
    if (existsOnly.includes(scopeName) && operator !== "Exists")
      errors.push(
        invalidValue(
          at.child("operator"),
          operator,
          "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
        ),
      );
    if (operator === "In" || operator === "NotIn") {
      if (values.length === 0)
        errors.push(
          required(
            at.child("values"),
            "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
          ),
        );
    } else if (operator === "Exists" || operator === "DoesNotExist") {
      if (values.length > 0)
        errors.push(
          invalidValue(
            at.child("values"),
            values,
            "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
          ),
        );
    } else errors.push(invalidValue(at.child("operator"), operator, "not a valid selector operator"));
  }
  const named = expressions.map(({ scopeName }) => scopeName);
  const shown = expressions.map(({ scopeName, operator, values }) =>
    goStruct({ ScopeName: scopeName, Operator: operator, Values: values }),
  );
  append(errors, scopeErrors(named, spec, at, { MatchExpressions: shown }));
  return errors;
}
