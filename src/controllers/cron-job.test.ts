import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import { valuesOf } from "../../test/metric-values.ts";
import {
  type CronJob,
  type CronJobSpec,
  CronJobs,
  forbidden,
  isJobFinished,
  type Job,
  Jobs,
  type NewObject,
} from "../api/index.ts";
import { MetricRegistry, timestamp } from "../lib/index.ts";

const controllers = ["cronjob-controller", "garbage-collector-controller"];
const key = { namespace: "default", name: "tick" };
const minute = 60_000;
const template = { spec: { restartPolicy: "OnFailure", containers: [{ name: "main", image: "work:1" }] } };

const tick = (spec: Partial<CronJobSpec> & object = {}): NewObject<CronJob> => ({
  apiVersion: "batch/v1",
  kind: "CronJob",
  metadata: { ...key },
  spec: { schedule: "* * * * *", jobTemplate: { spec: { template } }, ...spec },
});

async function scene(t: TestContext, metrics?: MetricRegistry) {
  const plane = await startTestControlPlane(t, { controllers, ...(metrics ? { metrics } : {}) });
  await plane.rest();
  const { client, clock, list } = plane;
  const jobs = () => list(Jobs, "default");
  return {
    ...plane,
    jobs,
    get: () => client.get(CronJobs, key),
    update: (spec: object) => client.patch(CronJobs, key, { spec }),
    names: async () => (await jobs()).map(({ metadata }) => metadata.name),
    running: async () => (await jobs()).filter((job) => !isJobFinished(job) && !job.metadata.deletionTimestamp),
    /** Plays the job controller: the job has ended. */
    end: (job: Job, type: "Complete" | "Failed" = "Complete") =>
      client.update(Jobs, ended(job, type, clock.now()), { subresource: "status" }),
    async active() {
      const { status } = await client.get(CronJobs, key);
      return (status.active ?? []).map(({ name }) => name);
    },
  };
}

function ended(job: Job, type: "Complete" | "Failed", nowMs: number): Job {
  const lastTransitionTime = timestamp(nowMs);
  const condition = (type: string) => ({ type, status: "True", lastTransitionTime });
  const complete = type === "Complete";
  return {
    ...job,
    status: {
      ...job.status,
      startTime: job.status.startTime ?? job.metadata.creationTimestamp,
      ...(complete ? { completionTime: lastTransitionTime } : {}),
      conditions: [condition(complete ? "SuccessCriteriaMet" : "FailureTarget"), condition(type)],
    },
  };
}

/** The virtual clock starts at 2026-01-01T00:00:00Z; this is its minute in the names of jobs. */
const firstMinute = Date.UTC(2026, 0, 1) / minute;
const nameAt = (minutes: number) => `tick-${firstMinute + minutes}`;

test("a CronJob starts a job when its time has come, and tells of it", async (t) => {
  const { create, rest, jobs, get, end, clock, events, active } = await scene(t);
  const jobTemplate = {
    metadata: { labels: { team: "red" }, annotations: { note: "yes" } },
    spec: { template, backoffLimit: 2 },
  };
  await create(CronJobs, tick({ jobTemplate, timeZone: "Europe/Berlin" }));
  await rest(50_000);
  assert.equal((await jobs()).length, 0);
  await rest(15_000);
  const [job] = await jobs();
  assert.equal(job?.metadata.name, nameAt(1));
  assert.deepEqual(job.metadata.labels?.team, "red");
  assert.deepEqual(job.metadata.annotations, {
    note: "yes",
    "batch.kubernetes.io/cronjob-scheduled-timestamp": "2026-01-01T01:01:00+01:00",
  });
  assert.equal(job.spec.backoffLimit, 2);
  assert.deepEqual(
    job.metadata.ownerReferences?.map(({ kind, name, controller }) => [kind, name, controller]),
    [["CronJob", "tick", true]],
  );
  assert.equal((await get()).status.lastScheduleTime, "2026-01-01T00:01:00Z");
  const [reference] = (await get()).status.active ?? [];
  assert.deepEqual(
    { ...reference, resourceVersion: "" },
    {
      kind: "Job",
      namespace: "default",
      name: nameAt(1),
      uid: job.metadata.uid,
      apiVersion: "batch/v1",
      resourceVersion: "",
    },
  );
  await end(job);
  await rest();
  assert.deepEqual(await active(), []);
  assert.equal((await get()).status.lastSuccessfulTime, timestamp(clock.now()));
  assert.deepEqual([...(await events("CronJob"))].sort(), [
    `Normal SawCompletedJob Saw completed job: ${nameAt(1)}, condition: Complete`,
    `Normal SuccessfulCreate Created job ${nameAt(1)}`,
  ]);
});

test("CronJob AllowConcurrent: several jobs run at the same time", async (t) => {
  const { create, rest, active, names } = await scene(t);
  await create(CronJobs, tick({ concurrencyPolicy: "Allow" }));
  await rest(3 * minute + 1_000);
  assert.deepEqual(await active(), [nameAt(1), nameAt(2), nameAt(3)]);
  assert.deepEqual(await names(), [nameAt(1), nameAt(2), nameAt(3)]);
});

test("CronJob ForbidConcurrent: the previous job runs alone, and the one that waited starts after it", async (t) => {
  const { create, rest, active, jobs, end, events } = await scene(t);
  await create(CronJobs, tick({ concurrencyPolicy: "Forbid" }));
  await rest(3 * minute + 1_000);
  assert.deepEqual(await active(), [nameAt(1)]);
  assert.match(
    (await events("CronJob")).join("\n"),
    /Normal JobAlreadyActive Not starting job because prior execution is running and concurrency policy is Forbid/,
  );
  for (const job of await jobs()) await end(job);
  await rest();
  assert.deepEqual(await active(), [nameAt(3)]);
});

test("CronJob ReplaceConcurrent: the newer job runs alone", async (t) => {
  const { create, rest, active, running, events } = await scene(t);
  await create(CronJobs, tick({ concurrencyPolicy: "Replace" }));
  await rest(3 * minute + 1_000);
  assert.deepEqual(await active(), [nameAt(3)]);
  assert.deepEqual(
    (await running()).map(({ metadata }) => metadata.name),
    [nameAt(3)],
  );
  assert.ok((await events("CronJob")).includes(`Normal SuccessfulDelete Deleted job ${nameAt(1)}`));
});

test("CronJob Suspend: no new jobs while it is suspended, and then the last that was missed", async (t) => {
  const { create, rest, names, update, requests } = await scene(t);
  await create(CronJobs, tick({ suspend: true }));
  await rest();
  const before = requests().length;
  await rest(60 * minute);
  assert.deepEqual(requests().slice(before), []);
  await update({ suspend: false });
  await rest();
  assert.deepEqual(await names(), [nameAt(60)]);
});

test("only as many ended jobs are kept as the history may have", async (t) => {
  const { create, rest, running, end, jobs } = await scene(t);
  await create(CronJobs, tick({ successfulJobsHistoryLimit: 2, failedJobsHistoryLimit: 1 }));
  for (let round = 1; round <= 8; round++) {
    await rest(minute);
    for (const job of await running()) await end(job, round % 2 === 0 ? "Complete" : "Failed");
  }
  await rest(1_000);
  const ends = (await jobs()).map(({ status }) => status.conditions?.at(-1)?.type).sort();
  assert.deepEqual(ends, ["Complete", "Complete", "Failed"]);
});

test("a start that is too late for the deadline is left out", async (t) => {
  const { create, rest, names, refuse } = await scene(t);
  await create(CronJobs, tick({ schedule: "0 * * * *", startingDeadlineSeconds: 30 }));
  await rest();
  refuse(({ verb, plural }) => (verb === "create" && plural === "jobs" ? forbidden(Jobs, "x", "no") : undefined));
  await rest(61 * minute);
  refuse(() => undefined);
  await rest(30 * minute);
  assert.deepEqual(await names(), []);
  await rest(30 * minute);
  assert.deepEqual(await names(), [nameAt(120)]);
});

test("a start within the deadline comes late rather than never", async (t) => {
  const { create, rest, names, refuse, events } = await scene(t);
  await create(CronJobs, tick({ schedule: "0 * * * *", startingDeadlineSeconds: 600 }));
  await rest();
  refuse(({ verb, plural }) => (verb === "create" && plural === "jobs" ? forbidden(Jobs, "x", "no") : undefined));
  await rest(61 * minute);
  refuse(() => undefined);
  await rest(8 * minute);
  assert.deepEqual(await names(), [nameAt(60)]);
  assert.match(
    (await events("CronJob")).join("\n"),
    /Warning FailedCreate Error creating job: jobs.batch "x" is forbidden/,
  );
});

test("of more than a hundred missed starts one is made, and the owner is warned", async (t) => {
  const { create, rest, names, update, events } = await scene(t);
  await create(CronJobs, tick({ suspend: true }));
  await rest(120 * minute);
  await update({ suspend: false });
  await rest();
  assert.deepEqual(await names(), [nameAt(120)]);
  assert.ok(
    (await events("CronJob")).includes(
      "Warning TooManyMissedTimes too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew",
    ),
  );
});

test("a schedule that never comes is told of once, and costs nothing", async (t) => {
  const { create, rest, events, requests, reconciles } = await scene(t);
  await create(CronJobs, tick({ schedule: "0 0 30 2 *" }));
  await rest();
  assert.deepEqual(await events("CronJob"), [
    "Warning InvalidSchedule invalid schedule: 0 0 30 2 * : time difference between two schedules is less than 1 second",
  ]);
  const [before, worked] = [requests().length, reconciles().length];
  await rest(60 * minute);
  assert.deepEqual([requests().length, reconciles().length], [before, worked]);
});

test("a schedule that is changed means the starts that come", async (t) => {
  const { create, rest, names, update } = await scene(t);
  await create(CronJobs, tick({ schedule: "50 * * * *" }));
  await rest(40 * minute);
  await update({ schedule: "20 * * * *" });
  await rest(20 * minute);
  assert.deepEqual(await names(), []);
  await rest(21 * minute);
  assert.deepEqual(await names(), [nameAt(80)]);
});

test("a cron job a minute costs two writes a minute, and nothing in between", async (t) => {
  const { create, rest, requests, reconciles } = await scene(t);
  await create(CronJobs, tick());
  await rest(minute + 1_000);
  const [before, worked] = [requests().length, reconciles().length];
  await rest(10 * minute);
  const asked = requests()
    .slice(before)
    .filter((each) => !each.includes("events"));
  assert.equal(asked.filter((each) => each.startsWith("create jobs")).length, 10);
  assert.equal(asked.filter((each) => each.startsWith("update cronjobs")).length, 10);
  assert.equal(asked.length, 20);
  assert.ok(reconciles().length - worked <= 60, `${reconciles().length - worked} reconciles`);
});

test("a job that is gone is not active any more", async (t) => {
  const { client, create, rest, active, events } = await scene(t);
  await create(CronJobs, tick({ schedule: "*/5 * * * *" }));
  await rest(5 * minute + 1_000);
  await client.delete(Jobs, { namespace: "default", name: nameAt(5) }, { body: { propagationPolicy: "Background" } });
  await rest();
  assert.deepEqual(await active(), []);
  assert.ok((await events("CronJob")).includes(`Normal MissingJob Active job went missing: ${nameAt(5)}`));
});

test("a job that somebody makes of a CronJob neither waits for the clock nor stands in its way", async (t) => {
  const { create, rest, get, active, running, names, events } = await scene(t);
  const { metadata } = await create(CronJobs, tick({ concurrencyPolicy: "Replace" }));
  const owner = { apiVersion: "batch/v1", kind: "CronJob", name: "tick", uid: metadata.uid, controller: true };
  const annotations = { "cronjob.kubernetes.io/instantiate": "manual" };
  await create(Jobs, {
    metadata: { namespace: "default", name: "manual", annotations, ownerReferences: [owner] },
    spec: { template },
  });
  await rest();
  assert.deepEqual(await active(), []);
  const unexpected = "Warning UnexpectedJob Saw a job that the controller did not create or forgot: manual";
  assert.ok((await events("CronJob")).some((each) => each.startsWith(unexpected)));
  await rest(2 * minute);
  assert.deepEqual(await active(), [nameAt(2)]);
  assert.deepEqual(
    (await running()).map(({ metadata }) => metadata.name),
    ["manual", nameAt(2)],
  );
  assert.equal((await get()).status.lastSuccessfulTime, undefined);
  assert.ok((await names()).includes("manual"));
});

test("somebody else's job with the name of one is left alone", async (t) => {
  const { client, create, rest, names, active } = await scene(t);
  const job: NewObject<Job> = {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { namespace: "default", name: nameAt(1) },
    spec: { template },
  };
  const { metadata } = await create(Jobs, job);
  await create(CronJobs, tick());
  await rest(minute + 1_000);
  assert.deepEqual(await active(), []);
  await rest(minute);
  assert.deepEqual(await names(), [nameAt(1), nameAt(2)]);
  assert.equal((await client.get(Jobs, { namespace: "default", name: nameAt(1) })).metadata.uid, metadata.uid);
});

for (const concurrencyPolicy of ["Allow", "Forbid", "Replace"])
  test(`killed at any write, a CronJob of the policy ${concurrencyPolicy} starts each job once`, async (t) => {
    for (let dies = 1; dies <= 8; dies++)
      for (const lands of [true, false]) {
        const plane = await scene(t);
        const { create, rest, crash, between, names, running, active, stop } = plane;
        await create(CronJobs, tick({ concurrencyPolicy }));
        await rest();
        let writes = 0;
        let most = 0;
        between(async (request, send) => {
          const isWrite = !["get", "list", "watch"].includes(request.verb) && request.plural !== "events";
          if (!isWrite || ++writes !== dies) return await send();
          if (lands) await send();
          crash();
          throw new Error("this process has ended");
        });
        for (let round = 0; round < 5; round++) {
          await rest(minute);
          most = Math.max(most, (await running()).length);
        }
        await rest(5_000);
        const what = `killed ${lands ? "after" : "before"} write ${dies}`;
        if (concurrencyPolicy === "Allow") {
          assert.deepEqual(await names(), [1, 2, 3, 4, 5].map(nameAt), what);
          assert.deepEqual([...(await active())].sort(), [1, 2, 3, 4, 5].map(nameAt), what);
        } else {
          assert.equal(most, 1, what);
          assert.deepEqual(await active(), [nameAt(concurrencyPolicy === "Forbid" ? 1 : 5)], what);
        }
        await stop();
      }
  });

test("cronjob_controller_job_creation_skew_duration_seconds tells how late jobs are created", async (t) => {
  const metrics = new MetricRegistry();
  const { create, rest, refuse, clock, jobs } = await scene(t, metrics);
  await create(CronJobs, tick());
  refuse(({ verb, plural }) => (verb === "create" && plural === "jobs" ? forbidden(Jobs, "x", "no") : undefined));
  await clock.advance(minute);
  await rest(1_000);
  assert.equal((await jobs()).length, 0);
  refuse(() => undefined);
  await rest(50_000);
  const [name, [job]] = ["cronjob_controller_job_creation_skew_duration_seconds", await jobs()];
  const lateMs = Date.parse(job?.metadata.creationTimestamp ?? "") - (firstMinute + 1) * minute;
  assert.ok(lateMs > 0);
  assert.deepEqual(valuesOf(metrics, `${name}_sum`), { "": lateMs / 1000 });
  assert.deepEqual(valuesOf(metrics, `${name}_count`), { "": 1 });
});
