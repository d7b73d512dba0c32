import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import {
  type Deployment,
  Deployments,
  forbidden,
  type NewObject,
  Pods,
  podTemplateHash,
  type ReplicaSet,
  ReplicaSets,
} from "../api/index.ts";

const controllers = ["deployment-controller", "replicaset-controller", "serviceaccount-controller"];
const key = { namespace: "default", name: "web" };

const web = (replicas: number, more: object = {}): NewObject<Deployment> => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: {
    ...key,
    annotations: { "example.com/team": "red", "kubectl.kubernetes.io/last-applied-configuration": "{}" },
  },
  spec: {
    replicas,
    selector: { matchLabels: { app: "web" } },
    template: {
      metadata: { labels: { app: "web" } },
      spec: { containers: [{ name: "web", image: "web:1" }] },
    },
    ...more,
  },
});

async function scene(t: TestContext) {
  const plane = await startTestControlPlane(t, { controllers });
  const { client, list, rest, startPods } = plane;
  const setImage = (image: string) =>
    client.patch(
      Deployments,
      key,
      { spec: { template: { spec: { containers: [{ name: "web", image }] } } } },
      { type: "application/strategic-merge-patch+json" },
    );
  return {
    ...plane,
    setImage,
    get: () => client.get(Deployments, key),
    /** Replicas of each set by its image, the oldest first. */
    async sets(): Promise<Record<string, number>> {
      const sets = await list(ReplicaSets, "default");
      const byRevision = (set: ReplicaSet) => Number(set.metadata.annotations?.["deployment.kubernetes.io/revision"]);
      return Object.fromEntries(
        [...sets]
          .sort((a, b) => byRevision(a) - byRevision(b))
          .map(({ spec }) => [spec.template?.spec?.containers[0]?.image, spec.replicas]),
      );
    },
    /** Lets pods start and controllers work until nothing changes. */
    async rollOut() {
      for (let round = 0; round < 20; round++) {
        await rest(50);
        await startPods();
      }
      await rest(50);
    },
    async condition(type: string) {
      const { status } = await client.get(Deployments, key);
      const found = status.conditions?.find((each) => each.type === type);
      return found && `${found.status} ${found.reason}: ${found.message}`;
    },
  };
}

test("a Deployment makes a ReplicaSet of its template and reports what becomes of it", async (t) => {
  const { create, list, rest, rollOut, get, condition, events } = await scene(t);
  await create(Deployments, web(3));
  await rest(10);
  const [set] = await list(ReplicaSets, "default");
  const hash = set?.metadata.labels?.["pod-template-hash"] ?? "";
  assert.match(hash, /^[bcdfghjklmnpqrstvwxz2456789]+$/);
  assert.equal(set?.metadata.name, `web-${hash}`);
  assert.deepEqual(set.metadata.annotations, {
    "example.com/team": "red",
    "deployment.kubernetes.io/desired-replicas": "3",
    "deployment.kubernetes.io/max-replicas": "4",
    "deployment.kubernetes.io/revision": "1",
  });
  assert.deepEqual(set.spec.selector, { matchLabels: { app: "web", "pod-template-hash": hash } });
  assert.equal(
    await condition("Available"),
    "False MinimumReplicasUnavailable: Deployment does not have minimum availability.",
  );
  assert.deepEqual(await events("Deployment"), [
    `Normal ScalingReplicaSet Scaled up replica set web-${hash} from 0 to 3`,
  ]);
  await rollOut();
  const { status, metadata } = await get();
  assert.deepEqual(
    [
      status.replicas,
      status.updatedReplicas,
      status.readyReplicas,
      status.availableReplicas,
      status.unavailableReplicas ?? 0,
    ],
    [3, 3, 3, 3, 0],
  );
  assert.equal(status.observedGeneration, metadata.generation);
  assert.equal(metadata.annotations?.["deployment.kubernetes.io/revision"], "1");
  assert.equal(await condition("Available"), "True MinimumReplicasAvailable: Deployment has minimum availability.");
  assert.equal(
    await condition("Progressing"),
    `True NewReplicaSetAvailable: ReplicaSet "web-${hash}" has successfully progressed.`,
  );
});

test("a new template rolls: never fewer ready pods and never more pods than the strategy allows", async (t) => {
  const { create, list, rest, rollOut, startPods, setImage, sets, get, clock } = await scene(t);
  await create(Deployments, web(10, { strategy: { rollingUpdate: { maxSurge: "25%", maxUnavailable: 2 } } }));
  await rollOut();
  await clock.advance(1_000);
  await setImage("web:2");
  for (let round = 0; round < 60; round++) {
    await rest(20);
    const pods = (await list(Pods, "default")).filter(({ metadata }) => !metadata.deletionTimestamp);
    const ready = pods.filter(({ status }) => status.phase === "Running");
    assert.ok(pods.length <= 13, `${pods.length} pods`);
    assert.ok(ready.length >= 8, `${ready.length} ready`);
    await startPods();
  }
  assert.deepEqual(await sets(), { "web:1": 0, "web:2": 10 });
  const { metadata, status } = await get();
  assert.equal(metadata.annotations?.["deployment.kubernetes.io/revision"], "2");
  assert.equal(status.updatedReplicas, 10);
});

test("a template that cannot start leaves the old pods serving, and the deadline is reported", async (t) => {
  const { create, rest, rollOut, setImage, sets, condition, clock, list } = await scene(t);
  await create(Deployments, web(4, { progressDeadlineSeconds: 60 }));
  await rollOut();
  await clock.advance(1_000);
  await setImage("web:broken");
  await rest(30_000);
  assert.deepEqual(await sets(), { "web:1": 3, "web:broken": 2 });
  const name = (await list(ReplicaSets)).find((set) => set.spec.template?.spec?.containers[0]?.image === "web:broken")
    ?.metadata.name;
  assert.equal(await condition("Progressing"), `True ReplicaSetUpdated: ReplicaSet "${name}" is progressing.`);
  await rest(40_000);
  assert.equal(
    await condition("Progressing"),
    `False ProgressDeadlineExceeded: ReplicaSet "${name}" has timed out progressing.`,
  );
  assert.match((await condition("Available")) ?? "", /^True/);
});

test("rolling back takes the former ReplicaSet with a new revision", async (t) => {
  const { create, list, rollOut, setImage, sets, clock } = await scene(t);
  await create(Deployments, web(2));
  await rollOut();
  await clock.advance(1_000);
  await setImage("web:2");
  await rollOut();
  await setImage("web:1");
  await rollOut();
  assert.deepEqual(await sets(), { "web:2": 0, "web:1": 2 });
  const all = await list(ReplicaSets);
  assert.equal(all.length, 2);
  const first = all.find((set) => set.spec.template?.spec?.containers[0]?.image === "web:1");
  assert.equal(first?.metadata.annotations?.["deployment.kubernetes.io/revision"], "3");
  assert.equal(first.metadata.annotations["deployment.kubernetes.io/revision-history"], "1");
});

test("iterative rollouts: the annotation of older API versions goes back to a revision, the last one or the one it names", async (t) => {
  const { client, create, rollOut, sets, get, clock, events } = await scene(t);
  const rollBackTo = async (revision: string) => {
    await client.patch(Deployments, key, {
      metadata: { annotations: { "deprecated.deployment.rollback.to": revision } },
    });
    await rollOut();
    const { "deprecated.deployment.rollback.to": wish, ...annotations } = (await get()).metadata.annotations ?? {};
    assert.equal(wish, undefined);
    return annotations["deployment.kubernetes.io/revision"];
  };
  await create(Deployments, web(2));
  await rollOut();
  assert.equal(await rollBackTo("0"), "1");
  for (const image of ["web:2", "web:3"]) {
    await clock.advance(1_000);
    const template = { spec: { containers: [{ name: "web", image }] } };
    const change = { metadata: { annotations: { "example.com/team": image } }, spec: { template } };
    await client.patch(Deployments, key, change, { type: "application/strategic-merge-patch+json" });
    await rollOut();
  }
  assert.equal(await rollBackTo("0"), "4");
  assert.deepEqual(await sets(), { "web:1": 0, "web:3": 0, "web:2": 2 });
  assert.equal((await get()).metadata.annotations?.["example.com/team"], "web:2");
  assert.equal(await rollBackTo("1"), "5");
  assert.deepEqual(await sets(), { "web:3": 0, "web:2": 0, "web:1": 2 });
  assert.equal(await rollBackTo("5"), "5");
  assert.equal(await rollBackTo("9"), "5");
  assert.deepEqual(
    (await events("Deployment")).filter((each) => / DeploymentRollback/.test(each)),
    [
      "Warning DeploymentRollbackRevisionNotFound Unable to find last revision.",
      'Normal DeploymentRollback Rolled back deployment "web" to revision 2',
      'Normal DeploymentRollback Rolled back deployment "web" to revision 1',
      'Warning DeploymentRollbackTemplateUnchanged The rollback revision contains the same template as current deployment "web"',
      "Warning DeploymentRollbackRevisionNotFound Unable to find the revision to rollback to.",
    ],
  );
});

test("a paused Deployment does not roll, but scales; resumed it rolls", async (t) => {
  const { client, create, rollOut, setImage, sets, condition, clock } = await scene(t);
  await create(Deployments, web(2));
  await rollOut();
  await client.patch(Deployments, key, { spec: { paused: true } });
  await clock.advance(1_000);
  await setImage("web:2");
  await rollOut();
  assert.deepEqual(await sets(), { "web:1": 2 });
  assert.equal(await condition("Progressing"), "Unknown DeploymentPaused: Deployment is paused");
  await client.patch(Deployments, key, { spec: { replicas: 5 } });
  await rollOut();
  assert.deepEqual(await sets(), { "web:1": 5 });
  await client.patch(Deployments, key, { spec: { paused: false } });
  await rollOut();
  assert.deepEqual(await sets(), { "web:1": 0, "web:2": 5 });
  assert.match((await condition("Progressing")) ?? "", /^True NewReplicaSetAvailable/);
});

test("Deployment Proportional Scaling: scaling in the middle of a rollout is shared in proportion", async (t) => {
  const { client, create, rest, rollOut, setImage, sets, clock } = await scene(t);
  await create(Deployments, web(10, { strategy: { rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } } }));
  await rollOut();
  await clock.advance(1_000);
  await setImage("web:broken");
  await rest();
  assert.deepEqual(await sets(), { "web:1": 8, "web:broken": 5 });
  await client.patch(Deployments, key, { spec: { replicas: 30 } });
  await rest();
  assert.deepEqual(await sets(), { "web:1": 20, "web:broken": 13 });
});

test("Deployment Recreate: all old pods stop before the first new one starts", async (t) => {
  const { client, create, list, rest, rollOut, setImage, sets, clock } = await scene(t);
  await create(Deployments, web(2, { strategy: { type: "Recreate" } }));
  await rollOut();
  const old = await list(Pods, "default");
  for (const { metadata } of old) await client.patch(Pods, metadata, { metadata: { finalizers: ["test/hold"] } });
  await clock.advance(1_000);
  await setImage("web:2");
  await rest();
  assert.deepEqual(await sets(), { "web:1": 0 });
  for (const { metadata } of old) await client.patch(Pods, metadata, { metadata: { finalizers: null } });
  await rollOut();
  assert.deepEqual(await sets(), { "web:1": 0, "web:2": 2 });
});

test("Deployment RevisionHistoryLimit: only as many old ReplicaSets are kept as the history may have", async (t) => {
  const { create, rollOut, setImage, sets, clock } = await scene(t);
  await create(Deployments, web(1, { revisionHistoryLimit: 2 }));
  for (let version = 2; version <= 6; version++) {
    await rollOut();
    await clock.advance(1_000);
    await setImage(`web:${version}`);
  }
  await rollOut();
  assert.deepEqual(await sets(), { "web:4": 0, "web:5": 0, "web:6": 1 });
});

test("another template with the same hash gets another name", async (t) => {
  const { client, create, list, rest, get } = await scene(t);
  await rest();
  const { spec } = await create(Deployments, web(1, { paused: true }));
  const taken = `web-${podTemplateHash(spec.template)}`;
  await create(ReplicaSets, {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { namespace: "default", name: taken },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: "other" } },
      template: { metadata: { labels: { app: "other" } }, spec: { containers: [{ name: "a", image: "a" }] } },
    },
  });
  await client.patch(Deployments, key, { spec: { paused: false } });
  await rest();
  assert.equal((await get()).status.collisionCount, 1);
  const own = (await list(ReplicaSets, "default")).filter(({ metadata }) => metadata.ownerReferences?.length === 1);
  assert.equal(own.length, 1);
  assert.notEqual(own[0]?.metadata.name, taken);
});

test("an orphaned ReplicaSet that matches is adopted", async (t) => {
  const { client, create, rollOut, list, sets } = await scene(t);
  await create(Deployments, web(2));
  await rollOut();
  const [set] = await list(ReplicaSets, "default");
  await client.delete(Deployments, key, { body: { propagationPolicy: "Orphan" } });
  await client.patch(Deployments, key, { metadata: { finalizers: null } }).catch(() => undefined);
  await client.patch(ReplicaSets, set!.metadata, { metadata: { ownerReferences: null } });
  const again = await create(Deployments, web(2));
  await rollOut();
  assert.deepEqual(await sets(), { "web:1": 2 });
  const [adopted] = await list(ReplicaSets, "default");
  assert.equal(adopted?.metadata.uid, set?.metadata.uid);
  assert.equal(adopted?.metadata.ownerReferences?.[0]?.uid, again.metadata.uid);
});

test("Deployment RollingUpdate: the revision is the one after that of an adopted ReplicaSet, which may have 64 bits", async (t) => {
  const { create, rollOut, sets, get } = await scene(t);
  const labels = { app: "web", pod: "adopted" };
  await create(ReplicaSets, {
    metadata: {
      namespace: "default",
      name: "adopted",
      labels,
      annotations: { "deployment.kubernetes.io/revision": "3546343826724305832" },
    },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "web", image: "web:1" }] } },
    },
  });
  await rollOut();
  const template = { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "web", image: "web:2" }] } };
  await create(Deployments, web(1, { template }));
  await rollOut();
  assert.equal((await get()).metadata.annotations?.["deployment.kubernetes.io/revision"], "3546343826724305833");
  assert.deepEqual(await sets(), { "web:1": 0, "web:2": 1 });
});

test("a ReplicaSet that is refused is reported on the Deployment", async (t) => {
  const { create, rest, refuse, condition, events } = await scene(t);
  await rest();
  const isSet = (plural: string) => plural === "replicasets";
  refuse(({ verb, plural }) => (verb === "create" && isSet(plural) ? forbidden(ReplicaSets, "x", "no") : undefined));
  await create(Deployments, web(1));
  await rest(10);
  assert.match(
    (await condition("Progressing")) ?? "",
    /^False ReplicaSetCreateError: Failed to create new replica set "web-/,
  );
  assert.match((await events("Deployment"))[0] ?? "", /^Warning ReplicaSetCreateError/);
});

test("a Deployment whose pods are refused says so", async (t) => {
  const { create, rest, refuse, condition } = await scene(t);
  await rest();
  refuse(({ verb, plural }) => (verb === "create" && plural === "pods" ? forbidden(Pods, "x", "quota") : undefined));
  await create(Deployments, web(1));
  await rest();
  assert.equal(await condition("ReplicaFailure"), 'True FailedCreate: pods "x" is forbidden: quota');
});

test("a Deployment at rest causes no requests", async (t) => {
  const { create, rest, rollOut, requests } = await scene(t);
  await create(Deployments, web(3));
  await rollOut();
  const before = requests().length;
  await rest(24 * 3_600_000);
  assert.deepEqual(requests().slice(before), []);
});

test("a Deployment whose name leaves no room for a hash has ReplicaSets of the beginning of its name", async (t) => {
  const { create, list, rest, startPods } = await scene(t);
  const name = "a".repeat(250);
  const deployment = await create(Deployments, { ...web(1), metadata: { namespace: "default", name } });
  await rest();
  const hash = podTemplateHash(deployment.spec.template, undefined);
  assert.deepEqual(
    (await list(ReplicaSets, "default")).map(({ metadata }) => metadata.name),
    [`${"a".repeat(252 - hash.length)}-${hash}`],
  );
  await startPods();
  assert.equal((await list(Pods, "default")).length, 1);
});
