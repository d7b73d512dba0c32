import assert from "node:assert/strict";
import { test } from "node:test";
import { cells, errorsOnCreate, errorsOnStatusUpdate, errorsOnUpdate, type Partially } from "../definition-fixture.ts";
import type { ResourceQuotaSpec } from "../types.generated.ts";
import { ResourceQuotas } from "./resource-quota.ts";

const invalid: readonly (readonly [string, Partially<ResourceQuotaSpec>, readonly string[]])[] = [
  [
    "a good one",
    { hard: { pods: "10", "requests.cpu": "4", "count/deployments.apps": "2", "requests.example.com/gpu": "1" } },
    [],
  ],
  [
    "what is not counted",
    { hard: { disks: "1" } },
    [
      'spec.hard[disks]: Invalid value: "disks": must be a standard resource type or fully qualified',
      'spec.hard[disks]: Invalid value: "disks": must be a standard resource for quota',
    ],
  ],
  [
    "parts of pods",
    { hard: { pods: "1500m", cpu: "-1" } },
    [
      'spec.hard[cpu]: Invalid value: "-1": must be greater than or equal to 0',
      'spec.hard[pods]: Invalid value: "1500m": must be an integer',
    ],
  ],
  [
    "scopes that contradict",
    { scopes: ["BestEffort", "NotBestEffort"] },
    ['spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: conflicting scopes'],
  ],
  [
    "a scope that does not count it",
    { hard: { cpu: "1" }, scopes: ["BestEffort"] },
    ['spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource'],
  ],
  [
    "a selected scope that does not count it",
    { hard: { cpu: "1" }, scopeSelector: { matchExpressions: [{ scopeName: "BestEffort", operator: "Exists" }] } },
    [
      'spec.scopeSelector.matchExpressions: Invalid value: {"MatchExpressions":[{"ScopeName":"BestEffort","Operator":"Exists","Values":null}]}: unsupported scope applied to resource',
    ],
  ],
  ["an unknown scope", { scopes: ["Some"] }, ['spec.scopes: Invalid value: ["Some"]: unsupported scope']],
  [
    "a selector without values",
    { scopeSelector: { matchExpressions: [{ scopeName: "PriorityClass", operator: "In" }] } },
    [
      "spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
    ],
  ],
];

for (const [name, spec, errors] of invalid)
  test(`a quota is validated: ${name}`, () => {
    assert.deepEqual(errorsOnCreate(ResourceQuotas, { spec }), errors);
  });

test("a quota keeps its scopes", () => {
  const errors = errorsOnUpdate(ResourceQuotas, { spec: { scopes: ["Terminating"] } }, (draft) => {
    draft.spec.scopes = ["NotTerminating"];
  });
  assert.deepEqual(errors, ['spec.scopes: Invalid value: ["NotTerminating"]: field is immutable']);
});

test("what is used is no less than nothing", () => {
  const errors = errorsOnStatusUpdate(ResourceQuotas, {}, (draft) => {
    draft.status = { used: { pods: "-1" } };
  });
  assert.deepEqual(errors, ['status.used[pods]: Invalid value: "-1": must be greater than or equal to 0']);
});

test("the row of a quota", () => {
  const status = { hard: { pods: "10", "limits.cpu": "4", "requests.cpu": "2" }, used: { pods: "3" } };
  const { Request, Limit } = cells(ResourceQuotas, { metadata: {}, status });
  assert.deepEqual([Request, Limit], ["pods: 3/10, requests.cpu: 0/2", "limits.cpu: 0/4"]);
});
