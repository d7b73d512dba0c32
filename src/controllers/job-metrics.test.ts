import assert from "node:assert/strict";
import { test } from "node:test";
import { jobScene, work } from "../../test/job-scene.ts";
import { valuesOf } from "../../test/metric-values.ts";
import { forbidden, Jobs, Pods } from "../api/index.ts";
import { MetricRegistry } from "../lib/index.ts";

const of = (metrics: MetricRegistry) => (name: string) => valuesOf(metrics, `job_controller_${name}`);

test("job_controller_… counts the pods of a job and its end once", async (t) => {
  const metrics = new MetricRegistry();
  const counted = of(metrics);
  const { create, rest, end, endAll, active } = await jobScene(t, metrics);
  await create(Jobs, work({ completions: 3, parallelism: 2 }));
  await rest();
  assert.deepEqual(counted("job_pods_creation_total"), { 'reason="new",status="succeeded"': 2 });
  const [first] = await active();
  await end(first!, 1);
  await rest(15_000);
  assert.deepEqual(counted("job_pods_creation_total"), {
    'reason="new",status="succeeded"': 2,
    'reason="recreate_terminating_or_failed",status="succeeded"': 1,
  });
  await endAll();
  await rest(15_000);
  await endAll();
  await rest(15_000);
  const mode = 'completion_mode="NonIndexed"';
  assert.deepEqual(counted("job_pods_finished_total"), {
    [`${mode},result="succeeded"`]: 3,
    [`${mode},result="failed"`]: 1,
  });
  assert.deepEqual(counted("jobs_finished_total"), { [`${mode},result="succeeded",reason="CompletionsReached"`]: 1 });
  assert.deepEqual(counted("terminated_pods_tracking_finalizer_total"), { 'event="add"': 4, 'event="delete"': 4 });
  const syncs = counted("job_syncs_total");
  assert.deepEqual(syncs, counted("job_sync_duration_seconds_count"));
  assert.equal(syncs[`${mode},result="success",action="pods_created"`], 3);
  assert.equal(syncs[`${mode},result="error",action="pods_created"`], undefined);
});

test("job_controller_… counts indexes by their limits, and no index twice when their number becomes smaller", async (t) => {
  const metrics = new MetricRegistry();
  const counted = of(metrics);
  const { create, update, rest, end, active } = await jobScene(t, metrics);
  const spec = { completionMode: "Indexed", completions: 3, parallelism: 3, backoffLimitPerIndex: 0 };
  await create(Jobs, work(spec));
  await rest();
  const [first, second, third] = await active();
  await end(third!);
  await rest(1_000);
  await update({ completions: 2, parallelism: 2 });
  await rest(1_000);
  await end(first!);
  await end(second!, 1);
  await rest(1_000);
  assert.deepEqual(counted("job_finished_indexes_total"), {
    'status="succeeded",backoffLimit="perIndex"': 2,
    'status="failed",backoffLimit="perIndex"': 1,
  });
  assert.deepEqual(counted("jobs_finished_total"), {
    'completion_mode="Indexed",result="failed",reason="FailedIndexes"': 1,
  });
});

test("job_controller_… counts what failure policies say of pods, pods that cannot be made, and suspended jobs", async (t) => {
  const metrics = new MetricRegistry();
  const counted = of(metrics);
  const { create, rest, endAll, between } = await jobScene(t, metrics);
  const rules = [
    { action: "Ignore", onExitCodes: { operator: "In", values: [5] } },
    { action: "FailJob", onExitCodes: { operator: "In", values: [6] } },
  ];
  let refusals = 1;
  between(({ verb, plural }, send) => {
    if (verb === "create" && plural === "pods" && refusals-- > 0) throw forbidden(Pods, "x", "quota");
    return send();
  });
  await create(Jobs, work({ podFailurePolicy: { rules } }));
  await rest(1_000);
  assert.deepEqual(counted("job_pods_creation_total"), {
    'reason="new",status="succeeded"': 1,
    'reason="new",status="failed"': 1,
  });
  for (const exitCode of [5, 6]) {
    await endAll(exitCode);
    await rest(15_000);
  }
  assert.deepEqual(counted("pod_failures_handled_by_failure_policy_total"), {
    'action="Ignore"': 1,
    'action="FailJob"': 1,
  });
  const mode = 'completion_mode="NonIndexed"';
  assert.equal(counted("job_syncs_total")[`${mode},result="error",action="pods_created"`], 1);
  await create(Jobs, { ...work({ suspend: true }), metadata: { namespace: "default", name: "waits" } });
  await rest();
  assert.ok(counted("job_syncs_total")[`${mode},result="success",action="pods_deleted"`]);
});

test("job_controller_jobs_by_external_controller_total counts each job that another controller manages once", async (t) => {
  const metrics = new MetricRegistry();
  const { client, create, rest } = await jobScene(t, metrics);
  await create(Jobs, work({ managedBy: "example.com/queue" }));
  await rest();
  await client.patch(Jobs, { namespace: "default", name: "work" }, { metadata: { labels: { a: "b" } } });
  await rest();
  await client.delete(Jobs, { namespace: "default", name: "work" });
  await rest();
  assert.deepEqual(of(metrics)("jobs_by_external_controller_total"), { 'controller_name="example.com/queue"': 1 });
});
