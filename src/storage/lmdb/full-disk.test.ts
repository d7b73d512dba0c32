import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";

const program = resolve(import.meta.dirname, "full-disk-writer.ts");

/** Runs the writer on a file system of 8 MiB that only it sees; undefined where the machine allows no such mount. */
function writeOnSmallDisk(path: string): string | undefined {
  const probe = "mount -t tmpfs -o size=8m tmpfs";
  const user = process.getuid?.() === 0 ? [] : ["--map-root-user"];
  const shell = (script: string, ...values: string[]) =>
    spawnSync("unshare", [...user, "--mount", "sh", "-c", script, "sh", ...values], { encoding: "utf8" });
  if (shell(`${probe} "$1"`, path).status !== 0) return undefined;
  const result = shell(`${probe} "$1" && exec "$2" "$3" "$1"`, path, process.execPath, program);
  assert.equal(result.status, 0, result.stderr);
  return result.stdout;
}

test("a full disk refuses the commit whole, and takes commits again when there is room", async (context) => {
  const path = await mkdtemp(join(tmpdir(), "storage-full-"));
  try {
    const output = writeOnSmallDisk(path);
    if (output === undefined) {
      context.skip("this machine lets nobody mount a small file system");
      return;
    }
    const found = JSON.parse(output);
    assert.equal(found.error, "StorageFull");
    assert.match(found.message, /disk that holds the data directory is full/);
    assert.equal(found.createError, "StorageFull");
    assert.ok(found.acknowledged.length > 20);
    assert.deepEqual(found.keptWhenFull, found.acknowledged);
    assert.equal(found.revisionWhenFull, found.acknowledged.length / 2);
    assert.ok(found.refused > 100);
    assert.equal(found.revision, found.revisionBefore + 2);
    assert.equal(found.revisionReopened, found.revision);
    assert.deepEqual(found.keptReopened, ["/after", ...found.keptBefore.slice(20)]);
  } finally {
    await rm(path, { recursive: true });
  }
});
