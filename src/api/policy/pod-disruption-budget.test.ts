import assert from "node:assert/strict";
import { test } from "node:test";
import { cells, errorsOnCreate, errorsOnStatusUpdate, type Partially } from "../definition-fixture.ts";
import type { PodDisruptionBudgetSpec } from "../types.generated.ts";
import { PodDisruptionBudgets } from "./pod-disruption-budget.ts";

const selector = { matchLabels: { app: "web" } };

const invalid: readonly (readonly [string, Partially<PodDisruptionBudgetSpec>, readonly string[]])[] = [
  ["a good one", { selector, minAvailable: "50%" }, []],
  [
    "both counts",
    { minAvailable: 1, maxUnavailable: 1 },
    [
      'spec: Invalid value: {"MinAvailable":1,"Selector":null,"MaxUnavailable":1,"UnhealthyPodEvictionPolicy":null}: minAvailable and maxUnavailable cannot be both set',
    ],
  ],
  [
    "more than all",
    { minAvailable: "200%" },
    ['spec.minAvailable: Invalid value: "200%": must not be greater than 100%'],
  ],
  [
    "less than nothing",
    { maxUnavailable: -1 },
    ["spec.maxUnavailable: Invalid value: -1: must be greater than or equal to 0"],
  ],
  [
    "an unknown policy",
    { unhealthyPodEvictionPolicy: "Never" },
    ['spec.unhealthyPodEvictionPolicy: Unsupported value: "Never": supported values: "AlwaysAllow", "IfHealthyBudget"'],
  ],
];

for (const [name, spec, errors] of invalid)
  test(`a budget is validated: ${name}`, () => {
    assert.deepEqual(errorsOnCreate(PodDisruptionBudgets, { spec }), errors);
  });

test("the status of a budget is validated", () => {
  const errors = errorsOnStatusUpdate(PodDisruptionBudgets, {}, (draft) => {
    draft.status = {
      disruptionsAllowed: -1,
      conditions: [
        { type: "Ok", status: "Yes", reason: "a-b", message: "", lastTransitionTime: "" },
        { type: "Ok", status: "True", reason: "", message: "", lastTransitionTime: "2025-01-01T00:00:00Z" },
      ],
    };
  });
  assert.deepEqual(errors, [
    'status.conditions[0].status: Unsupported value: "Yes": supported values: "False", "True", "Unknown"',
    "status.conditions[0].lastTransitionTime: Required value: must be set",
    `status.conditions[0].reason: Invalid value: "a-b": a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')`,
    'status.conditions[1].type: Duplicate value: "Ok"',
    "status.conditions[1].reason: Required value: must be set",
    "status.disruptionsAllowed: Invalid value: -1: must be greater than or equal to 0",
  ]);
});

test("the row of a budget", () => {
  const metadata = { name: "web", creationTimestamp: "2024-12-31T23:59:00Z" };
  const row = cells(PodDisruptionBudgets, {
    metadata,
    spec: { minAvailable: "50%" },
    status: { disruptionsAllowed: 2 },
  });
  assert.deepEqual(row, {
    Name: "web",
    "Min Available": "50%",
    "Max Unavailable": "N/A",
    "Allowed Disruptions": 2,
    Age: "60s",
  });
});
