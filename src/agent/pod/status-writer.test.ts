import assert from "node:assert/strict";
import { test } from "node:test";
import { FaultyApi, pass } from "../../../test/faulty-api.ts";
import { conflict, type NewObject, type Pod, Pods } from "../../api/index.ts";
import { inProcessClient } from "../../client/index.ts";
import { seededRandom, silentLogger, VirtualClock } from "../../lib/index.ts";
import { StatusWriter } from "./status-writer.ts";

const web: NewObject<Pod> = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web", namespace: "default" },
  spec: { containers: [{ name: "app", image: "app:1" }], automountServiceAccountToken: false },
};

async function scene() {
  const api = await FaultyApi.start();
  const client = inProcessClient(api, { name: "tester", groups: ["system:masters"] });
  const clock = new VirtualClock();
  const signal = new AbortController().signal;
  const writer = (pod: Pod) =>
    new StatusWriter({ client, clock, random: seededRandom(1), log: silentLogger, signal }, pod);
  return { api, client, clock, writer, pod: await client.create(Pods, web) };
}

test("a pod whose name another one has by now is written no more", async () => {
  const { api, client, clock, writer, pod } = await scene();
  const old = writer(pod);
  await client.delete(Pods, pod.metadata, { body: { gracePeriodSeconds: 0 } });
  await client.create(Pods, web);
  old.write({ ...pod.status, phase: "Running" });
  await pass(clock, 60_000);
  await old.written();
  assert.equal(api.count("patch", "pods"), 1);
  assert.equal((await client.get(Pods, pod.metadata)).status.phase, "Pending");
});

test("a status that met another write is written again", async () => {
  const { api, client, clock, writer, pod } = await scene();
  const once = [conflict({ group: "", plural: "pods" }, "web")];
  api.failure = ({ verb }) => (verb === "patch" ? once.pop() : undefined);
  writer(pod).write({ ...pod.status, phase: "Running" });
  await pass(clock, 1_000);
  assert.equal((await client.get(Pods, pod.metadata)).status.phase, "Running");
});
