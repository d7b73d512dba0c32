import assert from "node:assert/strict";
import { test } from "node:test";
import { cells, created, type Partially } from "../definition-fixture.ts";
import type { ContainerStatus, Pod } from "../types.generated.ts";
import { Pods } from "./pod.ts";
import { podOf } from "./pod-fixture.ts";

const status = (name: string, part: Partially<ContainerStatus>) => ({ name, restartCount: 0, ...part });
const running = { ready: true, state: { running: {} } };
const nowMs = Date.parse("2025-01-01T01:00:00Z");

test("the STATUS column tells what users know", () => {
  const inits = [
    { name: "i1", image: "i" },
    { name: "i2", image: "i" },
  ];
  const table: [string, Partially<Pod>, Record<string, string>][] = [
    ["a new pod", { ...podOf(), status: { phase: "Pending" } }, { Ready: "0/1", Status: "Pending", Restarts: "0" }],
    [
      "running",
      { ...podOf(), status: { phase: "Running", containerStatuses: [status("web", running)] } },
      { Ready: "1/1", Status: "Running" },
    ],
    [
      "crashing",
      {
        ...podOf(),
        status: {
          phase: "Running",
          containerStatuses: [
            status("web", {
              restartCount: 3,
              state: { waiting: { reason: "CrashLoopBackOff" } },
              lastState: { terminated: { exitCode: 1, finishedAt: "2025-01-01T00:58:00Z" } },
            }),
          ],
        },
      },
      { Ready: "0/1", Status: "CrashLoopBackOff", Restarts: "3 (2m ago)" },
    ],
    [
      "initializing",
      {
        ...podOf({ initContainers: inits }),
        status: {
          phase: "Pending",
          initContainerStatuses: [
            status("i1", { state: { terminated: { exitCode: 0 } } }),
            status("i2", { state: { running: {} } }),
          ],
        },
      },
      { Status: "Init:1/2" },
    ],
    [
      "an init container that failed",
      {
        ...podOf({ initContainers: inits }),
        status: { phase: "Pending", initContainerStatuses: [status("i1", { state: { terminated: { exitCode: 2 } } })] },
      },
      { Status: "Init:ExitCode:2" },
    ],
    [
      "a running sidecar",
      {
        ...podOf({ initContainers: [{ name: "side", image: "i", restartPolicy: "Always" }] }),
        status: {
          phase: "Running",
          initContainerStatuses: [status("side", { ...running, started: true })],
          containerStatuses: [status("web", running)],
        },
      },
      { Ready: "2/2", Status: "Running" },
    ],
    [
      "completed",
      {
        ...podOf(),
        status: {
          phase: "Succeeded",
          containerStatuses: [status("web", { state: { terminated: { exitCode: 0, reason: "Completed" } } })],
        },
      },
      { Ready: "0/1", Status: "Completed" },
    ],
    [
      "a signal",
      {
        ...podOf(),
        status: {
          phase: "Failed",
          containerStatuses: [status("web", { state: { terminated: { exitCode: 137, signal: 9 } } })],
        },
      },
      { Status: "Signal:9" },
    ],
    [
      "one of two ended, the other not ready by its conditions",
      {
        ...podOf(),
        status: {
          phase: "Running",
          containerStatuses: [
            status("job", { state: { terminated: { exitCode: 0, reason: "Completed" } } }),
            status("web", running),
          ],
        },
      },
      { Status: "NotReady" },
    ],
    [
      "one of three ended well, one not, and one runs",
      {
        ...podOf(),
        status: {
          phase: "Running",
          containerStatuses: [
            status("job", { state: { terminated: { exitCode: 0, reason: "Completed" } } }),
            status("other", { state: { terminated: { exitCode: 1, reason: "Error" } } }),
            status("web", running),
          ],
        },
      },
      { Status: "Error" },
    ],
    ["evicted", { ...podOf(), status: { phase: "Failed", reason: "Evicted" } }, { Status: "Evicted" }],
    [
      "gated",
      {
        ...podOf(),
        status: {
          phase: "Pending",
          conditions: [{ type: "PodScheduled", status: "False", reason: "SchedulingGated" }],
        },
      },
      { Status: "SchedulingGated" },
    ],
    [
      "being deleted",
      { metadata: { deletionTimestamp: "2025-01-01T00:59:00Z" }, ...podOf(), status: { phase: "Running" } },
      { Status: "Terminating" },
    ],
    [
      "on a lost node",
      {
        metadata: { deletionTimestamp: "2025-01-01T00:59:00Z" },
        ...podOf(),
        status: { phase: "Running", reason: "NodeLost" },
      },
      { Status: "Unknown" },
    ],
  ];
  for (const [what, pod, expected] of table) {
    const row = cells(Pods, { metadata: {}, ...pod }, nowMs);
    for (const [column, value] of Object.entries(expected)) assert.equal(row[column], value, `${what}: ${column}`);
  }
});

test("the wide columns say <none> where nothing is known", () => {
  const row = cells(Pods, { metadata: { name: "web", creationTimestamp: "2025-01-01T00:00:00Z" }, ...podOf() }, nowMs);
  assert.deepEqual(row, {
    Name: "web",
    Ready: "0/1",
    Status: "",
    Restarts: "0",
    Age: "60m",
    IP: "<none>",
    Node: "<none>",
    "Nominated Node": "<none>",
    "Readiness Gates": "<none>",
  });
});

test("the row of a pod that ended says so", () => {
  const conditions = (phase: string) => Pods.rowConditions?.({ ...created(Pods, podOf()), status: { phase } });
  assert.deepEqual(conditions("Running"), []);
  assert.deepEqual(conditions("Succeeded"), [
    { type: "Completed", status: "True", reason: "Succeeded", message: "The pod has completed successfully." },
  ]);
  assert.deepEqual(conditions("Failed"), [
    { type: "Completed", status: "True", reason: "Failed", message: "The pod failed." },
  ]);
});
