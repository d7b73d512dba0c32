import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, ResourceSlice } from "../../api/index.ts";
import type { PluginContext } from "../plugin.ts";
import { Inventory } from "./inventory.ts";

interface Slice {
  readonly pool: string;
  readonly device: string;
  readonly generation?: number;
  readonly of?: number;
}

/** What a node finds that these slices are published for, and which pools were read for that. */
function inventory(...slices: readonly Slice[]) {
  const objects = slices.map(({ pool: name, device, generation = 1, of: resourceSliceCount = 1 }) => ({
    spec: { driver: "d", nodeName: "n", pool: { name, generation, resourceSliceCount }, devices: [{ name: device }] },
  })) as unknown as ResourceSlice[]; // their names do not matter
  const read: string[] = [];
  const indexes = new Map<string, (slice: ResourceSlice) => readonly string[]>();
  const informer = () => ({
    addIndex: (name: string, keysOf: (slice: ResourceSlice) => readonly string[]) => indexes.set(name, keysOf),
    byIndex(index: string, key: string) {
      if (index === "pool") read.push(key);
      return objects.filter((slice) => indexes.get(index)!(slice).includes(key));
    },
  });
  const found = new Inventory({ informer } as unknown as PluginContext) // of which an inventory uses no more
    .of({ metadata: { name: "n" } } as Node);
  return { ...found, devices: found.devices.map(({ id }) => id), read };
}

test("devices are those of the newest generation of a pool", () => {
  const { devices } = inventory({ pool: "p", device: "old" }, { pool: "p", device: "new", generation: 2 });
  assert.deepEqual(devices, ["d/p/new"]);
});

test("a pool that misses slices is incomplete, one with two devices of one name invalid, and others can be used", () => {
  const part = { pool: "part", device: "a", of: 2 };
  const twice = { pool: "twice", device: "a", of: 2 };
  const { devices, incompletePool, invalidPool } = inventory(part, twice, twice, { pool: "whole", device: "a" });
  assert.deepEqual([devices, incompletePool, invalidPool], [["d/whole/a"], "d/part", "d/twice"]);
});

test("a pool is read once, however many slices it has", () => {
  const slices = Array.from({ length: 5 }, (_, i) => ({ pool: "p", device: `a${i}`, of: 5 }));
  const { devices, read } = inventory(...slices, { pool: "q", device: "b" });
  assert.equal(devices.length, 6);
  assert.deepEqual(read, ["d/p", "d/q"]);
});
