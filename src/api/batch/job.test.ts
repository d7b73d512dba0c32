import assert from "node:assert/strict";
import { test } from "node:test";
import { type Draft, deepFreeze } from "../../lib/index.ts";
import { validatePodTemplate } from "../core/pod-spec-validation.ts";
import {
  cells,
  created,
  errorsOnCreate,
  errorsOnStatusUpdate,
  errorsOnUpdate,
  type Partially,
  strategyContext,
} from "../definition-fixture.ts";
import { rootPath } from "../meta/field-error.ts";
import { decodeObject } from "../schema/index.ts";
import type { Job, JobSpec, JobStatus, PodTemplateSpec } from "../types.generated.ts";
import { Jobs } from "./job.ts";

type Spec = Partially<JobSpec>;

const podSpec = { restartPolicy: "Never", containers: [{ name: "main", image: "work:1" }] };
const template: Partially<PodTemplateSpec> = { spec: podSpec };
const spec: Spec = { template };
const indexed: Spec = { template, completionMode: "Indexed", completions: 3 };

test("a job gets defaults, and a selector of its own pods", () => {
  const job = created(Jobs, { metadata: { name: "work", uid: "1-2" }, spec });
  const { template: _, ...rest } = job.spec;
  assert.deepEqual(rest, {
    completions: 1,
    parallelism: 1,
    backoffLimit: 6,
    completionMode: "NonIndexed",
    suspend: false,
    podReplacementPolicy: "TerminatingOrFailed",
    manualSelector: false,
    selector: { matchLabels: { "batch.kubernetes.io/controller-uid": "1-2" } },
  });
  const labels = {
    "job-name": "work",
    "controller-uid": "1-2",
    "batch.kubernetes.io/job-name": "work",
    "batch.kubernetes.io/controller-uid": "1-2",
  };
  assert.deepEqual(job.spec.template.metadata?.labels, labels);
  assert.deepEqual(job.metadata.labels, labels);
});

test("a job that is made of a stored template leaves the template as it is", () => {
  const stored = deepFreeze(created(Jobs, { metadata: { name: "work", uid: "1" }, spec }).spec.template);
  assert.deepEqual(validatePodTemplate(stored, rootPath), []);
  const { object } = decodeObject(Jobs, { metadata: { name: "next", uid: "2" }, spec: { template: stored } }, "Strict");
  const job = object as Draft<Job>; // decoded as one
  assert.equal(job.spec.template, stored);
  Jobs.prepareForCreate?.(job, strategyContext);
  assert.notEqual(job.spec.template, stored);
  assert.deepEqual(job.spec.template.spec, stored.spec);
});

test("a job counts what it is told to", () => {
  assert.equal(created(Jobs, { spec: { template, parallelism: 3 } }).spec.completions, undefined);
  assert.equal(created(Jobs, { spec: { ...indexed, backoffLimitPerIndex: 1 } }).spec.backoffLimit, 2147483647);
  assert.equal(
    created(Jobs, { spec: { template, podFailurePolicy: { rules: [] } } }).spec.podReplacementPolicy,
    "Failed",
  );
});

const invalid: readonly (readonly [string, Spec, readonly string[]])[] = [
  ["a good one", spec, []],
  ["a good one with indexes", indexed, []],
  [
    "pods that never end",
    { template: { spec: { containers: podSpec.containers } } },
    ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
  ],
  [
    "negative counts",
    { template, parallelism: -1, backoffLimit: -1 },
    [
      "spec.parallelism: Invalid value: -1: must be greater than or equal to 0",
      "spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0",
    ],
  ],
  [
    "indexes without an end",
    { template, completionMode: "Indexed", parallelism: 1 },
    ["spec.completions: Required value: when completion mode is Indexed"],
  ],
  [
    "what needs indexes",
    { template, backoffLimitPerIndex: 1, maxFailedIndexes: 1 },
    [
      "spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode",
      "spec.maxFailedIndexes: Invalid value: 1: requires indexed completion mode",
    ],
  ],
  [
    "more failures than indexes",
    { ...indexed, backoffLimitPerIndex: 1, maxFailedIndexes: 4 },
    ["spec.maxFailedIndexes: Invalid value: 4: must be less than or equal to completions"],
  ],
  [
    "a selector of its own",
    { template, selector: { matchLabels: { a: "b" } } },
    [
      'spec.selector: Invalid value: {"matchLabels":{"a":"b","batch.kubernetes.io/controller-uid":"uid-1"}}: `selector` not auto-generated',
      'spec.template.metadata.labels: Invalid value: {"batch.kubernetes.io/controller-uid":"uid-1","batch.kubernetes.io/job-name":"one","controller-uid":"uid-1","job-name":"one"}: `selector` does not match template `labels`',
    ],
  ],
  ["no selector where it is to be given", { template, manualSelector: true }, ["spec.selector: Required value"]],
  [
    "a manager that is none",
    { template, managedBy: "me" },
    ['spec.managedBy: Invalid value: "me": must be a domain-prefixed path (such as "acme.io/foo")'],
  ],
  [
    "failures without a policy",
    { template, podFailurePolicy: { rules: [{ action: "Ignore" }] } },
    ["spec.podFailurePolicy.rules[0]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required"],
  ],
  [
    "exit codes",
    {
      template,
      podFailurePolicy: {
        rules: [
          { action: "FailJob", onExitCodes: { operator: "In", containerName: "other", values: [0, 3, 2, 2] } },
          { action: "FailIndex", onExitCodes: { operator: "Is", values: [] } },
        ],
      },
    },
    [
      'spec.podFailurePolicy.rules[0].onExitCodes.containerName: Invalid value: "other": must be one of the container or initContainer names in the pod template',
      "spec.podFailurePolicy.rules[0].onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator",
      "spec.podFailurePolicy.rules[0].onExitCodes.values[3]: Duplicate value: 2",
      "spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: [0,3,2,2]: must be ordered",
      'spec.podFailurePolicy.rules[1].action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set',
      'spec.podFailurePolicy.rules[1].onExitCodes.operator: Unsupported value: "Is": supported values: "In", "NotIn"',
      "spec.podFailurePolicy.rules[1].onExitCodes.values: Invalid value: []: at least one value is required",
    ],
  ],
  [
    "a policy of failures for pods that restart",
    {
      template: { spec: { ...podSpec, restartPolicy: "OnFailure" } },
      podFailurePolicy: { rules: [{ action: "Count", onPodConditions: [{ type: "DisruptionTarget" }] }] },
    },
    [
      'spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified',
    ],
  ],
  [
    "success of nothing",
    { ...indexed, successPolicy: { rules: [{}, { succeededIndexes: "0-5" }, { succeededCount: 4 }] } },
    [
      "spec.successPolicy.rules[0]: Required value: at least one of succeededCount or succeededIndexes must be specified",
      'spec.successPolicy.rules[1].succeededIndexes: Invalid value: "0-5": error parsing succeededIndexes: too large index: "5"',
      "spec.successPolicy.rules[2].succeededCount: Invalid value: 4: must be less than or equal to 3 (the number of specified completions)",
    ],
  ],
];

for (const [name, written, errors] of invalid)
  test(`a job is validated: ${name}`, () => {
    assert.deepEqual(errorsOnCreate(Jobs, { spec: written }), errors);
  });

test("the labels of a job's pods are the job's own", () => {
  const labels = { "controller-uid": "other" };
  assert.deepEqual(errorsOnCreate(Jobs, { spec: { template: { ...template, metadata: { labels } } } }), [
    `spec.template.metadata.labels[controller-uid]: Invalid value: {"batch.kubernetes.io/controller-uid":"uid-1","batch.kubernetes.io/job-name":"one","controller-uid":"other","job-name":"one"}: must be 'uid-1'`,
  ]);
});

test("the pods of an indexed job have names that hosts can have", () => {
  const name = "a".repeat(62);
  assert.deepEqual(errorsOnCreate(Jobs, { metadata: { name }, spec: indexed }), [
    `metadata.name: Invalid value: "${name}": will not able to create pod with invalid DNS label: ${name}-2`,
  ]);
});

const updates: readonly (readonly [string, Spec, (draft: Draft<JobSpec>) => void, readonly string[]])[] = [
  [
    "what may change",
    spec,
    (job) => {
      job.parallelism = 2;
      job.suspend = true;
      job.activeDeadlineSeconds = 5;
    },
    [],
  ],
  [
    "completions",
    spec,
    (job) => {
      job.completions = 2;
    },
    ["spec.completions: Invalid value: 2: field is immutable"],
  ],
  [
    "completions of indexes with the parallelism",
    indexed,
    (job) => {
      job.completions = 5;
      job.parallelism = 5;
    },
    [],
  ],
  [
    "completions of indexes alone",
    indexed,
    (job) => {
      job.completions = 5;
    },
    ["spec.completions: Invalid value: 5: can only be modified in tandem with spec.parallelism"],
  ],
  [
    "the nodes of a job that waits",
    { ...spec, suspend: true },
    (job) => {
      job.template.spec.nodeSelector = { disk: "fast" };
    },
    [],
  ],
];

for (const [name, old, change, errors] of updates)
  test(`an update of a job is validated: ${name}`, () => {
    assert.deepEqual(
      errorsOnUpdate(Jobs, { spec: old }, (draft) => change(draft.spec)),
      errors,
    );
  });

test("the pods of a job that runs stay as they are", () => {
  const [error = ""] = errorsOnUpdate(Jobs, { spec }, (draft) => {
    draft.spec.template.spec.nodeSelector = { disk: "fast" };
  });
  assert.match(error, /^spec\.template: Invalid value: .*: field is immutable$/);
});

const startTime = "2025-01-01T00:00:00Z";
const done = ["SuccessCriteriaMet", "Complete"].map((type) => ({ type, status: "True" }));

const statuses: readonly (readonly [string, Partially<JobStatus>, Partially<JobStatus>, readonly string[]])[] = [
  ["an end", { startTime, active: 1 }, { startTime, completionTime: startTime, succeeded: 1, conditions: done }, []],
  [
    "an end that comes from nowhere",
    { startTime },
    { startTime, conditions: [{ type: "Failed", status: "True" }] },
    ["status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition"],
  ],
  [
    "an end and pods that run",
    { startTime },
    { startTime, active: 1, conditions: done },
    [
      "status.completionTime: Required value: completionTime is required for Complete jobs",
      "status.active: Invalid value: 1: active>0 is invalid for finished job",
    ],
  ],
  [
    "a return",
    { startTime, completionTime: startTime, conditions: done },
    { startTime },
    [
      "status.conditions: Invalid value: cannot disable the terminal Complete=True condition",
      "status.conditions: Invalid value: cannot disable the SuccessCriteriaMet=True condition",
    ],
  ],
  [
    "less than before",
    { startTime, failed: 2 },
    { startTime, failed: 1, ready: 1 },
    [
      "status.ready: Invalid value: 1: cannot set more ready pods than active",
      "status.failed: Invalid value: 1: cannot decrease the failed counter",
    ],
  ],
  [
    "indexes of a job without",
    {},
    { completedIndexes: "0" },
    [
      'status.completedIndexes: Invalid value: "0": cannot set non-empty completedIndexes when non-indexed completion mode',
    ],
  ],
  [
    "what was wrong already",
    { startTime, active: 1, conditions: done },
    { startTime, active: 1, conditions: done, succeeded: 1 },
    [],
  ],
  [
    "pods that are named twice",
    {},
    { uncountedTerminatedPods: { succeeded: ["a", ""], failed: ["a"] } },
    [
      'status.uncountedTerminatedPods.succeeded[1]: Invalid value: "": must not be empty',
      'status.uncountedTerminatedPods.failed[0]: Duplicate value: "a"',
    ],
  ],
  [
    "another start",
    { startTime },
    { startTime: "2025-01-02T00:00:00Z" },
    ["status.startTime: Required value: startTime cannot be removed for unsuspended job"],
  ],
  [
    "another start of a job that goes on",
    { startTime, conditions: [{ type: "Suspended", status: "True" }] },
    { startTime: "2025-01-02T00:00:00Z", conditions: [{ type: "Suspended", status: "False" }] },
    [],
  ],
  [
    "another end",
    { startTime, completionTime: startTime, conditions: done },
    { startTime, completionTime: "2025-01-02T00:00:00Z", conditions: done },
    ['status.completionTime: Invalid value: "2025-01-02T00:00:00Z": completionTime cannot be mutated'],
  ],
];

for (const [name, before, after, errors] of statuses)
  test(`the status of a job is validated: ${name}`, () => {
    const found = errorsOnStatusUpdate(Jobs, { spec, status: before }, (draft) => {
      draft.status = after as Draft<JobStatus>;
    });
    assert.deepEqual(found, errors);
  });

test("an index cannot have succeeded and failed", () => {
  const written = { ...indexed, backoffLimitPerIndex: 1 };
  const found = errorsOnStatusUpdate(Jobs, { spec: written, status: { completedIndexes: "0" } }, (draft) => {
    draft.status = { completedIndexes: "0,1", failedIndexes: "1,2" };
  });
  assert.deepEqual(found, [
    'status.failedIndexes: Invalid value: "1,2": failedIndexes and completedIndexes overlap at index: 1',
  ]);
});

test("indexes beyond the end of a job that was made smaller may stay", () => {
  const status = { completedIndexes: "0-9" };
  assert.deepEqual(
    errorsOnStatusUpdate(Jobs, { spec: indexed, status }, (draft) => {
      draft.status.active = 1;
    }),
    [],
  );
});

test("the pods of a job that has started stay as they are, suspended or not", () => {
  const conditions = [{ type: "Suspended", status: "True" }];
  const [error = ""] = errorsOnUpdate(
    Jobs,
    { spec: { ...spec, suspend: true }, status: { startTime, conditions } },
    (draft) => {
      draft.spec.template.spec.nodeSelector = { disk: "fast" };
    },
  );
  assert.match(error, /^spec\.template: Invalid value: .*: field is immutable$/);
});

test("the row of a job", () => {
  const metadata = { name: "work", creationTimestamp: "2024-12-31T23:50:00Z" };
  const row = (written: Spec, status: Partially<JobStatus>) => {
    const { Status, Completions, Duration } = cells(Jobs, { metadata, spec: written, status });
    return [Status, Completions, Duration];
  };
  const started = { startTime: "2024-12-31T23:55:00Z" };
  assert.deepEqual(row(spec, started), ["Running", "0/1", "5m"]);
  const ended = { ...started, completionTime: "2024-12-31T23:56:00Z", succeeded: 1, conditions: done };
  assert.deepEqual(row(spec, ended), ["Complete", "1/1", "60s"]);
  assert.deepEqual(row({ template, parallelism: 3 }, {}), ["Running", "0/1 of 3", ""]);
  assert.deepEqual(row(spec, { conditions: [{ type: "Suspended", status: "True" }] })[0], "Suspended");
});
