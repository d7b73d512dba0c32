import assert from "node:assert/strict";
import { test } from "node:test";
import { cells, created, errorsOnCreate, errorsOnUpdate, type Partially } from "../definition-fixture.ts";
import type { PriorityClass } from "../types.generated.ts";
import { PriorityClasses } from "./priority-class.ts";

test("a class may take the place of others", () => {
  const { value, preemptionPolicy } = created(PriorityClasses, {});
  assert.deepEqual([value, preemptionPolicy], [0, "PreemptLowerPriority"]);
});

const system = { metadata: { name: "system-node-critical" } };
const reserved = "priority class names with 'system-' prefix are reserved for system use only. error:";

const invalid: readonly (readonly [string, Partially<PriorityClass>, readonly string[]])[] = [
  ["a good one", { value: 1_000_000_000 }, []],
  ["one of the system", { ...system, value: 2_000_001_000 }, []],
  [
    "too high",
    { value: 1_000_000_001 },
    ["value: Forbidden: maximum allowed value of a user defined priority is 1000000000"],
  ],
  [
    "another value of the system's",
    { ...system, value: 5 },
    [`metadata.name: Forbidden: ${reserved} value of system-node-critical PriorityClass must be 2000001000`],
  ],
  [
    "a name of the system",
    { metadata: { name: "system-own" } },
    [`metadata.name: Forbidden: ${reserved} system-own is not a known system priority class`],
  ],
  [
    "the system's as the default",
    { ...system, value: 2_000_001_000, globalDefault: true },
    [`metadata.name: Forbidden: ${reserved} globalDefault of system-node-critical PriorityClass must be false`],
  ],
  [
    "an unknown policy",
    { preemptionPolicy: "Ask" },
    ['preemptionPolicy: Unsupported value: "Ask": supported values: "PreemptLowerPriority", "Never"'],
  ],
];

for (const [name, object, errors] of invalid)
  test(`a priority class is validated: ${name}`, () => {
    assert.deepEqual(errorsOnCreate(PriorityClasses, object), errors);
  });

test("what a class is worth stays", () => {
  const errors = errorsOnUpdate(PriorityClasses, { value: 1 }, (draft) => {
    draft.value = 2;
    draft.preemptionPolicy = "Never";
    draft.description = "new";
  });
  assert.deepEqual(errors, [
    "Value: Forbidden: may not be changed in an update.",
    'preemptionPolicy: Invalid value: "Never": field is immutable',
  ]);
});

test("the row of a priority class", () => {
  const metadata = { name: "high", creationTimestamp: "2024-12-31T23:59:00Z" };
  assert.deepEqual(cells(PriorityClasses, { metadata, value: 5 }), {
    Name: "high",
    Value: 5,
    "Global-Default": false,
    Age: "60s",
    PreemptionPolicy: "PreemptLowerPriority",
  });
});
