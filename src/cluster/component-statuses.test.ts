import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, type ComponentStatus, ComponentStatuses } from "../api/index.ts";
import { silentLogger, systemRandom, VirtualClock } from "../lib/index.ts";
import { MemoryStorage } from "../storage/index.ts";
import { startControlPlane } from "./control-plane.ts";
import { newPrivateKey } from "./pki/certificate.ts";

const admin = { name: "admin", groups: ["system:masters", "system:authenticated"] };

class Storage extends MemoryStorage {
  broken = false;

  override range(prefix: string) {
    return this.broken ? Promise.reject(new Error("the disk is gone")) : super.range(prefix);
  }
}

test("component statuses say what runs, under the names that Kubernetes has", async (t) => {
  const storage = new Storage();
  const plane = await startControlPlane({
    storage,
    clock: new VirtualClock(),
    random: systemRandom,
    log: silentLogger,
    serviceAccountKey: newPrivateKey(),
    apiAddress: undefined,
    apiPort: 6_443,
    podRange: "10.42.0.0/16",
    serviceRange: "10.43.0.0/16",
    clusterDomain: "cluster.local",
    freeze: true,
  });
  t.after(() => plane.close());
  const client = plane.client(admin);
  const health = ({ conditions }: ComponentStatus) =>
    conditions?.map(({ type, status, message }) => [type, status, message]);
  const list = async (fieldSelector = "") => {
    const { items } = await client.list(ComponentStatuses, { fieldSelector });
    return Object.fromEntries(items.map((each) => [each.metadata.name, health(each)?.flat().join(" ")]));
  };
  assert.deepEqual(await list(), {
    "controller-manager": "Healthy False it does not run",
    "etcd-0": "Healthy True ok",
    scheduler: "Healthy False it does not run",
  });
  plane.running.add("scheduler");
  assert.deepEqual(await list("metadata.name=scheduler"), { scheduler: "Healthy True ok" });
  storage.broken = true;
  const etcd = await client.get(ComponentStatuses, { name: "etcd-0" });
  assert.deepEqual(health(etcd), [["Healthy", "False", "the disk is gone"]]);
  assert.deepEqual([etcd.kind, etcd.apiVersion, etcd.metadata], ["ComponentStatus", "v1", { name: "etcd-0" }]);
  await assert.rejects(client.get(ComponentStatuses, { name: "etcd-1" }), (error) => {
    assert.ok(error instanceof ApiError && error.code === 404);
    assert.equal(error.message, 'componentstatuses "etcd-1" not found');
    return true;
  });
  const watch = client
    .watch(ComponentStatuses, { resourceVersion: "", signal: new AbortController().signal })
    [Symbol.asyncIterator]();
  await assert.rejects(watch.next(), {
    code: 405,
    message: 'watch is not supported on resources of kind "componentstatuses"',
  });
});
