import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import { Nodes } from "../api/index.ts";

test("nodes keep what they read the longer the more they are, and all alike", async (t) => {
  const { client, create, list, rest } = await startTestControlPlane(t, { controllers: ["ttl-controller"] });
  const name = (at: number) => `n${String(at).padStart(3, "0")}`;
  const add = async (from: number, to: number) => {
    for (let at = from; at < to; at++) await create(Nodes, { metadata: { name: name(at) } });
  };
  const remove = async (from: number, to: number) => {
    for (let at = from; at < to; at++) await client.delete(Nodes, { name: name(at) });
  };
  const assertSeconds = async (count: number, seconds: string) => {
    for (let round = 0; round < 20; round++) await rest(1_000);
    const told = (await list(Nodes)).map(({ metadata }) => metadata.annotations?.["node.alpha.kubernetes.io/ttl"]);
    assert.deepEqual(told, Array(count).fill(seconds));
  };
  await add(0, 100);
  await assertSeconds(100, "0");
  await add(100, 101);
  await assertSeconds(101, "15");
  await remove(90, 101);
  await assertSeconds(90, "15");
  await remove(89, 90);
  await assertSeconds(89, "0");
});
