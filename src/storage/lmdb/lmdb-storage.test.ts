import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import type { KubeObject } from "../../api/index.ts";
import { ChangeConflict, Compacted } from "../storage.ts";
import { valueFromObject } from "../value.ts";
import { formatVersion, openLmdbStorage } from "./index.ts";

let path: string;
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), "storage-lmdb-"));
});
afterEach(() => rm(path, { recursive: true }));

// The storage does not care what an object holds.
const value = (text: string) => valueFromObject({ metadata: { name: text } } as KubeObject);

test("everything is there again after closing and opening", async () => {
  const first = await openLmdbStorage(path);
  await first.commit([{ key: "/a", value: value("one") }]);
  await first.commit([{ key: "/b", value: value("zwei €") }]);
  await first.commit([{ key: "/a", value: value("three"), expect: 1 }]);
  await first.commit([{ key: "/b" }]);
  await first.close();

  const second = await openLmdbStorage(path);
  assert.equal(second.revision, 4);
  const { entries } = await second.range("/");
  assert.deepEqual(
    entries.map(({ key, value, createRevision, modRevision }) => [
      key,
      value.object.metadata.name,
      createRevision,
      modRevision,
    ]),
    [["/a", "three", 1, 3]],
  );
  await assert.rejects(second.commit([{ key: "/a", value: value("four"), expect: 1 }]), ChangeConflict);
  assert.equal(await second.commit([{ key: "/c", value: value("five"), expect: 0 }]), 5);
  await second.close();
});

test("history from before the start is compacted", async () => {
  const first = await openLmdbStorage(path);
  await first.commit([{ key: "/a", value: value("one") }]);
  await first.close();
  const second = await openLmdbStorage(path);
  assert.equal(second.compacted, 2);
  const events = second.watch("/", 0, new AbortController().signal)[Symbol.asyncIterator]();
  await assert.rejects(async () => events.next(), Compacted);
  await second.close();
});

test("values far larger than a page, and growth far beyond the first map, are kept", async () => {
  const text = "x".repeat(1_500_000);
  const first = await openLmdbStorage(path);
  for (let index = 0; index < 20; index++) await first.commit([{ key: `/large-${index}`, value: value(text) }]);
  await first.close();
  const second = await openLmdbStorage(path);
  const { entries } = await second.range("/large-");
  assert.equal(entries.length, 20);
  assert.ok(entries.every((entry) => entry.value.object.metadata.name === text));
  await second.close();
});

test("a key that is too long is refused and the next commit works", async () => {
  const storage = await openLmdbStorage(path);
  await assert.rejects(storage.commit([{ key: `/${"k".repeat(2_000)}`, value: value("one") }]), /at most 1978 bytes/);
  assert.equal(await storage.commit([{ key: "/a", value: value("one") }]), 1);
  await storage.close();
});

test("commits under way when it is closed are finished", async () => {
  const first = await openLmdbStorage(path);
  const commits = Array.from({ length: 50 }, (_, index) => first.commit([{ key: `/${index}`, value: value("x") }]));
  const closed = first.close();
  assert.equal((await Promise.all(commits)).length, 50);
  await closed;
  const second = await openLmdbStorage(path);
  assert.equal((await second.range("/")).entries.length, 50);
  await second.close();
});

test("only its owner can read the files", async () => {
  await (await openLmdbStorage(path)).close();
  for (const file of await readdir(path)) {
    assert.equal((await stat(join(path, file))).mode & 0o077, 0, file);
  }
});

test("a directory of a newer version is refused and stays as it is", async () => {
  const record = JSON.stringify({ formatVersion: formatVersion + 1 });
  await writeFile(join(path, "format.json"), record);
  await assert.rejects(openLmdbStorage(path), /was written by a newer Roder \(data format 2; this one knows up to 1\)/);
  assert.deepEqual(await readdir(path), ["format.json"]);
  assert.equal(await readFile(join(path, "format.json"), "utf8"), record);
});

test("a directory with someone else's database is refused and stays as it is", async () => {
  await writeFile(join(path, "data.mdb"), "something");
  await assert.rejects(openLmdbStorage(path), /a database that is not Roder's/);
  assert.deepEqual(await readdir(path), ["data.mdb"]);
});

test("a damaged format record is said to be so", async () => {
  await writeFile(join(path, "format.json"), "{");
  await assert.rejects(openLmdbStorage(path), /format\.json is damaged: restore/);
});

test("a damaged database is said to be so", async () => {
  await (await openLmdbStorage(path)).close();
  const file = join(path, "data.mdb");
  const sound = await readFile(file);
  for (const damaged of [sound.subarray(0, 100), sound.subarray(0, 4096), Buffer.alloc(20_000, "x")]) {
    await writeFile(file, damaged);
    await assert.rejects(openLmdbStorage(path), /data\.mdb is damaged: restore/);
  }
});

test("a database of which the end or the second page is lost is said to be damaged", async () => {
  const storage = await openLmdbStorage(path);
  for (let index = 0; index < 5; index++)
    await storage.commit([{ key: `/${index}`, value: value("x".repeat(10_000)) }]);
  await storage.close();
  const file = join(path, "data.mdb");
  const sound = await readFile(file);
  for (const bytes of [8192, 12_288, 50_000]) {
    await writeFile(file, sound.subarray(0, bytes));
    await assert.rejects(openLmdbStorage(path), /data\.mdb is damaged: restore/);
  }
  await writeFile(file, Buffer.from(sound).fill("x", 4096, 8192));
  await assert.rejects(openLmdbStorage(path), /data\.mdb is damaged: restore/);
  await writeFile(file, sound);
  const again = await openLmdbStorage(path);
  assert.equal(again.revision, 5);
  await again.close();
});

test("of two that opened one directory, the one that writes second is refused", async () => {
  const program = `
    import { openLmdbStorage } from ${JSON.stringify(join(import.meta.dirname, "index.ts"))};
    import { valueFromObject } from ${JSON.stringify(join(import.meta.dirname, "../value.ts"))};
    const storage = await openLmdbStorage(${JSON.stringify(path)});
    await storage.commit([{ key: "/other", value: valueFromObject({ metadata: { name: "x" } }) }]);
    await storage.close();`;
  const storage = await openLmdbStorage(path);
  await storage.commit([{ key: "/a", value: value("one") }]);
  const other = spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
  assert.equal(other.status, 0, other.stderr);
  await assert.rejects(storage.commit([{ key: "/b", value: value("two") }]), /another process writes to/);
  await storage.close();
  const reopened = await openLmdbStorage(path);
  assert.deepEqual(
    (await reopened.range("/")).entries.map((entry) => [entry.key, entry.modRevision]),
    [
      ["/a", 1],
      ["/other", 2],
    ],
  );
  await reopened.close();
});

test("who cannot read a database says which", async () => {
  await (await openLmdbStorage(path)).close();
  const file = join(path, "data.mdb");
  const sound = await readFile(file);
  await writeFile(file, Buffer.from(sound).fill("x", 8192));
  await assert.rejects(openLmdbStorage(path), (error: Error) => error.message.includes(path));
});

test("a range does not wait until those who write have done", async () => {
  const commitsMax = 2_000;
  const storage = await openLmdbStorage(path);
  let commits = 0;
  const write = async (key: string) => {
    for (; commits < commitsMax; commits++) await storage.commit([{ key, value: value("one") }]);
  };
  const writers = ["/a", "/b", "/c"].map(write);
  const { revision, entries } = await storage.range("/");
  const commitsUntilThen = commits;
  commits = commitsMax;
  await Promise.all(writers);
  assert.ok(commitsUntilThen < 100, `${commitsUntilThen} commits came before it`);
  assert.equal(Math.max(...entries.map(({ modRevision }) => modRevision)), revision);
  await storage.close();
});
