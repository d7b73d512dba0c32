import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { VirtualClock } from "../lib/index.ts";
import { ArchiveCache } from "./archive-cache.ts";

const day = 86_400_000;

function scene(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), "archives-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const clock = new VirtualClock();
  const cache = new ArchiveCache(join(directory, "images"), clock);
  const made: string[] = [];
  const get = (name: string) =>
    cache.get(name, (path) => {
      made.push(name);
      writeFileSync(path, name);
    });
  const kept = () => readdirSync(join(directory, "images")).sort();
  return { clock, cache, made, get, kept };
}

test("an archive is made once", async (t) => {
  const { made, get } = scene(t);
  assert.equal(readFileSync(await get("a"), "utf8"), "a");
  assert.equal(await get("a"), await get("a"));
  assert.deepEqual(made, ["a"]);
});

test("archives that were not used for two weeks go when another is made, and only then", async (t) => {
  const { clock, made, get, kept } = scene(t);
  for (const name of ["used", "unused"]) await get(name);
  await clock.advance(10 * day);
  await get("used");
  await clock.advance(5 * day);
  await get("used");
  assert.deepEqual(kept(), ["unused.tar", "used.tar"]);
  await get("new");
  assert.deepEqual(kept(), ["new.tar", "used.tar"]);
  await get("unused");
  assert.deepEqual(made, ["used", "unused", "new", "unused"]);
});

test("an archive that cannot be made leaves nothing", async (t) => {
  const { cache, kept } = scene(t);
  const making = cache.get("a", (path) => {
    writeFileSync(path, "half");
    throw new Error("no disk");
  });
  await assert.rejects(making, /no disk/);
  assert.deepEqual(kept(), []);
});

test("two that make the same archive at once both get it", async (t) => {
  const { get, kept } = scene(t);
  const [first, second] = await Promise.all([get("a"), get("a")]);
  assert.equal(first, second);
  assert.deepEqual(kept(), ["a.tar"]);
});
