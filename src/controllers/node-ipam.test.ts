import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import { Nodes } from "../api/index.ts";
import { parseRange } from "../lib/index.ts";
import { Parts } from "./node-ipam.ts";

const parts = (range: string) => new Parts(parseRange(range)!);
const taken =
  (...all: readonly string[]) =>
  (part: string) =>
    all.includes(part);

test("a node gets the first part of the pod range that is free, and the next one the next", () => {
  const range = parts("10.42.0.0/16");
  assert.equal(range.free(taken("10.42.0.0/24", "10.42.2.0/24")), "10.42.1.0/24");
  assert.equal(range.free(taken("10.42.0.0/24", "10.42.1.0/24", "10.42.2.0/24")), "10.42.3.0/24");
});

test("what was given back is given out again when the others are taken", () => {
  const range = parts("10.42.0.0/23");
  assert.equal(range.free(taken()), "10.42.0.0/24");
  assert.equal(range.free(taken("10.42.0.0/24")), "10.42.1.0/24");
  assert.equal(range.free(taken("10.42.1.0/24")), "10.42.0.0/24");
});

test("when all parts are given out there is none", () => {
  assert.equal(parts("10.42.0.0/23").free(taken("10.42.0.0/24", "10.42.1.0/24")), undefined);
});

test("a range smaller than a node's part goes to one node whole", () => {
  assert.equal(parts("10.42.0.0/26").free(taken()), "10.42.0.0/26");
});

test("a node for which there is no part is told, and gets the next that is given back", async (t) => {
  const { client, create, list, rest, events } = await startTestControlPlane(t, { controllers: ["node-ipam"] });
  const names = Array.from({ length: 257 }, (_, at) => `n${String(at).padStart(3, "0")}`);
  for (const name of names) await create(Nodes, { metadata: { name } });
  for (let round = 0; round < 20; round++) await rest(1_000);
  const given = (await list(Nodes)).flatMap(({ spec }) => spec.podCIDR ?? []);
  assert.deepEqual([given.length, new Set(given).size], [256, 256]);
  assert.deepEqual(await events("Node"), ["Normal CIDRNotAvailable Node n256 status is now: CIDRNotAvailable"]);
  await client.delete(Nodes, { name: "n007" });
  await rest(1_000);
  assert.equal((await client.get(Nodes, { name: "n256" })).spec.podCIDR, "10.42.7.0/24");
});
