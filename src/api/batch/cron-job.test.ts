import assert from "node:assert/strict";
import { test } from "node:test";
import { cells, created, errorsOnCreate, errorsOnUpdate, type Partially } from "../definition-fixture.ts";
import type { CronJobSpec, JobTemplateSpec } from "../types.generated.ts";
import { CronJobs } from "./cron-job.ts";
import { parseCronSchedule } from "./cron-schedule.ts";
import { countIndexes, indexIntervals } from "./job-indexes.ts";

const jobTemplate: Partially<JobTemplateSpec> = {
  spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "main", image: "work:1" }] } } },
};
const spec: Partially<CronJobSpec> = { schedule: "*/5 * * * *", jobTemplate };

test("a cron job gets defaults; the jobs get theirs when they are made", () => {
  const { jobTemplate: complete, ...rest } = created(CronJobs, { spec }).spec;
  assert.deepEqual(rest, {
    schedule: "*/5 * * * *",
    concurrencyPolicy: "Allow",
    suspend: false,
    successfulJobsHistoryLimit: 3,
    failedJobsHistoryLimit: 1,
  });
  assert.equal(complete.spec.template.spec.containers[0]?.imagePullPolicy, "IfNotPresent");
  assert.equal(complete.spec.parallelism, undefined);
});

const invalid: readonly (readonly [string, Partially<CronJobSpec>, readonly string[]])[] = [
  ["a good one", { ...spec, timeZone: "Europe/Berlin" }, []],
  ["no schedule", { jobTemplate }, ["spec.schedule: Required value"]],
  [
    "a schedule that is none",
    { ...spec, schedule: "often" },
    ['spec.schedule: Invalid value: "often": expected exactly 5 fields, found 1: [often]'],
  ],
  [
    "a zone in the schedule",
    { ...spec, schedule: "TZ=UTC 0 0 * * *" },
    [
      'spec.schedule: Invalid value: "TZ=UTC 0 0 * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
    ],
  ],
  [
    "a zone that is none",
    { ...spec, timeZone: "Mars/Olympus" },
    ['spec.timeZone: Invalid value: "Mars/Olympus": unknown time zone Mars/Olympus'],
  ],
  [
    "the zone of nobody",
    { ...spec, timeZone: "local" },
    [
      'spec.timeZone: Invalid value: "local": timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones',
    ],
  ],
  [
    "an unknown policy",
    { ...spec, concurrencyPolicy: "Queue" },
    ['spec.concurrencyPolicy: Unsupported value: "Queue": supported values: "Allow", "Forbid", "Replace"'],
  ],
  [
    "a selector",
    { ...spec, jobTemplate: { spec: { ...jobTemplate.spec, selector: {}, manualSelector: true } } },
    [
      "spec.jobTemplate.spec.selector: Invalid value: {}: `selector` will be auto-generated",
      'spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "nil", "false"',
    ],
  ],
];

for (const [name, written, errors] of invalid)
  test(`a cron job is validated: ${name}`, () => {
    assert.deepEqual(errorsOnCreate(CronJobs, { spec: written }), errors);
  });

test("the name of a zone is taken in its own case only", () => {
  const errorsFor = (timeZone: string) => errorsOnCreate(CronJobs, { spec: { ...spec, timeZone } });
  for (const zone of ["America/New_York", "Asia/Kolkata", "US/Eastern", "UTC", "Etc/GMT+1"])
    assert.deepEqual(errorsFor(zone), [], zone);
  const wrong = "AMERICA/new_york";
  assert.deepEqual(errorsFor(wrong), [`spec.timeZone: Invalid value: "${wrong}": unknown time zone ${wrong}`]);
});

test("a zone that is not known any more may stay", () => {
  const written = { spec: { ...spec, timeZone: "Mars/Olympus" } };
  assert.deepEqual(
    errorsOnUpdate(CronJobs, written, (draft) => {
      draft.spec.suspend = true;
    }),
    [],
  );
  assert.deepEqual(
    errorsOnUpdate(CronJobs, written, (draft) => {
      draft.spec.timeZone = "Mars/Olympus2";
    }),
    ['spec.timeZone: Invalid value: "Mars/Olympus2": unknown time zone Mars/Olympus2'],
  );
});

test("the name of a cron job leaves room for those of its jobs", () => {
  const name = "a".repeat(53);
  assert.deepEqual(errorsOnCreate(CronJobs, { metadata: { name }, spec }), [
    `metadata.name: Invalid value: "${name}": must be no more than 52 characters`,
  ]);
});

test("the row of a cron job", () => {
  const metadata = { name: "work", creationTimestamp: "2024-12-31T23:50:00Z" };
  const status = { active: [{}], lastScheduleTime: "2024-12-31T23:59:00Z" };
  assert.deepEqual(cells(CronJobs, { metadata, spec, status }), {
    Name: "work",
    Schedule: "*/5 * * * *",
    Timezone: "<none>",
    Suspend: "False",
    Active: 1,
    "Last Schedule": "60s",
    Age: "10m",
    Containers: "main",
    Images: "work:1",
    Selector: "<none>",
  });
});

const values = (text: string) => {
  const schedule = parseCronSchedule(text);
  if ("everySeconds" in schedule) return schedule.everySeconds;
  const { minutes, hours, daysOfMonth, months, daysOfWeek } = schedule;
  return [minutes, hours, daysOfMonth, months, daysOfWeek].map((each) => [...each].sort((a, b) => a - b));
};

test("a schedule is read as cron reads it", () => {
  const all = (low: number, high: number) => Array.from({ length: high - low + 1 }, (_, index) => low + index);
  assert.deepEqual(values("*/20 1-3,5 1 jan-mar Sun"), [[0, 20, 40], [1, 2, 3, 5], [1], [1, 2, 3], [0]]);
  assert.deepEqual(values("10/25 * ? * *"), [[10, 35], all(0, 23), all(1, 31), all(1, 12), all(0, 6)]);
  assert.deepEqual(values("@daily"), [[0], [0], all(1, 31), all(1, 12), all(0, 6)]);
  assert.equal(values("@every 1h30m"), 5400);
  assert.equal(values("@every 1ms"), 1);
});

test("a day is restricted where a field says more than any", () => {
  const any = (text: string) => {
    const schedule = parseCronSchedule(text);
    return "everySeconds" in schedule ? [] : [schedule.anyDayOfMonth, schedule.anyDayOfWeek];
  };
  assert.deepEqual(any("0 0 * * 1"), [true, false]);
  assert.deepEqual(any("0 0 */2 * ?"), [false, true]);
  assert.deepEqual(any("0 0 1,* * ?/1"), [true, true]);
});

const wrongSchedules: readonly (readonly [string, string])[] = [
  ["60 * * * *", "end of range (60) above maximum (59): 60"],
  ["5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"],
  ["* * 0 * *", "beginning of range (0) below minimum (1): 0"],
  ["*/0 * * * *", "step of range should be a positive number: */0"],
  ["1-2-3 * * * *", "too many hyphens: 1-2-3"],
  ["1/2/3 * * * *", "too many slashes: 1/2/3"],
  ["a * * * *", 'failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax'],
  ["@often", "unrecognized descriptor: @often"],
  ["@every soon", 'failed to parse duration @every soon: time: invalid duration "soon"'],
];

for (const [text, message] of wrongSchedules)
  test(`a schedule is refused: ${text}`, () => {
    assert.throws(() => parseCronSchedule(text), { message });
  });

test("sets of indexes are counted and read", () => {
  assert.equal(countIndexes("", 10), 0);
  assert.equal(countIndexes("1,3-5,7", 10), 5);
  assert.deepEqual(indexIntervals("1,3-5"), [
    { first: 1, last: 1 },
    { first: 3, last: 5 },
  ]);
  const wrong: [string, string][] = [
    ["10", 'too large index: "10"'],
    ["3,2", "non-increasing order, previous: 3, current: 2"],
    ["5-5", "non-increasing order, previous: 5, current: 5"],
    ["a", 'cannot convert string to integer for index: "a"'],
    [
      "1-2-3",
      `the fragment "1-2-3" violates the requirement that an index interval can have at most two parts separated by '-'`,
    ],
  ];
  for (const [text, message] of wrong) assert.deepEqual(countIndexes(text, 10), { wrong: message });
});
