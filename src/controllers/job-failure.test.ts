import assert from "node:assert/strict";
import { test } from "node:test";
import { jobScene, podSpec, work } from "../../test/job-scene.ts";
import { type Job, Jobs, type Pod, type PodFailurePolicyRule, Pods } from "../api/index.ts";
import { noFailures, recordEnded, remainingMs } from "./job-backoff.ts";
import { endedMs } from "./job-pods.ts";
import { judgeFailure } from "./job-policies.ts";

test("a job fails when more pods fail than its backoff limit allows", async (t) => {
  const { create, rest, endAll, get, conditions, events } = await jobScene(t);
  await create(Jobs, work({ backoffLimit: 1 }));
  await rest();
  await endAll(1);
  await rest(20_000);
  assert.deepEqual(await conditions(), []);
  await endAll(1);
  await rest(1_000);
  const message = "BackoffLimitExceeded: Job has reached the specified backoff limit";
  assert.deepEqual(await conditions(), [`FailureTarget=True ${message}`, `Failed=True ${message}`]);
  assert.deepEqual([(await get()).status.failed, (await get()).status.completionTime], [2, undefined]);
  assert.ok((await events("Job")).includes("Warning BackoffLimitExceeded Job has reached the specified backoff limit"));
});

test("a pod is replaced 10 s after its failure, then after 20 s, 40 s and so on", async (t) => {
  const { create, rest, active, endAll } = await jobScene(t);
  await create(Jobs, work({ backoffLimit: 5 }));
  await rest();
  for (const waitMs of [10_000, 20_000, 40_000]) {
    await endAll(1);
    await rest(waitMs - 1_500);
    assert.equal((await active()).length, 0, `before ${waitMs}`);
    await rest(2_000);
    assert.equal((await active()).length, 1, `after ${waitMs}`);
  }
});

test("a pod has ended when the last of its containers and sidecars did, or what else is known of its end", () => {
  const ended = (name: string, finishedAt?: string) => ({ name, state: { terminated: { finishedAt } } });
  const spec = { initContainers: [{ name: "init" }, { name: "sidecar", restartPolicy: "Always" }] };
  const metadata = { creationTimestamp: "2026-01-01T00:00:00Z" };
  const deleted = { ...metadata, deletionTimestamp: "2026-01-01T01:00:30Z", deletionGracePeriodSeconds: 30 };
  const ready = (status: string) => [{ type: "Ready", status, lastTransitionTime: "2026-01-01T00:00:10Z" }];
  const containerStatuses = [ended("a", "2026-01-01T00:00:01Z"), ended("b", "2026-01-01T00:00:02Z")];
  const late = "2026-01-01T00:00:09Z";
  const running = { name: "c", state: { running: {} } };
  const table: readonly [pod: object, endedAt: string][] = [
    [{ metadata, spec, status: { containerStatuses } }, "2026-01-01T00:00:02Z"],
    [{ metadata, spec, status: { containerStatuses, initContainerStatuses: [ended("sidecar", late)] } }, late],
    [
      { metadata, spec, status: { containerStatuses, initContainerStatuses: [ended("init", late)] } },
      "2026-01-01T00:00:02Z",
    ],
    [
      { metadata: deleted, spec, status: { containerStatuses: [...containerStatuses, running] } },
      "2026-01-01T01:00:00Z",
    ],
    [
      { metadata: deleted, spec, status: { containerStatuses: [ended("a")], conditions: ready("False") } },
      "2026-01-01T00:00:10Z",
    ],
    [{ metadata: deleted, spec, status: { conditions: ready("True") } }, "2026-01-01T01:00:00Z"],
    [{ metadata, spec, status: { conditions: ready("True") } }, "2026-01-01T00:00:00Z"],
  ];
  for (const [pod, endedAt] of table) assert.equal(endedMs(pod as Pod), Date.parse(endedAt), JSON.stringify(pod));
});

test("a success ends the waiting, and the longest wait is ten minutes", () => {
  const pod = (atMs: number) => ({ metadata: { creationTimestamp: new Date(atMs).toISOString() } }) as unknown as Pod; // all that is looked at
  let record = noFailures;
  for (let failure = 1; failure <= 20; failure++) record = recordEnded(record, [], [pod(1_000)]);
  assert.equal(remainingMs(record, 1_000), 600_000);
  // The clock was set back by as much: each look would find that it has to wait.
  assert.equal(remainingMs(record, -1_000_000), 0);
  assert.equal(remainingMs(record, 601_000), 0);
  assert.deepEqual(recordEnded(record, [pod(5_000)], []), noFailures);
  assert.deepEqual(recordEnded(record, [pod(5_000)], [pod(4_000), pod(6_000)]), { failures: 1, lastMs: 6_000 });
});

test("containers that are started again count towards the backoff limit", async (t) => {
  const { create, rest, active, client, conditions } = await jobScene(t);
  await create(Jobs, work({ backoffLimit: 2, template: { spec: { ...podSpec, restartPolicy: "OnFailure" } } }));
  await rest();
  const [pod] = await active();
  const main = { name: "main", image: "work:1", imageID: "", ready: false, restartCount: 2, state: {} };
  const status = { ...pod!.status, phase: "Running", containerStatuses: [main] };
  await client.update(Pods, { ...pod!, status }, { subresource: "status" });
  await rest(1_000);
  assert.match((await conditions()).at(-1) ?? "", /^Failed=True BackoffLimitExceeded/);
  assert.equal((await active()).length, 0);
});

test("a job that runs for too long fails, and its pods go before it says so", async (t) => {
  const { create, rest, pods, client, conditions, startPods, get } = await jobScene(t);
  const template = { spec: { ...podSpec, nodeName: "node-1" } };
  await create(Jobs, work({ activeDeadlineSeconds: 30, template }));
  await rest();
  await startPods();
  await rest(29_000);
  assert.deepEqual(await conditions(), []);
  await rest(2_000);
  const message = "DeadlineExceeded: Job was active longer than specified deadline";
  assert.deepEqual(await conditions(), [`FailureTarget=True ${message}`]);
  assert.deepEqual([(await get()).status.terminating, (await get()).status.failed], [1, 1]);
  for (const { metadata } of await pods()) await client.delete(Pods, metadata, { body: { gracePeriodSeconds: 0 } });
  await rest(1_000);
  assert.deepEqual(await conditions(), [`FailureTarget=True ${message}`, `Failed=True ${message}`]);
});

test("a pod that is being deleted is replaced at once, or when it has ended, as the policy says", async (t) => {
  for (const [podReplacementPolicy, expected] of [
    ["TerminatingOrFailed", [1, 1]],
    ["Failed", [0, undefined]],
  ] as const) {
    const { create, rest, active, client, get, end, stop } = await jobScene(t);
    const template = { spec: { ...podSpec, nodeName: "node-1", terminationGracePeriodSeconds: 600 } };
    await create(Jobs, work({ podReplacementPolicy, template }));
    await rest();
    const [pod] = await active();
    await client.delete(Pods, pod!.metadata);
    await rest(15_000);
    assert.deepEqual([(await active()).length, (await get()).status.failed], expected, podReplacementPolicy);
    if (podReplacementPolicy === "Failed") {
      assert.equal((await get()).status.terminating, 1);
      await end(await client.get(Pods, pod!.metadata), 1);
      await rest(15_000);
      assert.deepEqual([(await active()).length, (await get()).status.failed], [1, 1]);
    }
    await stop();
  }
});

const policy = (...rules: PodFailurePolicyRule[]) => ({ podFailurePolicy: { rules } });

test("the failure policy fails the job, and says for which pod", async (t) => {
  const { create, rest, active, endAll, conditions, pods } = await jobScene(t);
  const onExitCodes = { containerName: "main", operator: "In", values: [42] };
  await create(Jobs, work({ completions: 2, parallelism: 2, ...policy({ action: "FailJob", onExitCodes }) }));
  await rest();
  await endAll(42);
  await rest(1_000);
  const names = (await pods()).map(({ metadata }) => metadata.name).join("|");
  assert.match(
    (await conditions()).at(-1) ?? "",
    new RegExp(
      `^Failed=True PodFailurePolicy: Container main for pod default/(${names}) failed with exit code 42 matching FailJob rule at index 0$`,
    ),
  );
  assert.equal((await active()).length, 0);
});

test("failures that the policy ignores do not count, and are still waited for", async (t) => {
  const { create, rest, active, end, get, conditions } = await jobScene(t);
  const onPodConditions = [{ type: "DisruptionTarget" }];
  await create(Jobs, work({ backoffLimit: 0, ...policy({ action: "Ignore", onPodConditions }) }));
  await rest();
  const disrupted = { conditions: [{ type: "DisruptionTarget", status: "True" }] };
  for (const waitMs of [10_000, 20_000]) {
    for (const pod of await active()) await end(pod, 137, disrupted);
    await rest(waitMs - 1_500);
    assert.equal((await active()).length, 0);
    await rest(2_000);
    assert.equal((await active()).length, 1);
  }
  assert.equal((await get()).status.failed, undefined);
  for (const pod of await active()) await end(pod, 1);
  await rest(1_000);
  assert.match((await conditions()).at(-1) ?? "", /^Failed=True BackoffLimitExceeded/);
});

test("the first rule of a failure policy that matches says what a failure means", () => {
  const job = (...rules: PodFailurePolicyRule[]) => ({ spec: policy(...rules) }) as unknown as Job; // all that is looked at
  const container = (name: string, exitCode: number) => ({ name, state: { terminated: { exitCode } } });
  const pod = {
    metadata: { namespace: "default", name: "p" },
    status: {
      conditions: [{ type: "DisruptionTarget", status: "True" }],
      containerStatuses: [container("main", 3), container("side", 0), { name: "runs", state: { running: {} } }],
      initContainerStatuses: [container("init", 5)],
    },
  } as unknown as Pod; // as above
  const codes = (operator: string, values: number[], containerName?: string) => ({
    onExitCodes: { operator, values, ...(containerName ? { containerName } : {}) },
  });
  const disrupted = { onPodConditions: [{ type: "DisruptionTarget", status: "True" }] };
  const cases: readonly (readonly [string, Job, object])[] = [
    ["nothing matches", job({ action: "FailJob", ...codes("In", [4]) }), { counts: true, failsIndex: false }],
    [
      "a container that ended well never matches",
      job({ action: "Ignore", ...codes("NotIn", [3, 5]) }),
      { counts: true, failsIndex: false },
    ],
    [
      "not in",
      job({ action: "Ignore", ...codes("NotIn", [4]) }),
      { action: "Ignore", counts: false, failsIndex: false },
    ],
    [
      "of one container only",
      job({ action: "Ignore", ...codes("In", [3], "init") }),
      { counts: true, failsIndex: false },
    ],
    [
      "of an init container",
      job({ action: "FailIndex", ...codes("In", [5]) }),
      { action: "FailIndex", counts: true, failsIndex: true },
    ],
    [
      "the first that matches",
      job({ action: "Count", ...codes("In", [3]) }, { action: "Ignore", ...disrupted }),
      { action: "Count", counts: true, failsIndex: false },
    ],
    [
      "a condition",
      job({ action: "Ignore", ...codes("In", [9]) }, { action: "FailJob", ...disrupted }),
      {
        action: "FailJob",
        counts: true,
        failsIndex: false,
        failsJob: "Pod default/p has condition DisruptionTarget matching FailJob rule at index 1",
      },
    ],
    [
      "a condition that is not so",
      job({ action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "False" }] }),
      { counts: true, failsIndex: false },
    ],
  ];
  for (const [name, given, expected] of cases) assert.deepEqual(judgeFailure(given, pod), expected, name);
});
