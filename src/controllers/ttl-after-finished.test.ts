import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import { valuesOf } from "../../test/metric-values.ts";
import { type Job, type JobSpec, Jobs, type NewObject } from "../api/index.ts";
import { MetricRegistry, timestamp } from "../lib/index.ts";

const controllers = ["ttl-after-finished-controller", "garbage-collector-controller"];
const key = { namespace: "default", name: "work" };
const template = { spec: { restartPolicy: "Never", containers: [{ name: "main", image: "work:1" }] } };
const work = (spec: Partial<JobSpec> & object): NewObject<Job> => ({
  apiVersion: "batch/v1",
  kind: "Job",
  metadata: key,
  spec: { template, ...spec },
});

async function scene(t: Parameters<typeof startTestControlPlane>[0], spec: Partial<JobSpec> & object) {
  const metrics = new MetricRegistry();
  const plane = await startTestControlPlane(t, { controllers, metrics });
  const { client, clock, create, rest, list } = plane;
  await rest();
  await create(Jobs, work(spec));
  return {
    ...plane,
    metrics,
    async fail() {
      const job = await client.get(Jobs, key);
      const at = timestamp(clock.now());
      const condition = (type: string) => ({ type, status: "True", lastTransitionTime: at });
      const conditions = [condition("FailureTarget"), condition("Failed")];
      await client.update(Jobs, { ...job, status: { startTime: at, conditions } }, { subresource: "status" });
    },
    count: async () => (await list(Jobs, "default")).length,
  };
}

test("a job goes when its time after the end is over", async (t) => {
  const { fail, rest, count, metrics } = await scene(t, { ttlSecondsAfterFinished: 60 });
  await rest(100_000);
  assert.equal(await count(), 1);
  await fail();
  await rest(58_000);
  assert.equal(await count(), 1);
  await rest(4_000);
  assert.equal(await count(), 0);
  const late = valuesOf(metrics, "ttl_after_finished_controller_job_deletion_duration_seconds_count");
  assert.deepEqual(late, { "": 1 });
});

test("a job without such a time stays, and nobody asks for it again", async (t) => {
  const { fail, rest, count, reconciles } = await scene(t, {});
  await fail();
  await rest();
  const before = reconciles().length;
  await rest(3_600_000);
  assert.equal(await count(), 1);
  assert.equal(reconciles().length, before);
});

test("a time that is made longer counts", async (t) => {
  const { client, fail, rest, count } = await scene(t, { ttlSecondsAfterFinished: 60 });
  await fail();
  await rest(30_000);
  await client.patch(Jobs, key, { spec: { ttlSecondsAfterFinished: 120 } });
  await rest(60_000);
  assert.equal(await count(), 1);
  await rest(40_000);
  assert.equal(await count(), 0);
});
