import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startTestControlPlane, type TestControlPlane } from "../../test/control-plane.ts";
import { StorageClasses } from "../api/index.ts";
import { runControllers } from "../client/index.ts";
import { seededRandom, silentLogger } from "../lib/index.ts";
import { defaultStorageClassController } from "./default-storage-class.ts";

/** Runs the controller until the test ends, or until what it gives is called. */
function run(t: TestContext, { client, informers, clock }: TestControlPlane): () => Promise<void> {
  const stop = new AbortController();
  const { signal } = stop;
  const controllers = [defaultStorageClassController()];
  const running = runControllers({
    controllers,
    client,
    informers,
    clock,
    random: seededRandom(1),
    log: silentLogger,
    signal,
  });
  const end = async () => {
    stop.abort();
    await running;
  };
  t.after(end);
  return end;
}

test("a cluster has a default class from its first start on, and not again when somebody deletes it", async (t) => {
  const plane = await startTestControlPlane(t, { controllers: [] });
  const { client, list, rest } = plane;
  const end = run(t, plane);
  await rest();
  const [standard, ...others] = await list(StorageClasses);
  assert.equal(others.length, 0);
  assert.deepEqual(
    [standard?.metadata.name, standard?.provisioner, standard?.volumeBindingMode, standard?.reclaimPolicy],
    ["standard", "roder.io/local-path", "WaitForFirstConsumer", "Delete"],
  );
  assert.equal(standard?.metadata.annotations?.["storageclass.kubernetes.io/is-default-class"], "true");
  await client.delete(StorageClasses, { name: "standard" });
  await end();
  run(t, plane);
  await rest();
  assert.deepEqual(await list(StorageClasses), []);
});

test("a cluster with classes of its own gets none", async (t) => {
  const plane = await startTestControlPlane(t, { controllers: [] });
  await plane.create(StorageClasses, { metadata: { name: "fast" }, provisioner: "example.com/disk" });
  run(t, plane);
  await plane.rest();
  assert.deepEqual(
    (await plane.list(StorageClasses)).map(({ metadata }) => metadata.name),
    ["fast"],
  );
});
