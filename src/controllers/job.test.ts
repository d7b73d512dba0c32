import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import { type Job, type JobSpec, Jobs, type NewObject, type Pod, Pods } from "../api/index.ts";
import { timestamp } from "../lib/index.ts";

const controllers = [
  "job-controller",
  "job-orphan-pod-controller",
  "garbage-collector-controller",
  "serviceaccount-controller",
];
const key = { namespace: "default", name: "work" };
const podSpec = { restartPolicy: "Never", containers: [{ name: "main", image: "work:1" }] };

const work = (spec: Partial<JobSpec> & object = {}): NewObject<Job> => ({
  apiVersion: "batch/v1",
  kind: "Job",
  metadata: { ...key },
  spec: { template: { spec: podSpec }, ...spec },
});

async function scene(t: TestContext) {
  const plane = await startTestControlPlane(t, { controllers });
  await plane.rest();
  const { client, clock, list } = plane;
  const pods = () => list(Pods, "default");
  const active = async () =>
    (await pods()).filter(({ metadata, status }) => !metadata.deletionTimestamp && !isOver(status.phase));
  return {
    ...plane,
    pods,
    active,
    get: () => client.get(Jobs, key),
    update: (spec: object) => client.patch(Jobs, key, { spec }),
    /** Plays the node: the pod's container ends with this exit code. */
    end: (pod: Pod, exitCode = 0, status: object = {}) =>
      client.update(Pods, ended(pod, exitCode, clock.now(), status), { subresource: "status" }),
    async conditions() {
      const { status } = await client.get(Jobs, key);
      return (status.conditions ?? []).map(
        ({ type, status, reason, message }) => `${type}=${status} ${reason}: ${message}`,
      );
    },
  };
}

const isOver = (phase: string | undefined) => phase === "Succeeded" || phase === "Failed";

function ended(pod: Pod, exitCode: number, nowMs: number, status: object): Pod {
  const finishedAt = timestamp(nowMs);
  return {
    ...pod,
    status: {
      ...pod.status,
      phase: exitCode === 0 ? "Succeeded" : "Failed",
      containerStatuses: [
        {
          name: "main",
          image: "work:1",
          imageID: "",
          ready: false,
          restartCount: 0,
          state: { terminated: { exitCode, finishedAt } },
        },
      ],
      ...status,
    },
  };
}

test("a Job runs its pods and completes", async (t) => {
  const { create, rest, active, pods, end, get, conditions, events } = await scene(t);
  await create(Jobs, work({ completions: 3, parallelism: 2 }));
  await rest();
  assert.equal((await active()).length, 2);
  assert.deepEqual((await active())[0]?.metadata.finalizers, ["batch.kubernetes.io/job-tracking"]);
  for (const pod of await active()) await end(pod);
  await rest(1_000);
  assert.equal((await active()).length, 1);
  assert.equal((await get()).status.succeeded, 2);
  for (const pod of await active()) await end(pod);
  await rest(1_000);
  const { status } = await get();
  assert.deepEqual([status.succeeded, status.active, status.ready, status.terminating], [3, undefined, 0, 0]);
  assert.deepEqual(status.uncountedTerminatedPods, {});
  assert.deepEqual(await conditions(), [
    "SuccessCriteriaMet=True CompletionsReached: Reached expected number of succeeded pods",
    "Complete=True CompletionsReached: Reached expected number of succeeded pods",
  ]);
  assert.ok(status.startTime && status.completionTime);
  for (const { metadata } of await pods()) assert.deepEqual(metadata.finalizers ?? [], []);
  const said = await events("Job");
  assert.equal(said.filter((each) => each.startsWith("Normal SuccessfulCreate Created pod: work-")).length, 3);
  assert.equal(said.filter((each) => each === "Normal Completed Job completed").length, 1);
});
