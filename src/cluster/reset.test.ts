import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { dataDirectory } from "./data-directory.ts";
import { removeUnstarted } from "./reset.ts";

test("what an up left that was ended before it had decided anything is removed", () => {
  const directory = dataDirectory(mkdtempSync(join(tmpdir(), "roder-unstarted-")));
  writeFileSync(join(directory.root, "lock"), "");
  writeFileSync(`${directory.settings}.new`, "{ half");
  removeUnstarted(directory);
  assert.ok(!existsSync(directory.root));
  removeUnstarted(directory);
});

test("a directory with anything else in it is not touched", (t) => {
  const directory = dataDirectory(mkdtempSync(join(tmpdir(), "roder-unstarted-")));
  t.after(() => rmSync(directory.root, { recursive: true }));
  for (const name of ["lock", "letter.txt"]) writeFileSync(join(directory.root, name), "");
  removeUnstarted(directory);
  assert.ok(existsSync(join(directory.root, "lock")) && existsSync(join(directory.root, "letter.txt")));
});
