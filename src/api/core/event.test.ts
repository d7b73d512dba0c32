import assert from "node:assert/strict";
import { test } from "node:test";
import { cells, created, errorsOnCreate, errorsOnUpdate, type Partially } from "../definition-fixture.ts";
import { EventsV1 } from "../events/event.ts";
import type { Event, EventsEvent, KubeObject } from "../index.ts";
import { Events } from "./event.ts";

const involvedObject = { kind: "Pod", namespace: "default", name: "web", fieldPath: "spec.containers{main}" };

const invalid: readonly (readonly [string, Partially<Event>, readonly string[]])[] = [
  ["a good one", { involvedObject }, []],
  [
    "another namespace",
    { metadata: { namespace: "other" }, involvedObject },
    ['involvedObject.namespace: Invalid value: "default": does not match event.namespace'],
  ],
  [
    "about the cluster, elsewhere",
    { metadata: { namespace: "other" }, involvedObject: { kind: "Node" } },
    ['involvedObject.namespace: Invalid value: "": does not match event.namespace'],
  ],
  ["about the cluster", { involvedObject: { kind: "Node" } }, []],
  [
    "with a time and without what it then needs",
    { involvedObject, eventTime: "2025-01-01T00:00:00.000000Z" },
    [
      "reportingController: Required value",
      `reportingController: Invalid value: "": name part must be non-empty`,
      `reportingController: Invalid value: "": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`,
      "reportingInstance: Required value",
      "action: Required value",
      "reason: Required value",
    ],
  ],
  [
    "too long",
    {
      involvedObject,
      eventTime: "2025-01-01T00:00:00.000000Z",
      reportingComponent: "a/b",
      reportingInstance: "c",
      action: "d".repeat(129),
      reason: "e",
      message: "é".repeat(513),
    },
    [
      'action: Invalid value: "": can have at most 128 characters',
      'message: Invalid value: "": can have at most 1024 characters',
    ],
  ],
];

for (const [name, event, errors] of invalid)
  test(`an event is validated: ${name}`, () => {
    assert.deepEqual(errorsOnCreate(Events, event), errors);
  });

const seen: Partially<Event> = {
  metadata: { name: "web.1" },
  involvedObject,
  type: "Warning",
  reason: "BackOff",
  message: "Back-off restarting\n",
  source: { component: "kubelet", host: "node-1" },
  firstTimestamp: "2024-12-31T23:50:00Z",
  lastTimestamp: "2024-12-31T23:59:00Z",
  count: 3,
};

test("the row of an event", () => {
  assert.deepEqual(cells(Events, seen), {
    "Last Seen": "60s",
    Type: "Warning",
    Reason: "BackOff",
    Object: "pod/web",
    Subobject: "spec.containers{main}",
    Source: "kubelet, node-1",
    Message: "Back-off restarting",
    "First Seen": "10m",
    Count: 3,
    Name: "web.1",
  });
  const series = { count: 7, lastObservedTime: "2024-12-31T23:59:30.000000Z" };
  const {
    "Last Seen": last,
    "First Seen": first,
    Count,
  } = cells(Events, {
    metadata: {},
    involvedObject,
    eventTime: "2024-12-31T23:58:00.000000Z",
    series,
  });
  assert.deepEqual([last, first, Count], ["30s", "2m", 7]);
});

test("an event reads the same in both versions, and comes back as it was", () => {
  const event = { ...created(Events, seen), reportingComponent: "", reportingInstance: "" };
  const later = EventsV1.stored?.fromStored({ ...event, apiVersion: "v1" } as KubeObject) as EventsEvent;
  assert.equal(later.apiVersion, "events.k8s.io/v1");
  assert.equal(later.note, event.message);
  assert.deepEqual(later.regarding, event.involvedObject);
  assert.deepEqual([later.deprecatedCount, later.deprecatedSource], [3, { component: "kubelet", host: "node-1" }]);
  assert.deepEqual(EventsV1.stored?.toStored(later), { ...event, apiVersion: "v1", kind: "Event" });
  assert.equal(EventsV1.selectableFields["regarding.name"]?.(later), "web");
  assert.equal(Events.selectableFields["involvedObject.name"]?.(event), "web");
});

const strict: Partially<EventsEvent> = {
  regarding: involvedObject,
  eventTime: "2025-01-01T00:00:00.000000Z",
  reportingController: "example.com/controller",
  reportingInstance: "one",
  action: "Run",
  reason: "Started",
  type: "Normal",
};

test("new events of events.k8s.io are held to its rules", () => {
  assert.deepEqual(errorsOnCreate(EventsV1, strict), []);
  const wrong = { ...strict, type: "Info", deprecatedCount: 1, series: { count: 1 } };
  assert.deepEqual(errorsOnCreate(EventsV1, wrong), [
    'series.count: Invalid value: "": should be at least 2',
    "series.lastObservedTime: Required value",
    'type: Invalid value: "": has invalid value: Info',
    'count: Invalid value: "": needs to be unset',
  ]);
  const errors = errorsOnUpdate(EventsV1, strict, (event) => {
    event.note = "changed";
    event.series = { count: 2, lastObservedTime: "2025-01-01T00:00:01.000000Z" };
  });
  assert.deepEqual(errors, ['message: Invalid value: "changed": field is immutable']);
});
