import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestControlPlane } from "../../../test/control-plane.ts";
import { ConfigMaps } from "../index.ts";
import { isGone } from "./gone.ts";

test("a write by uid says whether the object is gone, or its name another's", async (t) => {
  const { client, create } = await startTestControlPlane(t, { controllers: [] });
  const object = await create(ConfigMaps, { metadata: { namespace: "default", name: "a" } });
  const key = object.metadata;
  const preconditions = (uid: string, resourceVersion?: string) =>
    client.delete(ConfigMaps, key, {
      body: { preconditions: { uid, ...(resourceVersion ? { resourceVersion } : {}) } },
    });
  const told = (writing: Promise<unknown>) => writing.then(() => undefined, isGone);
  assert.equal(await told(preconditions("another")), true);
  assert.equal(await told(client.patch(ConfigMaps, key, { metadata: { uid: "another" } })), true);
  // Something else is wrong with the write.
  assert.equal(await told(preconditions(object.metadata.uid, "1")), false);
  assert.equal(await told(client.patch(ConfigMaps, key, { metadata: { resourceVersion: "1" } })), false);
  assert.equal(await told(client.patch(ConfigMaps, key, { metadata: { labels: { "": "" } } })), false);
  await client.delete(ConfigMaps, key);
  assert.equal(await told(preconditions(object.metadata.uid)), true);
});
