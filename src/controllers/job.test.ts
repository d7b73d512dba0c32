import assert from "node:assert/strict";
import { test } from "node:test";
import { jobScene, key, podSpec, work } from "../../test/job-scene.ts";
import { forbidden, Jobs, Pods } from "../api/index.ts";

test("a Job runs its pods and completes", async (t) => {
  const { create, rest, active, pods, endAll, get, conditions, events } = await jobScene(t);
  await create(Jobs, work({ completions: 3, parallelism: 2 }));
  await rest();
  assert.equal((await active()).length, 2);
  assert.deepEqual((await active())[0]?.metadata.finalizers, ["batch.kubernetes.io/job-tracking"]);
  await endAll();
  await rest(1_000);
  assert.equal((await active()).length, 1);
  assert.equal((await get()).status.succeeded, 2);
  await endAll();
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

test("a job without completions ends with its first success, and lets the others finish", async (t) => {
  const { create, rest, active, end, endAll, conditions, get } = await jobScene(t);
  await create(Jobs, work({ parallelism: 3 }));
  await rest();
  const [first] = await active();
  await end(first!);
  await rest(1_000);
  assert.equal((await active()).length, 2);
  assert.deepEqual(await conditions(), []);
  await endAll(1);
  await rest(1_000);
  assert.match((await conditions())[1] ?? "", /^Complete=True/);
  assert.deepEqual([(await get()).status.succeeded, (await get()).status.failed], [1, 2]);
});

test("a job of no completions is complete at once, also one that is suspended and so never starts", async (t) => {
  for (const suspend of [false, true]) {
    const { create, rest, pods, conditions, get } = await jobScene(t);
    await create(Jobs, work({ completions: 0, suspend }));
    await rest();
    assert.equal((await pods()).length, 0);
    assert.match((await conditions())[1] ?? "", /^Complete=True/);
    assert.equal((await get()).status.startTime === undefined, suspend);
  }
});

test("Jobs, active pods, graceful termination: as many pods as the parallelism run, and go with the job", async (t) => {
  const { client, create, rest, active, pods, list, startPods, get } = await jobScene(t);
  await create(Jobs, work({ completions: 4, parallelism: 2 }));
  await rest();
  await startPods();
  await rest();
  assert.equal((await active()).length, 2);
  assert.deepEqual([(await get()).status.active, (await get()).status.ready], [2, 2]);
  await client.delete(Jobs, key, { body: { propagationPolicy: "Foreground" } });
  await rest(1_000);
  for (const { metadata } of await pods()) {
    assert.ok(metadata.deletionTimestamp);
    assert.deepEqual(metadata.finalizers ?? [], []);
    await client.delete(Pods, metadata, { body: { gracePeriodSeconds: 0 } });
  }
  await rest(1_000);
  assert.deepEqual(await list(Jobs, "default"), []);
});

test("Jobs, apply changes to status: what somebody else writes into it stays", async (t) => {
  const { client, create, rest, endAll, get, conditions } = await jobScene(t);
  await create(Jobs, work({ completions: 2, parallelism: 2, suspend: true }));
  await rest();
  const startTime = "2025-06-01T00:00:00Z";
  const patch = { metadata: { annotations: { patched: "true" } }, status: { startTime } };
  await client.patch(Jobs, key, patch, { subresource: "status" });
  assert.equal((await get()).metadata.annotations?.patched, "true");
  await rest();
  assert.equal((await client.get(Jobs, key, { subresource: "status" })).status.startTime, startTime);
  const job = await get();
  const later = "2025-06-02T00:00:00Z";
  await client.update(Jobs, { ...job, status: { ...job.status, startTime: later } }, { subresource: "status" });
  await rest();
  assert.equal((await get()).status.startTime, later);
  await client.patch(Jobs, key, { spec: { suspend: false } });
  await rest();
  const { status, ...running } = await get();
  const custom = { type: "CustomConditionType", status: "True", reason: "E2E", message: "Set from test" };
  const next = { ...running, status: { ...status, conditions: [...(status.conditions ?? []), custom] } };
  await client.update(Jobs, next, { subresource: "status" });
  await endAll();
  await rest(1_000);
  const said = await conditions();
  assert.ok(said.includes("CustomConditionType=True E2E: Set from test"));
  assert.match(said.at(-1) ?? "", /^Complete=True/);
});

test("Jobs, manage lifecycle: a suspended job is changed, listed and deleted with others", async (t) => {
  const { client, create, rest, pods, get, list, endAll, update, conditions } = await jobScene(t);
  await create(Jobs, work({ completions: 2, parallelism: 1, suspend: true }));
  await rest();
  assert.equal((await pods()).length, 0);
  await client.patch(Jobs, key, { metadata: { labels: { "e2e-job-label": "work" } } });
  await update({ suspend: false });
  const job = await get();
  const annotations = { ...job.metadata.annotations, updated: "true" };
  await client.update(Jobs, { ...job, metadata: { ...job.metadata, annotations } });
  const found = await client.list(Jobs, { labelSelector: "e2e-job-label=work" });
  assert.deepEqual(
    found.items.map(({ metadata }) => [metadata.name, metadata.annotations?.updated]),
    [["work", "true"]],
  );
  for (let round = 0; round < 2; round++) {
    await rest(1_000);
    await endAll();
  }
  await rest(1_000);
  assert.match((await conditions()).at(-1) ?? "", /^Complete=True/);
  await client.deleteCollection(Jobs, {
    namespace: "default",
    labelSelector: "e2e-job-label=work",
    body: { propagationPolicy: "Background" },
  });
  await rest(1_000);
  assert.deepEqual(await list(Jobs, "default"), []);
  assert.deepEqual(await pods(), []);
});

test("Jobs, orphan pods, re-adoption: an orphan that matches comes back, one that does not is let go", async (t) => {
  const { client, create, rest, active, get } = await jobScene(t);
  const job = await create(Jobs, work({ completions: 2, parallelism: 2 }));
  await rest();
  const [orphan, stranger] = await active();
  await client.patch(Pods, orphan!.metadata, { metadata: { ownerReferences: null } });
  await rest(1_000);
  const adopted = await client.get(Pods, orphan!.metadata);
  assert.equal(adopted.metadata.ownerReferences?.[0]?.uid, job.metadata.uid);
  assert.deepEqual(adopted.metadata.finalizers, ["batch.kubernetes.io/job-tracking"]);
  assert.equal((await active()).length, 2);
  await client.patch(Pods, stranger!.metadata, {
    metadata: { labels: Object.fromEntries(Object.keys(stranger!.metadata.labels ?? {}).map((name) => [name, null])) },
  });
  await rest(1_000);
  const released = await client.get(Pods, stranger!.metadata);
  assert.deepEqual([released.metadata.ownerReferences ?? [], released.metadata.finalizers ?? []], [[], []]);
  assert.equal((await active()).length, 3);
  assert.equal((await get()).status.active, 2);
});

test("a job with a selector of its own takes in what it selects", async (t) => {
  const { create, rest, active, pods } = await jobScene(t);
  await rest();
  await create(Pods, { metadata: { namespace: "default", name: "alone", labels: { task: "a" } }, spec: podSpec });
  const template = { metadata: { labels: { task: "a" } }, spec: podSpec };
  const selector = { matchLabels: { task: "a" } };
  await create(Jobs, work({ completions: 3, parallelism: 2, manualSelector: true, selector, template }));
  await rest();
  assert.equal((await active()).length, 2);
  assert.ok((await pods()).some(({ metadata }) => metadata.name === "alone" && metadata.ownerReferences));
});

test("a job that somebody else manages is left alone", async (t) => {
  const { client, create, rest, pods, get, requests } = await jobScene(t);
  const before = requests().length;
  await create(Jobs, work({ managedBy: "example.com/queue" }));
  await rest(1_000);
  assert.deepEqual([(await pods()).length, (await get()).status], [0, {}]);
  assert.deepEqual(requests().slice(before), []);
  await client.delete(Jobs, key);
});

test("a suspended job loses its pods without a failure, and starts anew when it goes on", async (t) => {
  const { client, create, rest, active, pods, startPods, update, get, conditions, clock } = await jobScene(t);
  const template = { spec: { ...podSpec, nodeName: "node-1" } };
  await create(Jobs, work({ completions: 2, parallelism: 2, activeDeadlineSeconds: 100, template }));
  await rest();
  await startPods();
  await rest(60_000);
  const { startTime } = (await get()).status;
  await update({ suspend: true });
  await rest();
  assert.equal((await active()).length, 0);
  assert.deepEqual(await conditions(), ["Suspended=True JobSuspended: Job suspended"]);
  assert.deepEqual([(await get()).status.terminating, (await get()).status.failed], [2, undefined]);
  for (const { metadata } of await pods()) await client.delete(Pods, metadata, { body: { gracePeriodSeconds: 0 } });
  await rest(60_000);
  assert.equal((await get()).status.terminating, 0);
  await update({ suspend: false });
  await rest();
  assert.equal((await active()).length, 2);
  assert.deepEqual(await conditions(), ["Suspended=False JobResumed: Job resumed"]);
  const resumed = Date.parse((await get()).status.startTime ?? "");
  assert.ok(resumed > Date.parse(startTime ?? "") && clock.now() - resumed < 1_000);
  await rest(90_000);
  assert.equal((await active()).length, 2);
});

test("Suspended and Resumed are told of", async (t) => {
  const { create, rest, update, events } = await jobScene(t);
  await create(Jobs, work({ suspend: true }));
  await rest();
  await update({ suspend: false });
  await rest();
  const said = await events("Job");
  assert.ok(said.includes("Normal Suspended Job suspended") && said.includes("Normal Resumed Job resumed"));
});

test("a smaller parallelism takes pods away without counting them", async (t) => {
  const { create, rest, active, update, get } = await jobScene(t);
  await create(Jobs, work({ completions: 10, parallelism: 5 }));
  await rest();
  await update({ parallelism: 2 });
  await rest();
  assert.equal((await active()).length, 2);
  assert.equal((await get()).status.failed, undefined);
  await update({ parallelism: 0 });
  await rest();
  assert.equal((await active()).length, 0);
});

test("pods that are refused are reported, tried in small numbers, and made when they can be", async (t) => {
  const { create, rest, active, refuse, requests, events, get } = await jobScene(t);
  refuse(({ verb, plural }) => (verb === "create" && plural === "pods" ? forbidden(Pods, "x", "quota") : undefined));
  await create(Jobs, work({ completions: 50, parallelism: 50 }));
  await rest(60_000);
  assert.ok(requests().filter((each) => each === "create pods").length <= 20);
  assert.match((await events("Job"))[0] ?? "", /^Warning FailedCreate Error creating: pods "x" is forbidden: quota/);
  assert.equal((await get()).status.active, undefined);
  refuse(() => undefined);
  await rest(120_000);
  assert.equal((await active()).length, 50);
});

test("a pod whose job is gone loses its finalizer", async (t) => {
  const { client, create, rest, pods, endAll } = await jobScene(t);
  await create(Jobs, work({ completions: 2, parallelism: 2 }));
  await rest();
  await endAll();
  await client.delete(Jobs, key, { body: { propagationPolicy: "Orphan" } });
  await rest(1_000);
  const left = await pods();
  assert.equal(left.length, 2);
  for (const { metadata } of left) assert.deepEqual(metadata.finalizers ?? [], []);
});

for (const [name, spec] of [
  ["suspended", { suspend: true }],
  ["finished", {}],
  ["running", {}],
] as const)
  test(`a ${name} job causes neither requests nor reconciles`, async (t) => {
    const { create, rest, endAll, startPods, requests, reconciles } = await jobScene(t);
    await create(Jobs, work({ completions: 2, parallelism: 2, ...spec }));
    await rest(1_000);
    if (name === "running") await startPods();
    else await endAll();
    await rest(30_000);
    const [asked, worked] = [requests().length, reconciles().length];
    await rest(3_600_000);
    assert.deepEqual(requests().slice(asked), []);
    assert.deepEqual(reconciles().slice(worked), []);
  });
