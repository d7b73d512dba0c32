import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import { Nodes, Pods } from "../api/index.ts";
import { InformerSet, runControllers } from "../client/index.ts";
import { type Logger, seededRandom, silentLogger } from "../lib/index.ts";
import { podGarbageCollector } from "./pod-garbage-collector.ts";

test("of the pods that have ended only so many are kept: the evicted go first, then the oldest", async (t) => {
  const { client, clock, create, list, rest } = await startTestControlPlane(t, {
    controllers: ["serviceaccount-controller"],
  });
  const stop = new AbortController();
  t.after(() => stop.abort());
  const environment = { client, clock, random: seededRandom(2), log: silentLogger, signal: stop.signal };
  const informers = new InformerSet(environment);
  void runControllers({ controllers: [podGarbageCollector(3)], informers, ...environment });
  await rest();
  await create(Nodes, { metadata: { name: "n1" } });
  for (let i = 0; i < 6; i++) {
    const pod = await create(Pods, {
      metadata: { namespace: "default", name: `job-${i}` },
      spec: { nodeName: "n1", containers: [{ name: "c", image: "i" }] },
    });
    const ended = i === 3 ? { phase: "Failed", reason: "Evicted" } : { phase: "Succeeded" };
    if (i > 0) await client.update(Pods, { ...pod, status: { ...pod.status, ...ended } }, { subresource: "status" });
    await rest(2_000);
  }
  const names = (await list(Pods, "default")).map(({ metadata }) => metadata.name);
  assert.deepEqual(names, ["job-0", "job-2", "job-4", "job-5"]);
});

test("a pod whose node is gone has failed for that reason, and is removed", async (t) => {
  const { client, create, rest } = await startTestControlPlane(t, {
    controllers: ["serviceaccount-controller", "pod-garbage-collector-controller"],
  });
  await rest();
  const key = { namespace: "default", name: "lost" };
  await create(Pods, {
    metadata: { ...key, finalizers: ["example.com/keep"] },
    spec: { nodeName: "gone", containers: [{ name: "c", image: "i" }] },
  });
  await rest(60_000);
  const { metadata, status } = await client.get(Pods, key);
  assert.ok(metadata.deletionTimestamp);
  assert.deepEqual([status.phase, status.observedGeneration], ["Failed", 1]);
  const { lastTransitionTime: _, ...condition } =
    status.conditions?.find(({ type }) => type === "DisruptionTarget") ?? {};
  assert.deepEqual(condition, {
    type: "DisruptionTarget",
    status: "True",
    reason: "DeletionByPodGC",
    message: "PodGC: node no longer exists",
    lastProbeTime: null,
    observedGeneration: 1,
  });
});

test("a pod whose name is another's by now has gone, and the other is left alone", async (t) => {
  for (const taints of [undefined, [{ key: "away", effect: "NoExecute" as const }]]) {
    const complaints: string[] = [];
    const complain = (message: string) => void complaints.push(message);
    const log: Logger = { ...silentLogger, warn: complain, error: complain, child: () => log };
    const { client, create, rest, between } = await startTestControlPlane(t, {
      controllers: ["serviceaccount-controller", "pod-garbage-collector-controller", "taint-eviction-controller"],
      log,
    });
    await rest();
    await create(Nodes, { metadata: { name: "good" } });
    if (taints) await create(Nodes, { metadata: { name: "bad" }, spec: { taints } });
    const key = { namespace: "default", name: "again" };
    const podOn = (nodeName: string) =>
      create(Pods, { metadata: key, spec: { nodeName, containers: [{ name: "c", image: "i" }] } });
    let replaced = false;
    between(async ({ verb, subresource, name }, send) => {
      if (verb === "patch" && subresource === "status" && name === key.name && !replaced) {
        replaced = true;
        await client.delete(Pods, key, { body: { gracePeriodSeconds: 0 } });
        await podOn("good");
      }
      return await send();
    });
    await podOn("bad");
    await rest(60_000);
    assert.ok(replaced);
    assert.deepEqual(complaints, []);
    assert.equal((await client.get(Pods, key)).metadata.deletionTimestamp, undefined);
  }
});
