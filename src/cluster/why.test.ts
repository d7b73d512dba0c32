import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { UserError } from "../lib/index.ts";
import { askWhy } from "./why.ts";

test("a kubeconfig that is not there, or says nothing, is the user's to mend", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "roder-why-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "kubeconfig");
  const fails = (words: RegExp) => (error: unknown) =>
    error instanceof UserError && words.test(error.message) && /--kubeconfig.*"roder up"/.test(error.message);
  await assert.rejects(askWhy(path, "default", "web"), fails(/ENOENT/));
  writeFileSync(path, "kind: Config\n");
  await assert.rejects(askWhy(path, "default", "web"), fails(/has no context/));
});
