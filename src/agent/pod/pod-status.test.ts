import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, ContainerStatus, Pod, PodSpec } from "../../api/index.ts";
import { podConditions } from "./pod-conditions.ts";
import { type PodPhase, podPhase } from "./pod-phase.ts";
import { statusPatch } from "./status-writer.ts";

const image = "app:1";
const app: Container = { name: "app", image };

function pod(spec: Partial<PodSpec> = {}, status: Pod["status"] = {}): Pod {
  return {
    metadata: { name: "web", namespace: "default", uid: "u1", resourceVersion: "1", creationTimestamp: "" },
    spec: { containers: [app], restartPolicy: "Always", ...spec },
    status,
  };
}

const of = (name: string, change: Partial<ContainerStatus>): ContainerStatus => ({
  name,
  image,
  imageID: "",
  ready: false,
  restartCount: 0,
  ...change,
});
const running = { state: { running: {} }, started: true };
const waiting = { state: { waiting: {} } };
const ended = (exitCode: number) => ({ state: { terminated: { exitCode } }, ready: exitCode === 0 });
const crashed = { state: { waiting: { reason: "CrashLoopBackOff" } }, lastState: { terminated: { exitCode: 1 } } };

test("the phase follows from the states of the containers", () => {
  const init = { initContainers: [{ name: "init", image }] };
  const sidecar = { initContainers: [{ name: "init", image, restartPolicy: "Always" }] };
  const cases: readonly (readonly [
    string,
    Partial<PodSpec>,
    Partial<ContainerStatus> | undefined,
    Partial<ContainerStatus>,
    boolean,
    PodPhase,
  ])[] = [
    ["a container waits", {}, undefined, waiting, false, "Pending"],
    ["it runs", {}, undefined, running, false, "Running"],
    ["it ended and comes back", {}, undefined, crashed, false, "Running"],
    ["it ended for good", { restartPolicy: "Never" }, undefined, ended(0), true, "Succeeded"],
    ["it failed for good", { restartPolicy: "Never" }, undefined, ended(1), true, "Failed"],
    ["an init container runs", init, running, waiting, false, "Pending"],
    ["it is done", init, ended(0), running, false, "Running"],
    ["it failed and comes back", init, crashed, waiting, false, "Pending"],
    ["it failed for good", { ...init, restartPolicy: "Never" }, ended(1), waiting, true, "Failed"],
    ["a sidecar has not started", sidecar, { state: { running: {} }, started: false }, waiting, false, "Pending"],
    ["it runs", sidecar, running, running, false, "Running"],
    ["it crashes", sidecar, crashed, running, false, "Running"],
  ];
  for (const [what, spec, initStatus, appStatus, finished, phase] of cases) {
    const statuses = { init: initStatus ? [of("init", initStatus)] : [], apps: [of("app", appStatus)] };
    assert.equal(podPhase(pod(spec), statuses, finished), phase, what);
  }
});

const conditionsOf = (given: Pod, phase: PodPhase, apps: ContainerStatus[], init: ContainerStatus[] = []) =>
  Object.fromEntries(
    podConditions({ pod: given, phase, init, apps, sandboxReady: true, nowMs: 0 }).map((each) => [
      each.type,
      [each.status, each.reason, each.message].filter((word) => word !== undefined).join(": "),
    ]),
  );

test("conditions say which containers are missing", () => {
  const two = pod({ containers: [app, { name: "b", image }] });
  const apps = [of("app", { ...running, ready: true }), of("b", running)];
  assert.deepEqual(conditionsOf(two, "Running", apps), {
    PodReadyToStartContainers: "True",
    Initialized: "True",
    Ready: "False: ContainersNotReady: containers with unready status: [b]",
    ContainersReady: "False: ContainersNotReady: containers with unready status: [b]",
    PodScheduled: "True",
  });
  const initializing = pod({ initContainers: [{ name: "i", image }] });
  const conditions = conditionsOf(initializing, "Pending", [of("app", waiting)], [of("i", running)]);
  assert.equal(conditions.Initialized, "False: ContainersNotInitialized: containers with incomplete status: [i]");
  assert.equal(conditionsOf(pod(), "Succeeded", [of("app", ended(0))]).Ready, "False: PodCompleted");
  assert.equal(conditionsOf(pod(), "Failed", [of("app", ended(1))]).ContainersReady, "False: PodFailed");
});

test("readiness gates hold the pod back, not its containers", () => {
  const gated = pod({ readinessGates: [{ conditionType: "example.com/lb" }] });
  const apps = [of("app", { ...running, ready: true })];
  const none = conditionsOf(gated, "Running", apps);
  assert.equal(none.ContainersReady, "True");
  assert.equal(
    none.Ready,
    'False: ReadinessGatesNotReady: corresponding condition of pod readiness gate "example.com/lb" does not exist.',
  );
  const withCondition = (status: string) => ({
    ...gated,
    status: { conditions: [{ type: "example.com/lb", status }] },
  });
  assert.equal(
    conditionsOf(withCondition("False"), "Running", apps).Ready,
    'False: ReadinessGatesNotReady: the status of pod readiness gate "example.com/lb" is not "True", but False',
  );
  assert.equal(conditionsOf(withCondition("True"), "Running", apps).Ready, "True");
});

test("a condition keeps the time of its last transition", () => {
  const lastTransitionTime = "2026-01-01T00:00:00Z";
  const before = pod({}, { conditions: [{ type: "PodScheduled", status: "True", lastTransitionTime }] });
  const conditions = podConditions({
    pod: before,
    phase: "Pending",
    init: [],
    apps: [],
    sandboxReady: false,
    nowMs: 0,
  });
  assert.equal(conditions.find((each) => each.type === "PodScheduled")?.lastTransitionTime, lastTransitionTime);
  assert.equal(conditions.find((each) => each.type === "Ready")?.lastTransitionTime, "1970-01-01T00:00:00Z");
});

test("a status patch has what changed, replaces addresses and leaves the conditions of others alone", () => {
  const before = {
    phase: "Pending",
    reason: "x",
    podIPs: [{ ip: "10.0.0.1" }],
    conditions: [
      { type: "Ready", status: "False", reason: "r", message: "m" },
      { type: "example.com/lb", status: "False" },
    ],
  };
  const after = {
    phase: "Running",
    podIPs: [{ ip: "10.0.0.2" }],
    conditions: [
      { type: "Ready", status: "True" },
      { type: "example.com/lb", status: "True" },
    ],
  };
  assert.deepEqual(statusPatch(before, after), {
    phase: "Running",
    reason: null,
    podIPs: [{ $patch: "replace" }, { ip: "10.0.0.2" }],
    conditions: [{ type: "Ready", status: "True", reason: null, message: null }],
  });
  assert.equal(statusPatch(after, after), undefined);
  // The API shows times that nobody set as null.
  const terminated = { exitCode: 137, reason: "ContainerStatusUnknown" };
  const lost = (state: object) => ({
    ...after,
    conditions: after.conditions.map((each) => ({ lastProbeTime: null, ...each })),
    containerStatuses: [{ name: "a", image: "", imageID: "", ready: false, restartCount: 0, state }],
  });
  const shown = lost({ terminated: { ...terminated, startedAt: null, finishedAt: null } });
  const wanted = { ...lost({ terminated }), conditions: after.conditions };
  assert.equal(statusPatch(shown, wanted), undefined);
});
