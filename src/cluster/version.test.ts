import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { MetricRegistry } from "../lib/index.ts";
import { commitAt, observeVersion } from "./version.ts";

test("a process tells its version in its metrics", () => {
  const metrics = new MetricRegistry();
  observeVersion(metrics);
  assert.match(metrics.text(), /^kubernetes_build_info\{major="1",minor="35",git_version="v1\.35\..*\} 1$/m);
});

test("the commit is the one that is checked out: of a branch, of a packed one, or alone", (t) => {
  const directory = mkdtempSync(join(tmpdir(), "roder-commit-"));
  t.after(() => rmSync(directory, { recursive: true }));
  assert.match(commitAt(directory), /^0{40}$/);
  mkdirSync(join(directory, ".git/refs/heads"), { recursive: true });
  const write = (path: string, text: string) => writeFileSync(join(directory, ".git", path), `${text}\n`);
  const commit = (digit: string) => digit.repeat(40);
  write("HEAD", commit("a"));
  assert.equal(commitAt(directory), commit("a"));
  write("HEAD", "ref: refs/heads/main");
  write("packed-refs", `# pack-refs with: peeled\n${commit("b")} refs/heads/main`);
  assert.equal(commitAt(directory), commit("b"));
  write("refs/heads/main", commit("c"));
  assert.equal(commitAt(directory), commit("c"));
});
