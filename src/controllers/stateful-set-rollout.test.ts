import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { key, startScene, template, web } from "../../test/stateful-set-scene.ts";
import { type ControllerRevision, ControllerRevisions, Pods, podTemplateHash, StatefulSets } from "../api/index.ts";

async function scene(t: TestContext) {
  const plane = await startScene(t);
  return {
    ...plane,
    /** Images of the history's templates by number, the lowest first. */
    async history() {
      const revisions = await plane.list(ControllerRevisions, "default");
      return [...revisions]
        .sort((a, b) => Number(a.revision) - Number(b.revision))
        .map((each) => `${each.revision} ${imageOf(each)}`);
    },
    /** Numbers of the revisions that the set comes from and goes to. */
    async revisions() {
      const { status } = await plane.get();
      const all = await plane.list(ControllerRevisions, "default");
      const numberOf = (name: string | undefined) => all.find(({ metadata }) => metadata.name === name)?.revision;
      return [numberOf(status.currentRevision), numberOf(status.updateRevision)];
    },
    /** Images of web-0, web-1 and so on; "-" for one that is not there. */
    async all(replicas: number) {
      const images = await plane.images();
      return Array.from({ length: replicas }, (_, ordinal) => images[`web-${ordinal}`] ?? "-").join(" ");
    },
  };
}

function imageOf({ data }: ControllerRevision): string | undefined {
  // A revision that the controller wrote.
  return (data as { spec: { template: typeof template } }).spec.template.spec.containers[0]?.image;
}

test("StatefulSet, Rolling Update: pods are replaced one at a time from the highest ordinal", async (t) => {
  const { create, rest, settle, setImage, startPods, all, revisions, history, get } = await scene(t);
  await create(StatefulSets, web(3));
  await settle();
  assert.deepEqual(await revisions(), [1, 1]);
  await setImage("web:2");
  for (const expected of ["web:1 web:1 web:2", "web:1 web:2 web:2", "web:2 web:2 web:2"]) {
    await rest(30_000);
    assert.equal(await all(3), expected);
    assert.deepEqual(await revisions(), [1, 2]);
    await startPods();
  }
  await rest();
  assert.deepEqual(await revisions(), [2, 2]);
  const { status } = await get();
  assert.deepEqual([status.currentReplicas, status.updatedReplicas], [3, 3]);
  assert.deepEqual(await history(), ["1 web:1", "2 web:2"]);
});

test("StatefulSet, Rolling Update: a template that was there before is a rollback to its revision", async (t) => {
  const { create, settle, setImage, all, history, revisions } = await scene(t);
  await create(StatefulSets, web(2));
  await settle();
  await setImage("web:2");
  await settle();
  await setImage("web:1");
  await settle();
  assert.equal(await all(2), "web:1 web:1");
  assert.deepEqual(await history(), ["2 web:2", "3 web:1"]);
  assert.deepEqual(await revisions(), [3, 3]);
});

test("a partition keeps the lower ordinals as they are, also when they are made anew", async (t) => {
  const { client, create, settle, setImage, change, all, podKey, revisions, get } = await scene(t);
  await create(StatefulSets, web(3, { updateStrategy: { rollingUpdate: { partition: 2 } } }));
  await settle();
  await setImage("web:2");
  await settle();
  assert.equal(await all(3), "web:1 web:1 web:2");
  for (const ordinal of [0, 2]) await client.delete(Pods, podKey(ordinal));
  await settle();
  assert.equal(await all(3), "web:1 web:1 web:2");
  assert.deepEqual(await revisions(), [1, 2]);
  const { status } = await get();
  assert.deepEqual([status.currentReplicas, status.updatedReplicas], [2, 1]);
  await change({ updateStrategy: { rollingUpdate: { partition: 1 } } });
  await settle();
  assert.equal(await all(3), "web:1 web:2 web:2");
  await change({ updateStrategy: { rollingUpdate: { partition: 0 } } });
  await settle();
  assert.equal(await all(3), "web:2 web:2 web:2");
  assert.deepEqual(await revisions(), [2, 2]);
});

test("maxUnavailable lets so many be replaced at once", async (t) => {
  const { create, rest, settle, setImage, all, startPods } = await scene(t);
  await create(StatefulSets, web(5, { updateStrategy: { rollingUpdate: { maxUnavailable: "50%" } } }));
  await settle();
  await setImage("web:2");
  await rest();
  // Pods that come in order are made one after the other all the same.
  assert.equal(await all(5), "web:1 web:1 web:1 web:2 -");
  await startPods();
  await rest();
  assert.equal(await all(5), "web:1 web:1 web:1 web:2 web:2");
  await startPods();
  await rest();
  assert.equal(await all(5), "web:1 web:2 - web:2 web:2");
  await settle();
  assert.equal(await all(5), "web:2 web:2 web:2 web:2 web:2");
});

test("with the policy Parallel, maxUnavailable pods are made at once as well", async (t) => {
  const { create, rest, settle, setImage, all, setReady } = await scene(t);
  const rollingUpdate = { maxUnavailable: 2 };
  await create(StatefulSets, web(4, { podManagementPolicy: "Parallel", updateStrategy: { rollingUpdate } }));
  await settle();
  await setImage("web:2");
  await rest();
  assert.equal(await all(4), "web:1 web:1 web:2 web:2");
  await setReady(3, true);
  await rest(10_000);
  assert.equal(await all(4), "web:1 web:2 web:2 web:2");
  await settle();
  assert.equal(await all(4), "web:2 web:2 web:2 web:2");
});

test("with the strategy OnDelete a pod is updated when somebody deletes it", async (t) => {
  const { client, create, settle, setImage, all, podKey, revisions } = await scene(t);
  await create(StatefulSets, web(3, { updateStrategy: { type: "OnDelete" } }));
  await settle();
  await setImage("web:2");
  await settle();
  assert.equal(await all(3), "web:1 web:1 web:1");
  await client.delete(Pods, podKey(1));
  await settle();
  assert.equal(await all(3), "web:1 web:2 web:1");
  assert.deepEqual(await revisions(), [1, 2]);
});

test("without settings for the strategy, a pod that goes during a rollout comes back as it was", async (t) => {
  const { client, create, rest, settle, setImage, all, podKey } = await scene(t);
  await create(StatefulSets, web(3, { updateStrategy: { type: "RollingUpdate" } }));
  await settle();
  await setImage("web:2");
  await rest();
  assert.equal(await all(3), "web:1 web:1 web:2");
  await client.delete(Pods, podKey(0));
  await rest();
  assert.equal(await all(3), "web:1 web:1 web:2");
  await settle();
  assert.equal(await all(3), "web:2 web:2 web:2");
});

test("minReadySeconds slows a rollout down", async (t) => {
  const { create, rest, settle, setImage, all, startPods } = await scene(t);
  await create(StatefulSets, web(2, { minReadySeconds: 20 }));
  await settle();
  await rest(60_000);
  await settle();
  await rest(60_000);
  await setImage("web:2");
  await rest();
  await startPods();
  await rest(15_000);
  assert.equal(await all(2), "web:1 web:2");
  await rest(6_000);
  assert.equal(await all(2), "web:2 web:2");
});

test("a rollout that is stuck is mended by the next template: with Parallel by itself", async (t) => {
  const { create, rest, settle, setImage, all, setReady } = await scene(t);
  await create(StatefulSets, web(3, { podManagementPolicy: "Parallel" }));
  await settle();
  await setImage("web:broken");
  await rest(60_000);
  assert.equal(await all(3), "web:1 web:1 web:broken");
  await setReady(0, false);
  await setImage("web:2");
  await rest();
  assert.equal(await all(3), "web:2 web:1 web:2");
  await settle();
  assert.equal(await all(3), "web:2 web:2 web:2");
});

test("a rollout that is stuck is mended by the next template: pods in order wait for the broken one to be deleted", async (t) => {
  const { client, create, rest, settle, setImage, all, podKey, history } = await scene(t);
  await create(StatefulSets, web(3));
  await settle();
  await setImage("web:broken");
  await rest(60_000);
  await setImage("web:1");
  await rest(60_000);
  assert.equal(await all(3), "web:1 web:1 web:broken");
  await client.delete(Pods, podKey(2));
  await settle();
  assert.equal(await all(3), "web:1 web:1 web:1");
  assert.deepEqual(await history(), ["2 web:broken", "3 web:1"]);
});

test("the history is as long as it may be, and keeps what pods use", async (t) => {
  const { create, settle, setImage, history, change } = await scene(t);
  await create(StatefulSets, web(1, { revisionHistoryLimit: 2, updateStrategy: { type: "OnDelete" } }));
  await settle(2);
  for (let version = 2; version <= 6; version++) {
    await setImage(`web:${version}`);
    await settle(2);
  }
  assert.deepEqual(await history(), ["1 web:1", "4 web:4", "5 web:5", "6 web:6"]);
  await change({ revisionHistoryLimit: 0 });
  await settle(2);
  assert.deepEqual(await history(), ["1 web:1", "6 web:6"]);
});

test("a revision keeps the template byte by byte as Kubernetes writes it", async (t) => {
  const { create, settle, list } = await scene(t);
  const annotated = { ...template, metadata: { ...template.metadata, annotations: { test: "value" } } };
  await create(StatefulSets, web(1, { template: annotated }));
  await settle(1);
  const [revision] = await list(ControllerRevisions, "default");
  assert.equal(
    JSON.stringify(revision?.data),
    '{"spec":{"template":{"$patch":"replace","metadata":{"annotations":{"test":"value"},"labels":{"app":"web"}},"spec":{"containers":[{"image":"web:1","imagePullPolicy":"IfNotPresent","name":"web","resources":{},"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File"}],"dnsPolicy":"ClusterFirst","restartPolicy":"Always","schedulerName":"default-scheduler","securityContext":{},"terminationGracePeriodSeconds":0}}}}',
  );
});

test("another template with the same hash gets another name", async (t) => {
  const { create, settle, list, get, all } = await scene(t);
  // As the API completes it.
  const { spec } = await create(StatefulSets, { ...web(1), metadata: { ...key, name: "model" } });
  const taken = `web-${podTemplateHash(spec.template)}`;
  await create(ControllerRevisions, { metadata: { namespace: "default", name: taken }, data: { a: 1 }, revision: 7 });
  await create(StatefulSets, web(1));
  await settle(3);
  const { status } = await get();
  assert.equal(status.collisionCount, 1);
  assert.notEqual(status.updateRevision, taken);
  assert.ok(status.updateRevision?.startsWith("web-"));
  assert.equal(await all(1), "web:1");
  assert.equal((await list(ControllerRevisions, "default")).length, 3);
});

test("revisions without an owner are adopted, and one that is deleted is made again", async (t) => {
  const { client, create, settle, list, history } = await scene(t);
  await create(StatefulSets, web(1));
  await settle(2);
  const [revision] = await list(ControllerRevisions, "default");
  await client.patch(ControllerRevisions, revision!.metadata, { metadata: { ownerReferences: null } });
  await settle(1);
  const [adopted] = await list(ControllerRevisions, "default");
  assert.equal(adopted?.metadata.ownerReferences?.[0]?.name, "web");
  await client.delete(ControllerRevisions, revision!.metadata);
  await settle(1);
  assert.deepEqual(await history(), ["1 web:1"]);
});
