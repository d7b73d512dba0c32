import assert from "node:assert/strict";
import { test } from "node:test";
import { created, errorsOnCreate, type Partially } from "../definition-fixture.ts";
import type { LimitRangeItem } from "../types.generated.ts";
import { LimitRanges } from "./limit-range.ts";

type Item = Partially<LimitRangeItem>;

test("what a container's limits leave out follows from the rest", () => {
  const limitsOf = (item: Item) => created(LimitRanges, { spec: { limits: [item] } }).spec.limits?.[0];
  assert.deepEqual(limitsOf({ type: "Container", max: { cpu: "2" }, min: { memory: "1Mi" } }), {
    type: "Container",
    max: { cpu: "2" },
    min: { memory: "1Mi" },
    default: { cpu: "2" },
    defaultRequest: { cpu: "2", memory: "1Mi" },
  });
  assert.deepEqual(limitsOf({ type: "Container" }), { type: "Container" });
  assert.deepEqual(limitsOf({ type: "Pod", max: { cpu: "2" } }), { type: "Pod", max: { cpu: "2" } });
});

const invalid: readonly (readonly [string, readonly Item[], readonly string[]])[] = [
  [
    "a good one",
    [{ type: "Container", min: { cpu: "100m" }, max: { cpu: "2" }, maxLimitRequestRatio: { cpu: "4" } }],
    [],
  ],
  [
    "an unknown type",
    [{ type: "Node" }],
    ['spec.limits[0].type: Invalid value: "Node": must be a standard limit type or fully qualified'],
  ],
  ["a type twice", [{ type: "Pod" }, { type: "Pod" }], ['spec.limits[1].type: Duplicate value: "Pod"']],
  [
    "defaults of pods",
    [{ type: "Pod", default: { cpu: "1" } }],
    ["spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'"],
  ],
  [
    "claims without storage",
    [{ type: "PersistentVolumeClaim" }],
    [
      "spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but neither was provided",
    ],
  ],
  [
    "the wrong order",
    [{ type: "Container", min: { cpu: "2" }, default: { cpu: "1" }, defaultRequest: { cpu: "1" } }],
    [
      'spec.limits[0].defaultRequest[cpu]: Invalid value: "1": min value 2 is greater than default request value 1',
      'spec.limits[0].default[cpu]: Invalid value: "2": min value 2 is greater than default value 1',
    ],
  ],
  [
    "the other wrong order",
    [{ type: "Pod", min: { cpu: "2" }, max: { cpu: "1" } }],
    ['spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1'],
  ],
  [
    "a ratio that nothing has",
    [{ type: "Pod", min: { cpu: "1" }, max: { cpu: "2" }, maxLimitRequestRatio: { cpu: "3" } }],
    ['spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "3": ratio 3 is greater than max/min = 2.000000'],
  ],
  [
    "a ratio of what every object inherits",
    [{ type: "Container", min: { cpu: "1" }, max: { cpu: "2" }, maxLimitRequestRatio: { constructor: "2" } }],
    ["must be a standard resource type or fully qualified", "must be a standard resource for containers"].map(
      (why) => `spec.limits[0].maxLimitRequestRatio[constructor]: Invalid value: "constructor": ${why}`,
    ),
  ],
];

for (const [name, limits, errors] of invalid)
  test(`a limit range is validated: ${name}`, () => {
    assert.deepEqual(errorsOnCreate(LimitRanges, { spec: { limits } }), errors);
  });
