import assert from "node:assert/strict";
import { test } from "node:test";
import { indexOf, jobScene, key, podSpec, work } from "../../test/job-scene.ts";
import { Jobs, Namespaces, type Pod, Pods } from "../api/index.ts";
import {
  countOf,
  formatIndexes,
  hasIndex,
  indexSet,
  missingIndexes,
  overlapOf,
  parseIndexes,
  unionOf,
} from "./job-indexes.ts";

const indexed = (spec: object = {}) => work({ completionMode: "Indexed", ...spec });
const failureCount = ({ metadata }: Pod) => metadata.annotations?.["batch.kubernetes.io/job-index-failure-count"];

test("Ensure Pods of an Indexed Job get a unique index.: in annotation, label, variable, host name and name", async (t) => {
  const { create, rest, active, indexes, endAll, get, conditions } = await jobScene(t);
  const containers = [
    { name: "main", image: "i" },
    { name: "own", image: "i", env: [{ name: "JOB_COMPLETION_INDEX", value: "x" }] },
  ];
  const template = { spec: { ...podSpec, initContainers: [{ name: "init", image: "i" }], containers } };
  await create(Jobs, indexed({ completions: 4, parallelism: 2, template }));
  await rest();
  assert.deepEqual(await indexes(), [0, 1]);
  for (const pod of await active()) {
    const index = indexOf(pod);
    assert.equal(pod.metadata.labels?.["batch.kubernetes.io/job-completion-index"], String(index));
    assert.equal(pod.spec.hostname, `work-${index}`);
    assert.match(pod.metadata.name, new RegExp(`^work-${index}-[a-z0-9]{5}$`));
    const variables = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map(({ env }) => env?.[0]);
    const injected = {
      name: "JOB_COMPLETION_INDEX",
      valueFrom: {
        fieldRef: { apiVersion: "v1", fieldPath: "metadata.labels['batch.kubernetes.io/job-completion-index']" },
      },
    };
    assert.deepEqual(variables, [injected, injected, { name: "JOB_COMPLETION_INDEX", value: "x" }]);
  }
  await endAll();
  await rest(1_000);
  assert.deepEqual(await indexes(), [2, 3]);
  assert.equal((await get()).status.completedIndexes, "0,1");
  await endAll();
  await rest(1_000);
  assert.deepEqual([(await get()).status.completedIndexes, (await get()).status.succeeded], ["0-3", 4]);
  assert.match((await conditions()).at(-1) ?? "", /^Complete=True/);
});

test("an index that fails is worked on again, and counts once when it succeeds", async (t) => {
  const { create, rest, active, end, endAll, indexes, get } = await jobScene(t);
  await create(Jobs, indexed({ completions: 2, parallelism: 2 }));
  await rest();
  const [first] = await active();
  await end(first!, 1);
  await rest(12_000);
  assert.deepEqual(await indexes(), [0, 1]);
  await endAll();
  await rest(1_000);
  const { status } = await get();
  assert.deepEqual([status.succeeded, status.failed, status.completedIndexes], [2, 1, "0,1"]);
});

test("each index has a limit of its own, and the job fails when all have ended and some of them failed", async (t) => {
  const { create, rest, active, end, get, conditions, indexes } = await jobScene(t);
  await create(Jobs, indexed({ completions: 3, parallelism: 3, backoffLimitPerIndex: 1 }));
  await rest();
  assert.deepEqual((await active()).map(failureCount), ["0", "0", "0"]);
  const endIndex = async (index: number, exitCode: number) => {
    for (const pod of await active()) if (indexOf(pod) === index) await end(pod, exitCode);
  };
  await endIndex(1, 1);
  await rest(5_000);
  assert.deepEqual(await indexes(), [0, 2]);
  assert.equal((await get()).status.failed, undefined);
  await rest(7_000);
  assert.deepEqual(await indexes(), [0, 1, 2]);
  assert.deepEqual((await active()).filter((pod) => indexOf(pod) === 1).map(failureCount), ["1"]);
  assert.equal((await get()).status.failed, 1);
  await endIndex(1, 1);
  await rest(60_000);
  assert.deepEqual(await indexes(), [0, 2]);
  assert.deepEqual([(await get()).status.failedIndexes, (await get()).status.failed], ["1", 2]);
  await endIndex(0, 0);
  await endIndex(2, 0);
  await rest(1_000);
  assert.match((await conditions()).at(-1) ?? "", /^Failed=True FailedIndexes: Job has failed indexes$/);
  assert.equal((await get()).status.completedIndexes, "0,2");
});

test("a failed pod that nothing can follow keeps no namespace from going", async (t) => {
  const { client, create, rest, list, end } = await jobScene(t);
  const namespace = "brief";
  await create(Namespaces, { metadata: { name: namespace } });
  await rest();
  const { metadata, ...job } = indexed({ completions: 2, parallelism: 2, backoffLimitPerIndex: 1 });
  await create(Jobs, { ...job, metadata: { ...metadata, namespace } });
  await rest();
  for (const pod of await list(Pods, namespace)) await end(pod, 1);
  await rest(1_000);
  const tracked = async () =>
    (await list(Pods, namespace)).filter((pod) =>
      pod.metadata.finalizers?.includes("batch.kubernetes.io/job-tracking"),
    );
  assert.equal((await tracked()).length, 2);
  await client.delete(Namespaces, { name: namespace });
  await rest(60_000);
  assert.equal((await tracked()).length, 0);
});

test("too many failed indexes end the job, and a rule can fail an index at once", async (t) => {
  const { create, rest, active, end, get, conditions } = await jobScene(t);
  const onExitCodes = { operator: "In", values: [9] };
  const podFailurePolicy = { rules: [{ action: "FailIndex", onExitCodes }] };
  await create(
    Jobs,
    indexed({ completions: 5, parallelism: 5, backoffLimitPerIndex: 3, maxFailedIndexes: 1, podFailurePolicy }),
  );
  await rest();
  const pods = await active();
  await end(pods[0]!, 9);
  await rest(1_000);
  assert.deepEqual([(await get()).status.failedIndexes, await conditions()], [String(indexOf(pods[0]!)), []]);
  await end(pods[1]!, 9);
  await rest(1_000);
  assert.match(
    (await conditions()).at(-1) ?? "",
    /^Failed=True MaxFailedIndexesExceeded: Job has exceeded the specified maximal number of failed indexes$/,
  );
  assert.equal((await active()).length, 0);
});

test("a success policy ends the job when enough of the right indexes succeeded", async (t) => {
  const { create, rest, active, end, get, conditions } = await jobScene(t);
  const rules = [{ succeededIndexes: "3-4" }, { succeededIndexes: "0-2", succeededCount: 2 }];
  await create(Jobs, indexed({ completions: 5, parallelism: 5, successPolicy: { rules } }));
  await rest();
  const endIndex = async (index: number) => {
    for (const pod of await active()) if (indexOf(pod) === index) await end(pod);
  };
  await endIndex(4);
  await endIndex(0);
  await rest(1_000);
  assert.deepEqual(await conditions(), []);
  await endIndex(2);
  await rest(1_000);
  const why = "SuccessPolicy: Matched rules at index 1";
  assert.deepEqual(await conditions(), [`SuccessCriteriaMet=True ${why}`, `Complete=True ${why}`]);
  const { status } = await get();
  assert.deepEqual([status.succeeded, status.failed, status.completedIndexes], [3, undefined, "0,2,4"]);
  assert.equal((await active()).length, 0);
});

test("an indexed job grows and shrinks with its parallelism", async (t) => {
  const { client, create, rest, endAll, update, indexes, get, conditions } = await jobScene(t);
  await create(Jobs, indexed({ completions: 4, parallelism: 4 }));
  await rest();
  await update({ completions: 2, parallelism: 2 });
  await rest();
  assert.deepEqual(await indexes(), [0, 1]);
  await update({ completions: 3, parallelism: 3 });
  await rest();
  assert.deepEqual(await indexes(), [0, 1, 2]);
  await assert.rejects(client.patch(Jobs, key, { spec: { completions: 7 } }), { code: 422 });
  await endAll();
  await rest(1_000);
  assert.deepEqual([(await get()).status.completedIndexes, (await get()).status.failed], ["0-2", undefined]);
  assert.match((await conditions()).at(-1) ?? "", /^Complete=True/);
});

test("of two pods with one index one goes, and so does one whose index there is not", async (t) => {
  const { client, create, rest, active, indexes } = await jobScene(t);
  await create(Jobs, indexed({ completions: 2, parallelism: 2 }));
  await rest();
  const [pod] = await active();
  const { name: _, uid: __, resourceVersion: ___, creationTimestamp: ____, ...metadata } = pod!.metadata;
  for (const index of ["0", "7", "x"]) {
    const annotations = { ...metadata.annotations, "batch.kubernetes.io/job-completion-index": index };
    await client.create(Pods, { metadata: { ...metadata, generateName: "more-", annotations }, spec: podSpec });
  }
  await rest(1_000);
  assert.deepEqual(await indexes(), [0, 1]);
});

test("sets of indexes are read, joined, counted and written", () => {
  assert.deepEqual(parseIndexes("1,2,4-6,9", 6), [
    { first: 1, last: 2 },
    { first: 4, last: 5 },
  ]);
  assert.deepEqual(parseIndexes(undefined, 6), []);
  assert.equal(formatIndexes(indexSet([7, 1, 2, 4, 5, 6, 1])), "1,2,4-7");
  const union = unionOf(parseIndexes("0-3,8", 20), parseIndexes("2-5,7,12", 20));
  assert.equal(formatIndexes(union), "0-5,7,8,12");
  assert.equal(countOf(union), 9);
  assert.deepEqual(
    [0, 5, 6, 8, 12, 13].map((index) => hasIndex(union, index)),
    [true, true, false, true, true, false],
  );
  assert.equal(overlapOf(union, parseIndexes("4-8,12-15", 20)), 5);
  assert.deepEqual(missingIndexes(union, 14, 10), [6, 9, 10, 11, 13]);
  assert.deepEqual(missingIndexes(union, 14, 2), [6, 9]);
  assert.deepEqual(missingIndexes(union, 5, 10), []);
  assert.deepEqual(missingIndexes([], 3, 10), [0, 1, 2]);
});
