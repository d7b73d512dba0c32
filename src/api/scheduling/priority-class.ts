import { ageColumn, nameColumn } from "../columns.ts";
import { optionalEnum, requiredEnum } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, type Path } from "../meta/field-error.ts";
import { immutableFields } from "../meta/object-meta.ts";
import { defineResource } from "../resource.ts";
import type { PriorityClass } from "../types.generated.ts";

const systemPrefix = "system-";
/** The highest priority that users may give. */
const userPriorityMax = 1_000_000_000;

export const nodeCriticalPriority = 2_000_001_000;
export const clusterCriticalPriority = 2_000_000_000;
/** The classes that exist in every cluster, by name, with their priorities. */
const systemPriorities: ReadonlyMap<string, number> = new Map([
  ["system-node-critical", nodeCriticalPriority],
  ["system-cluster-critical", clusterCriticalPriority],
]);

export const PriorityClasses = defineResource<PriorityClass>({
  group: "scheduling.k8s.io",
  version: "v1",
  kind: "PriorityClass",
  plural: "priorityclasses",
  shortNames: ["pc"],
  columns: [
    nameColumn,
    { name: "Value", type: "integer", of: ({ value }) => value ?? 0 },
    { name: "Global-Default", type: "boolean", of: ({ globalDefault }) => globalDefault ?? false },
    ageColumn,
    { name: "PreemptionPolicy", type: "string", of: ({ preemptionPolicy }) => preemptionPolicy ?? "" },
  ],
  hasGeneration: true,
  // Kubernetes gives it the first one and never counts.
  isNewGeneration: () => false,
  defaults: (priorityClass) => {
    // The value is required, so that Go writes it when it is zero.
    priorityClass.value ??= 0;
    priorityClass.preemptionPolicy ??= "PreemptLowerPriority";
  },
  validate,
  validateUpdate: (next, old, at) => [
    ...((next.value ?? 0) === (old.value ?? 0)
      ? []
      : [forbiddenField(at.child("Value"), "may not be changed in an update.")]),
    ...immutableFields(at, next, old, ["preemptionPolicy"]),
  ],
});

function validate(priorityClass: PriorityClass, at: Path): FieldError[] {
  const { metadata, value = 0, preemptionPolicy } = priorityClass;
  const errors: FieldError[] = [];
  if (metadata.name.startsWith(systemPrefix)) {
    const wrong = whatIsNotOfTheSystem(priorityClass);
    if (wrong)
      errors.push(
        forbiddenField(
          at.child("metadata", "name"),
          `priority class names with '${systemPrefix}' prefix are reserved for system use only. error: ${wrong}`,
        ),
      );
  } else if (value > userPriorityMax)
    errors.push(
      forbiddenField(at.child("value"), `maximum allowed value of a user defined priority is ${userPriorityMax}`),
    );
  const policyAt = at.child("preemptionPolicy");
  const policies = ["PreemptLowerPriority", "Never"];
  const check = preemptionPolicy === "" ? requiredEnum : optionalEnum;
  return [...errors, ...check(policyAt, preemptionPolicy, policies)];
}

function whatIsNotOfTheSystem({ metadata: { name }, value, globalDefault }: PriorityClass): string | undefined {
  const expected = systemPriorities.get(name);
  if (expected === undefined) return `${name} is not a known system priority class`;
  if (value !== expected) return `value of ${name} PriorityClass must be ${expected}`;
  return globalDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}
