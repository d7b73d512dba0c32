import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { agent, allOn, key, labels, startScene } from "../../test/daemon-set-scene.ts";
import { type ControllerRevision, ControllerRevisions, DaemonSets, Pods, podTemplateHash } from "../api/index.ts";

const nodes = ["n1", "n2", "n3", "n4"];

async function scene(t: TestContext) {
  const plane = await startScene(t, nodes);
  return {
    ...plane,
    /** Numbers and images of the history, the lowest first. */
    async history() {
      const revisions = await plane.list(ControllerRevisions, "default");
      return [...revisions]
        .sort((a, b) => Number(a.revision) - Number(b.revision))
        .map((each) => `${each.revision} ${imageOf(each)}`);
    },
    /** How many nodes have which pods, in the order of images. */
    async counts() {
      const counts: Record<string, number> = {};
      const images = await plane.images();
      for (const name of nodes) {
        const image = images[name] ?? "none";
        counts[image] = (counts[image] ?? 0) + 1;
      }
      return counts;
    },
  };
}

function imageOf({ data }: ControllerRevision): string | undefined {
  // A revision that the controller wrote.
  const { spec } = data as { spec: { template: { spec: { containers: { image: string }[] } } } };
  return spec.template.spec.containers[0]?.image;
}

test("a new template rolls node by node: never more are without a pod than may be", async (t) => {
  const { create, rest, settle, setImage, startPods, counts, get } = await scene(t);
  await create(DaemonSets, agent());
  await settle(2);
  await setImage("agent:2");
  for (let updated = 1; updated <= 4; updated++) {
    await rest(30_000);
    assert.deepEqual(await counts(), updated === 4 ? { "agent:2": 4 } : { "agent:1": 4 - updated, "agent:2": updated });
    await startPods();
  }
  await rest();
  const { status } = await get();
  assert.deepEqual([status.updatedNumberScheduled, status.numberAvailable], [4, 4]);
});

test("maxUnavailable may be a percentage, and pods that are broken are updated at once", async (t) => {
  const { create, rest, settle, setImage, setReady, images, counts } = await scene(t);
  await create(DaemonSets, agent({ updateStrategy: { rollingUpdate: { maxUnavailable: "50%" } } }));
  await settle(2);
  await setReady("n3", false);
  await rest();
  await setImage("agent:2");
  await rest(10_000);
  assert.deepEqual(await counts(), { "agent:1": 2, "agent:2": 2 });
  assert.equal((await images()).n3, "agent:2");
});

test("with a surge the new pod is ready before the old one goes", async (t) => {
  const { create, rest, settle, setImage, setReady, images } = await scene(t);
  await create(DaemonSets, agent({ updateStrategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } } }));
  await settle(2);
  await setImage("agent:2");
  await rest(10_000);
  const both = "agent:1 agent:2";
  const surging = Object.entries(await images()).filter(([, image]) => image.split(" ").sort().join(" ") === both);
  assert.equal(surging.length, 1);
  assert.equal(Object.keys(await images()).length, 4);
  const [first] = surging;
  await setReady(first![0], true);
  await rest(10_000);
  assert.equal((await images())[first![0]], "agent:2");
  await settle();
  assert.deepEqual(await images(), allOn("agent:2", ...nodes));
});

test("with a surge, a node whose old pod is not available gets the new one at once", async (t) => {
  const { create, rest, settle, setImage, setReady, images } = await scene(t);
  await create(DaemonSets, agent({ updateStrategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } } }));
  await settle(2);
  await setReady("n4", false);
  await rest();
  await setImage("agent:2");
  await rest(10_000);
  const now = await images();
  // The old one of n4 is of no use beside a new one.
  assert.equal(now.n4, "agent:2");
  const pods = Object.values(now).flatMap((image) => image.split(" "));
  assert.deepEqual([pods.filter((each) => each === "agent:1").length, pods.length], [3, 5]);
});

test("with the strategy OnDelete a pod is updated when somebody deletes it", async (t) => {
  const { client, create, settle, setImage, counts, pods, get } = await scene(t);
  await create(DaemonSets, agent({ updateStrategy: { type: "OnDelete" } }));
  await settle(2);
  await setImage("agent:2");
  await settle(4);
  assert.deepEqual(await counts(), { "agent:1": 4 });
  await client.delete(Pods, (await pods())[0]!.metadata);
  await settle(4);
  assert.deepEqual(await counts(), { "agent:1": 3, "agent:2": 1 });
  assert.equal((await get()).status.updatedNumberScheduled, 1);
});

test("DaemonSet-Rollback: a rollback leaves alone what was not updated", async (t) => {
  const { create, rest, settle, setImage, pods, counts, history } = await scene(t);
  await create(DaemonSets, agent());
  await settle(2);
  const before = new Set((await pods()).map(({ metadata }) => metadata.uid));
  await setImage("agent:broken");
  await rest(30_000);
  assert.deepEqual(await counts(), { "agent:1": 3, "agent:broken": 1 });
  await setImage("agent:1");
  await settle();
  assert.deepEqual(await counts(), { "agent:1": 4 });
  const kept = (await pods()).filter(({ metadata }) => before.has(metadata.uid));
  assert.equal(kept.length, 3);
  assert.deepEqual(await history(), ["2 agent:broken", "3 agent:1"]);
});

test("the history is as long as it may be, and keeps what pods use", async (t) => {
  const { create, settle, setImage, history } = await scene(t);
  await create(DaemonSets, agent({ revisionHistoryLimit: 2, updateStrategy: { type: "OnDelete" } }));
  await settle(2);
  for (let version = 2; version <= 6; version++) {
    await setImage(`agent:${version}`);
    await settle(1);
  }
  assert.deepEqual(await history(), ["1 agent:1", "5 agent:5", "6 agent:6"]);
});

test("revisions of the same template become one, and their pods are told so", async (t) => {
  const { client, create, settle, list, history, pods, rest } = await scene(t);
  await create(DaemonSets, agent());
  await settle(2);
  const [revision] = await list(ControllerRevisions, "default");
  const uids = (await pods()).map(({ metadata }) => metadata.uid);
  const copy = await create(ControllerRevisions, {
    metadata: {
      namespace: "default",
      name: "agent-copy",
      labels: { ...labels, "controller-revision-hash": "copy" },
      ownerReferences: revision!.metadata.ownerReferences ?? [],
    },
    data: revision?.data,
    revision: 2,
  });
  await rest(10_000);
  // Nobody has looked yet.
  assert.equal((await list(ControllerRevisions, "default")).length, 2);
  await client.patch(ControllerRevisions, copy.metadata, { metadata: { labels: { note: "look" } } });
  await settle(4);
  assert.deepEqual(await history(), ["2 agent:1"]);
  const hashes = (await pods()).map(({ metadata }) => metadata.labels?.["controller-revision-hash"]);
  assert.deepEqual(new Set(hashes), new Set(["copy"]));
  assert.deepEqual(
    (await pods()).map(({ metadata }) => metadata.uid),
    uids,
  );
});

test("ControllerRevision, resource lifecycle: revisions are listed, patched, copied, deleted and made anew", async (t) => {
  const { client, create, settle, rest, list } = await scene(t);
  await create(DaemonSets, agent());
  await settle(2);
  const revisions = async (labelSelector: string) =>
    (await client.list(ControllerRevisions, { namespace: "default", labelSelector })).items;
  const [initial] = await revisions("app=agent");
  assert.ok(initial);
  assert.equal((await revisions("app=agent")).length, 1);
  const { name, labels: hashLabels = {}, ownerReferences = [] } = initial.metadata;
  const patched = await client.patch(ControllerRevisions, initial.metadata, {
    metadata: { labels: { [name]: "patched" } },
  });
  assert.equal(patched.metadata.labels?.[name], "patched");
  await rest(1_000);
  // Conformance gives it the name that the template of the next rollout asks for.
  const { template } = (await client.get(DaemonSets, key)).spec;
  const changed = { ...template, spec: { ...template.spec, terminationGracePeriodSeconds: 1 } };
  const copy = await create(ControllerRevisions, {
    metadata: { namespace: "default", name: `agent-${podTemplateHash(changed)}`, labels: hashLabels, ownerReferences },
    data: initial.data,
    revision: Number(initial.revision) + 1,
  });
  await rest(10_000);
  assert.equal((await revisions("app=agent")).length, 2);
  await client.delete(ControllerRevisions, initial.metadata);
  await rest(1_000);
  assert.equal((await revisions("app=agent")).length, 1);
  const current = await client.get(ControllerRevisions, copy.metadata);
  await client.update(ControllerRevisions, {
    ...current,
    metadata: { ...current.metadata, labels: { ...current.metadata.labels, [copy.metadata.name]: "updated" } },
  });
  assert.equal((await revisions(`${copy.metadata.name}=updated`)).length, 1);
  await client.patch(DaemonSets, key, { spec: { template: { spec: { terminationGracePeriodSeconds: 1 } } } });
  await settle(8);
  assert.equal((await revisions("app=agent")).length, 2);
  await client.deleteCollection(ControllerRevisions, {
    namespace: "default",
    labelSelector: `${copy.metadata.name}=updated`,
  });
  await settle(2);
  assert.deepEqual(
    (await list(ControllerRevisions, "default")).map(({ revision }) => revision),
    [3],
  );
});

test("with a surge, a pod on a node that gets no new one stays until others are there in its place", async (t) => {
  const { create, settle, images, rest, setImage, setReady, taint } = await scene(t);
  await create(DaemonSets, agent({ updateStrategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } } }));
  await settle(2);
  await setReady("n1", false);
  await taint("n4", [{ key: "own", effect: "NoSchedule" }]);
  await setImage("agent:2");
  await rest(10_000);
  assert.equal((await images()).n4, "agent:1");
  await setReady("n1", true);
  await rest(10_000);
  assert.equal((await images()).n4, undefined);
});
