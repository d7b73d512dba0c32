// Jobs whose controller dies, whose cache is late and whose size is large.
import assert from "node:assert/strict";
import { test } from "node:test";
import { indexOf, jobScene, podSpec, work } from "../../test/job-scene.ts";
import { type Job, type JobSpec, Jobs, type Pod, type ResourceRequest } from "../api/index.ts";
import { sleep } from "../lib/index.ts";
import { noFailures } from "./job-backoff.ts";
import { planJob } from "./job-plan.ts";
import { concludeJob, reportJob } from "./job-status.ts";
import { viewJob } from "./job-view.ts";

const isWrite = ({ verb, plural }: ResourceRequest) =>
  !["get", "list", "watch"].includes(verb) && ["jobs", "pods"].includes(plural);

const kinds: readonly (readonly [string, Partial<JobSpec> & object])[] = [
  ["a job", {}],
  ["an indexed job", { completionMode: "Indexed" }],
  ["a job with a limit for each index", { completionMode: "Indexed", backoffLimitPerIndex: 2 }],
];

for (const [kind, spec] of kinds)
  test(`killed at any write, the controller of ${kind} counts each pod once`, async (t) => {
    let writes = Number.POSITIVE_INFINITY;
    for (let dies = 1; dies <= writes; dies++)
      for (const lands of [true, false]) {
        const scene = await jobScene(t);
        const { create, rest, active, pods, end, get, conditions, crash, between, stop } = scene;
        await create(Jobs, work({ completions: 3, parallelism: 2, backoffLimit: 20, ...spec }));
        let count = 0;
        between(async (request, send) => {
          if (!isWrite(request) || ++count !== dies) return await send();
          if (lands) await send();
          crash();
          throw new Error("this process has ended");
        });
        const what = `killed ${lands ? "after" : "before"} write ${dies}`;
        const failed = new Set<string>();
        for (let round = 0; round < 40 && (await conditions()).length < 2; round++) {
          await rest(4_000);
          const running = await active();
          assert.ok(running.length <= 2, what);
          for (const pod of running) {
            // The first two that run fail, all others succeed.
            const fails = failed.size < 2;
            if (fails) failed.add(pod.metadata.uid);
            await end(pod, fails ? 1 : 0);
          }
        }
        await rest(1_000);
        const { status } = await get();
        assert.match((await conditions()).at(-1) ?? "", /^Complete=True/, what);
        const all = await pods();
        const phases = (phase: string) => all.filter((pod) => pod.status.phase === phase).length;
        assert.deepEqual([status.succeeded, status.failed], [3, 2], what);
        assert.deepEqual([phases("Succeeded"), phases("Failed"), all.length], [3, 2, 5], what);
        assert.deepEqual(status.uncountedTerminatedPods, {}, what);
        for (const { metadata } of all) assert.deepEqual(metadata.finalizers ?? [], [], what);
        if (spec.completionMode) {
          assert.equal(status.completedIndexes, "0-2", what);
          const done = all.filter((pod) => pod.status.phase === "Succeeded").map(indexOf);
          assert.deepEqual(done.sort(), [0, 1, 2], what);
        }
        await stop();
        writes = Math.min(writes, Math.max(count, 12));
      }
  });

test("killed at any write, a job that is suspended or fails leaves no pods that run and no finalizers", async (t) => {
  for (let dies = 1; dies <= 10; dies++)
    for (const end of ["suspend", "fail"] as const) {
      const { create, rest, active, pods, endAll, crash, between, update, get, stop } = await jobScene(t);
      await create(Jobs, work({ completions: 4, parallelism: 3, backoffLimit: 0 }));
      await rest(1_000);
      let count = 0;
      between(async (request, send) => {
        if (!isWrite(request) || ++count !== dies) return await send();
        crash();
        return await send();
      });
      if (end === "suspend") await update({ suspend: true });
      else await endAll(1);
      await rest(30_000);
      const what = `${end}, killed at write ${dies}`;
      const { status } = await get();
      assert.equal((await active()).length, 0, what);
      assert.deepEqual([status.active, status.failed], [undefined, end === "fail" ? 3 : undefined], what);
      assert.match(status.conditions?.at(-1)?.type ?? "", end === "fail" ? /^Failed$/ : /^Suspended$/, what);
      for (const { metadata } of await pods()) assert.deepEqual(metadata.finalizers ?? [], [], what);
      await stop();
    }
});

test("a template that is refused costs few requests", async (t) => {
  const { create, rest, refuse, requests, reconciles } = await jobScene(t);
  refuse(({ verb, plural }) => (verb === "create" && plural === "pods" ? new Error("no") : undefined));
  await create(Jobs, work({ completions: 1_000, parallelism: 1_000 }));
  await rest(5_000);
  const [asked, worked] = [requests().length, reconciles().length];
  await rest(600_000);
  assert.ok(requests().length - asked < 30, `${requests().length - asked} requests`);
  assert.ok(reconciles().length - worked < 10, `${reconciles().length - worked} reconciles`);
});

test("a job whose pods always fail is not hurried", async (t) => {
  const { create, rest, endAll, reconciles } = await jobScene(t);
  await create(Jobs, work({ backoffLimit: 1_000 }));
  await rest(1_000);
  const before = reconciles().length;
  for (let second = 0; second < 600; second += 5) {
    await endAll(1);
    await rest(5_000);
  }
  const count = reconciles().length - before;
  assert.ok(count < 60, `${count} reconciles in ten minutes`);
});

function largeJob(completions: number, done: number): { job: Job; pods: Pod[] } {
  const uid = "job-uid";
  const metadata = {
    name: "work",
    namespace: "default",
    uid,
    resourceVersion: "1",
    creationTimestamp: "2026-01-01T00:00:00Z",
  };
  const spec = {
    completions,
    parallelism: completions,
    completionMode: "Indexed",
    backoffLimit: 2 ** 31 - 1,
    backoffLimitPerIndex: 1,
    template: { spec: podSpec },
  };
  const pods = Array.from({ length: completions }, (_, index) => ({
    metadata: {
      ...metadata,
      name: `work-${index}`,
      uid: `uid-${index}`,
      finalizers: ["batch.kubernetes.io/job-tracking"],
      annotations: { "batch.kubernetes.io/job-completion-index": String(index) },
    },
    spec: podSpec,
    status: { phase: index < done ? (index % 2 === 0 ? "Succeeded" : "Failed") : "Running" },
  }));
  // The parts of both that are looked at.
  return { job: { metadata, spec, status: {} } as unknown as Job, pods: pods as unknown as Pod[] };
}

test("a reconcile of 20,000 pods takes less than half a second", () => {
  const { job, pods } = largeJob(20_000, 10_000);
  const began = performance.now();
  const view = viewJob(job, pods);
  const plan = planJob(view, noFailures, Date.parse("2026-01-02T00:00:00Z"));
  const report = reportJob(view, plan, { removed: [], created: plan.create.length, refused: false }, 0);
  const tookMs = performance.now() - began;
  assert.deepEqual([view.succeeded, plan.create.length, report.untrack.length, report.more], [5_000, 500, 500, true]);
  assert.ok(tookMs < 500, `${tookMs} ms`);
});

test("a pod whose count is written becomes a number only when its finalizer is gone", () => {
  const { job, pods } = largeJob(2, 0);
  const [, pod] = pods;
  const failed: Pod = { ...pod!, status: { ...pod!.status, phase: "Failed" } };
  const written: Job = { ...job, status: { uncountedTerminatedPods: { failed: [failed.metadata.uid] } } };
  const after = (all: readonly Pod[]) => {
    const view = viewJob(written, all);
    const plan = planJob(view, noFailures, Date.parse("2026-01-02T00:00:00Z"));
    return concludeJob(reportJob(view, plan, { removed: [], created: 0, refused: false }, 0), new Set(), 0).status;
  };
  const { failed: count, uncountedTerminatedPods } = after([pods[0]!, failed]);
  assert.deepEqual([count, uncountedTerminatedPods], [undefined, { failed: [failed.metadata.uid] }]);
  const freed = { ...failed, metadata: { ...failed.metadata, finalizers: [] } };
  assert.deepEqual([after([pods[0]!, freed]).failed, after([pods[0]!]).failed], [1, 1]);
});

test("a job of 1,200 pods at once makes and counts them in portions of at most 500", async (t) => {
  const { create, rest, active, end, get, conditions, requests } = await jobScene(t);
  await create(Jobs, work({ completions: 1_200, parallelism: 1_200, completionMode: "Indexed" }));
  await rest(2_000);
  assert.equal((await active()).length, 1_200);
  assert.equal((await get()).status.active, 1_200);
  for (const pod of await active()) await end(pod);
  await rest(5_000);
  const { status } = await get();
  assert.deepEqual([status.succeeded, status.completedIndexes], [1_200, "0-1199"]);
  assert.match((await conditions()).at(-1) ?? "", /^Complete=True/);
  const writes = requests().filter((each) => each === "update jobs work").length;
  assert.ok(writes < 60, `${writes} updates of the status`);
});

test("a watch that is half a minute late makes no pod twice and counts none twice", async (t) => {
  const { create, rest, active, pods, endAll, get, conditions, crash, between, clock } = await jobScene(t);
  between(async (request, send) => {
    const response = await send();
    if (request.verb !== "watch" || request.plural !== "pods" || response.type !== "watch") return response;
    const { events } = response;
    async function* late() {
      for await (const event of events) {
        await sleep(clock, 30_000, request.signal);
        yield event;
      }
    }
    return { ...response, events: late() };
  });
  crash();
  await rest();
  await create(Jobs, work({ completions: 4, parallelism: 2 }));
  for (let round = 0; round < 60 && (await conditions()).length < 2; round++) {
    await rest(20_000);
    assert.ok((await active()).length <= 2, `${(await active()).length} pods`);
    await endAll();
  }
  assert.deepEqual([(await get()).status.succeeded, (await pods()).length], [4, 4]);
});
