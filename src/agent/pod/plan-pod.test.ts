import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, Pod, PodSpec } from "../../api/index.ts";
import { containerAnnotations } from "../container/container-labels.ts";
import { podCgroupLimits } from "../container/linux-resources.ts";
import type { ContainerStatus, SandboxStatus } from "../engine/index.ts";
import { type PodAction, planPod } from "./plan-pod.ts";
import type { PodView } from "./pod-view.ts";

const app: Container = { name: "app", image: "app:1" };
const nowMs = 1_000_000;

function pod(spec: Partial<PodSpec> = {}): Pod {
  return {
    metadata: { name: "web", namespace: "default", uid: "u1", resourceVersion: "1", creationTimestamp: "" },
    spec: { containers: [app], restartPolicy: "Always", ...spec },
    status: {},
  };
}

const sandbox: SandboxStatus = {
  id: "s0",
  name: "web",
  namespace: "default",
  uid: "u1",
  attempt: 0,
  ready: true,
  createdAtMs: 0,
  labels: {},
  annotations: {},
  ips: ["10.0.0.1"],
};

function container(change: Partial<ContainerStatus> & { readonly spec?: Container } = {}): ContainerStatus {
  const { spec = app, ...rest } = change;
  return {
    id: `${spec.name}-0`,
    sandboxId: "s0",
    name: spec.name,
    attempt: 0,
    image: spec.image ?? "",
    imageId: "",
    state: "running",
    createdAtMs: 0,
    startedAtMs: 0,
    finishedAtMs: 0,
    exitCode: 0,
    reason: "",
    message: "",
    logPath: "",
    labels: {},
    annotations: containerAnnotations(pod(), spec, 0),
    ...rest,
  };
}

function view(change: Partial<PodView> & { readonly spec?: Partial<PodSpec> } = {}): PodView {
  const { spec, ...rest } = change;
  return {
    pod: pod(spec),
    nowMs,
    sandboxes: [sandbox],
    stopped: new Set(),
    containers: [],
    probes: new Map(),
    volumesReady: true,
    podRetryAtMs: 0,
    failures: new Map(),
    backoffs: new Map(),
    resizing: { given: new Map(), limits: podCgroupLimits(pod(spec)), pending: undefined, error: undefined },
    stop: undefined,
    busy: { pod: false, starting: undefined, stopping: new Map() },
    ...rest,
  };
}

function words(action: PodAction): string {
  switch (action.type) {
    case "createSandbox":
      return `createSandbox ${action.attempt}`;
    case "removeSandbox":
      return `removeSandbox ${action.sandboxId}`;
    case "stopSandbox":
      return `stopSandbox ${action.sandboxId}`;
    case "startContainer":
      return `start ${action.container.spec.name} ${action.attempt}`;
    case "stopContainer":
      return `stop ${action.name} ${action.graceSeconds}`;
    case "removeContainer":
      return `remove ${action.containerId}`;
    default:
      return action.type;
  }
}

/** Its process ended; whether anybody stopped it is another question. */
const dead = { ...sandbox, ready: false };
const stopped = new Set([sandbox.id]);
const exited = (exitCode: number, change: Partial<ContainerStatus> = {}) =>
  container({ state: "exited", exitCode, finishedAtMs: nowMs - 1_000, ...change });
const busy = (change: Partial<PodView["busy"]>) => ({
  pod: false,
  starting: undefined,
  stopping: new Map(),
  ...change,
});
const deleted = { why: "deleted", graceSeconds: 30, sinceMs: 0 } as const;
const two = [app, { ...app, name: "other" }];
const mesh: Container = { name: "mesh", image: "app:1", restartPolicy: "Always" };
const setup: Container = { name: "setup", image: "app:1" };

test("the next steps follow from what is wanted and what there is", () => {
  const cases: readonly (readonly [string, PodView, readonly string[]])[] = [
    ["volumes come first", view({ sandboxes: [], volumesReady: false }), ["prepareVolumes"]],
    ["then the sandbox", view({ sandboxes: [] }), ["createSandbox 0"]],
    ["nothing while the pod's setup runs", view({ sandboxes: [], busy: busy({ pod: true }) }), []],
    ["a failed setup waits for its time", view({ sandboxes: [], podRetryAtMs: nowMs + 1 }), []],
    ["then the container", view(), ["start app 0"]],
    [
      "an adopted pod gets its volumes anew",
      view({ volumesReady: false, containers: [container()] }),
      ["prepareVolumes"],
    ],
    ["one container after the other", view({ spec: { containers: two } }), ["start app 0"]],
    [
      "the second when the first runs",
      view({ spec: { containers: two }, containers: [container()] }),
      ["start other 0"],
    ],
    ["nothing while one is started", view({ spec: { containers: two }, busy: busy({ starting: "app" }) }), []],
    [
      "a container that cannot start does not hold back the next",
      view({
        spec: { containers: two },
        failures: new Map([["app", { reason: "ErrImagePull", message: "", retryAtMs: nowMs + 1, retryAfterMs: 1 }]]),
      }),
      ["start other 0"],
    ],
    ["nothing when all run", view({ containers: [container()] }), []],
    ["a sandbox without address is replaced", view({ sandboxes: [{ ...sandbox, ips: [] }] }), ["stopSandbox s0"]],
    [
      "with the host's network it needs none",
      view({ spec: { hostNetwork: true }, sandboxes: [{ ...sandbox, ips: [] }] }),
      ["start app 0"],
    ],
    [
      "a dead sandbox gives its address back",
      view({ sandboxes: [dead], containers: [exited(255)] }),
      ["stopSandbox s0"],
    ],
    [
      "and is followed by the next",
      view({ sandboxes: [dead], stopped, containers: [exited(255)] }),
      ["createSandbox 1"],
    ],
    [
      "a dead sandbox of a pod that does not restart gives its address back",
      view({ spec: { restartPolicy: "Never" }, sandboxes: [dead], containers: [exited(255)] }),
      ["stopSandbox s0"],
    ],
    [
      "and is followed by none",
      view({ spec: { restartPolicy: "Never" }, sandboxes: [dead], stopped, containers: [exited(255)] }),
      [],
    ],
    [
      "a sandbox that was left behind is stopped",
      view({
        sandboxes: [{ ...sandbox, id: "s1", attempt: 1 }, sandbox],
        containers: [container({ sandboxId: "s1" })],
      }),
      ["stopSandbox s0"],
    ],
    [
      "an empty one that was replaced is removed",
      view({
        sandboxes: [{ ...sandbox, id: "s1", attempt: 1 }, dead],
        stopped,
        containers: [container({ sandboxId: "s1" })],
      }),
      ["removeSandbox s0"],
    ],
    ["a container that ended starts again", view({ containers: [exited(0)] }), ["start app 1"]],
    [
      "in its backoff it does not",
      view({ containers: [exited(0)], backoffs: new Map([["app", { delayMs: 10_000, updatedAtMs: nowMs - 2_000 }]]) }),
      [],
    ],
    [
      "with OnFailure only after a failure",
      view({ spec: { restartPolicy: "OnFailure" }, containers: [exited(1)] }),
      ["start app 1"],
    ],
    [
      "its own rules come before the pod's policy",
      view({
        spec: {
          restartPolicy: "Never",
          containers: [
            {
              ...app,
              restartPolicy: "Never",
              restartPolicyRules: [{ action: "Restart", exitCodes: { operator: "In", values: [42] } }],
            },
          ],
        },
        containers: [exited(42)],
      }),
      ["start app 1"],
    ],
    [
      "of three dead containers the oldest goes",
      view({
        containers: [exited(1, { id: "c2", attempt: 2 }), exited(1, { id: "c1", attempt: 1 }), exited(1, { id: "c0" })],
      }),
      ["start app 3", "remove c0"],
    ],
    [
      "a container that was created and never started is replaced",
      view({ containers: [container({ state: "created" })] }),
      ["start app 1", "remove app-0"],
    ],
    [
      "but not while it is being started",
      view({ containers: [container({ state: "created" })], busy: busy({ starting: "app" }) }),
      [],
    ],
    [
      "a changed image stops the container",
      view({ spec: { containers: [{ ...app, image: "app:2" }] }, containers: [container()] }),
      ["stop app 30"],
    ],
    [
      "a container that was stopped for its new image comes again, whatever the policy",
      view({
        spec: { restartPolicy: "Never", containers: [{ ...app, image: "app:2" }] },
        containers: [exited(143)],
        busy: busy({ stopping: new Map([["app-0", 30]]) }),
      }),
      ["start app 1"],
    ],
    [
      "one that ended by itself does not come again for a new image",
      view({ spec: { restartPolicy: "Never", containers: [{ ...app, image: "app:2" }] }, containers: [exited(0)] }),
      ["stopSandbox s0"],
    ],
    [
      "an init container goes on with the image that it began with",
      view({ spec: { initContainers: [{ ...setup, image: "setup:2" }] }, containers: [container({ spec: setup })] }),
      [],
    ],
    [
      "init containers that are forgotten were done before the one that is there",
      view({
        spec: { initContainers: [setup, { ...setup, name: "second" }] },
        containers: [container({ spec: { ...setup, name: "second" } })],
      }),
      [],
    ],
    [
      "a failed liveness probe stops it within the probe's grace",
      view({
        spec: { containers: [{ ...app, livenessProbe: { terminationGracePeriodSeconds: 5 } }] },
        containers: [container()],
        probes: new Map([["app-0", { liveness: "failure" }]]),
      }),
      ["stop app 5"],
    ],
    ["an init container comes before the containers", view({ spec: { initContainers: [setup] } }), ["start setup 0"]],
    ["which wait for it", view({ spec: { initContainers: [setup] }, containers: [container({ spec: setup })] }), []],
    [
      "until it succeeded",
      view({ spec: { initContainers: [setup] }, containers: [exited(0, container({ spec: setup, state: "exited" }))] }),
      ["start app 0"],
    ],
    [
      "in a new sandbox it runs again",
      view({
        spec: { initContainers: [setup] },
        sandboxes: [{ ...sandbox, id: "s1", attempt: 1 }],
        containers: [exited(0, container({ spec: setup, state: "exited" })), exited(255)],
      }),
      ["start setup 1"],
    ],
    [
      "after a sidecar that has not started nothing starts",
      view({
        spec: { initContainers: [mesh] },
        containers: [container({ spec: mesh })],
        probes: new Map([["mesh-0", { startup: "unknown" }]]),
      }),
      [],
    ],
    [
      "a sidecar that ended is started beside the containers",
      view({
        spec: { initContainers: [mesh] },
        containers: [exited(0, container({ spec: mesh, state: "exited" })), container()],
      }),
      ["start mesh 1"],
    ],
    [
      "a sidecar that ended once those after it began holds nobody back",
      view({
        spec: { initContainers: [mesh, { ...mesh, name: "logs" }] },
        containers: [
          exited(1, container({ spec: mesh, state: "exited", finishedAtMs: nowMs - 1_000 })),
          container({ spec: { ...mesh, name: "logs" } }),
        ],
        backoffs: new Map([["mesh", { delayMs: 10_000, updatedAtMs: nowMs - 2_000 }]]),
      }),
      ["start app 0"],
    ],
    [
      "nor does one that is not alive",
      view({
        spec: { initContainers: [mesh] },
        containers: [container({ spec: mesh })],
        probes: new Map([["mesh-0", { liveness: "failure" }]]),
      }),
      ["stop mesh 30", "start app 0"],
    ],
    [
      "but one that ended as the last does",
      view({
        spec: { initContainers: [mesh, { ...mesh, name: "logs" }] },
        containers: [
          exited(1, container({ spec: { ...mesh, name: "logs" }, state: "exited" })),
          container({ spec: mesh }),
        ],
      }),
      ["start logs 1"],
    ],
    [
      "an ephemeral container is started once",
      view({ spec: { ephemeralContainers: [{ name: "debug", image: "app:1" }] }, containers: [container()] }),
      ["start debug 0"],
    ],
    [
      "and not again",
      view({
        spec: { ephemeralContainers: [{ name: "debug", image: "app:1" }] },
        containers: [container(), exited(1, { name: "debug", id: "d" })],
      }),
      [],
    ],
    ["a deleted pod is stopped", view({ stop: deleted, containers: [container()] }), ["stop app 30"]],
    [
      "what is being stopped is not stopped again",
      view({ stop: deleted, containers: [container()], busy: busy({ stopping: new Map([["app-0", 30]]) }) }),
      [],
    ],
    [
      "unless with less grace",
      view({
        stop: { ...deleted, graceSeconds: 5 },
        containers: [container()],
        busy: busy({ stopping: new Map([["app-0", 30]]) }),
      }),
      ["stop app 5"],
    ],
    ["then its sandbox", view({ stop: deleted, containers: [exited(143)] }), ["stopSandbox s0"]],
    ["and then nothing", view({ stop: deleted, containers: [exited(143)], sandboxes: [dead], stopped }), []],
    [
      "a pod that ended is stopped with its sidecars",
      view({
        spec: { restartPolicy: "Never", initContainers: [mesh] },
        containers: [container({ spec: mesh }), exited(0)],
      }),
      ["stop mesh 30"],
    ],
  ];
  for (const [what, given, expected] of cases) assert.deepEqual(planPod(given).actions.map(words), expected, what);
});

test("a plan says when it is to be made again, and what is over", () => {
  const backoffs = new Map([["app", { delayMs: 10_000, updatedAtMs: nowMs - 2_000 }]]);
  const waiting = planPod(view({ containers: [exited(1)], backoffs }));
  assert.equal(waiting.nextCheckMs, nowMs + 9_000);
  assert.deepEqual([...waiting.waiting.keys()], ["app"]);
  assert.equal(planPod(view({ containers: [container()] })).nextCheckMs, undefined);
  assert.equal(planPod(view({ sandboxes: [], podRetryAtMs: nowMs + 5 })).nextCheckMs, nowMs + 5);
  const over = view({ spec: { restartPolicy: "Never" }, containers: [exited(0)] });
  assert.deepEqual([planPod(over).finished, planPod(over).quiet], [true, false]);
  assert.equal(planPod({ ...over, sandboxes: [dead], stopped }).quiet, true);
});

test("restart counts go on from what the API remembers when the engine knows nothing", () => {
  const terminated = { exitCode: 1 };
  const status = {
    containerStatuses: [
      { name: "app", image: "", imageID: "", ready: false, restartCount: 4, lastState: { terminated } },
    ],
  };
  const given = view();
  const [action] = planPod({ ...given, pod: { ...given.pod, status } }).actions;
  assert.equal(action && words(action), "start app 5");
});

test("why a container is stopped is said in the kubelet's words", () => {
  const why = (change: Parameters<typeof view>[0]) =>
    planPod(view(change)).actions.flatMap((action) => (action.type === "stopContainer" ? [action.message] : []));
  const changed = { ...app, image: "app:2" };
  const policy = "Never";
  assert.deepEqual(why({ spec: { restartPolicy: policy, containers: [changed] }, containers: [container()] }), [
    "Container app definition changed, will be restarted",
  ]);
  assert.deepEqual(why({ containers: [container({ state: "unknown" })] }), [
    'Container is in "unknown" state, try killing it before restart, will be restarted',
  ]);
  const failing = { probes: new Map([["mesh-0", { liveness: "failure" as const }]]) };
  assert.deepEqual(why({ spec: { initContainers: [mesh] }, containers: [container({ spec: mesh })], ...failing }), [
    "Init container mesh failed liveness probe",
  ]);
});
