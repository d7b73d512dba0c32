import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { errorMessage, UserError } from "../lib/index.ts";
import { dataDirectory } from "./data-directory.ts";
import { readGuardFiles } from "./guard-files.ts";

function reading(t: TestContext, files: Readonly<Record<string, string>>) {
  const root = mkdtempSync(join(tmpdir(), "roder-guards-"));
  t.after(() => rmSync(root, { recursive: true }));
  const directory = dataDirectory(root);
  mkdirSync(directory.guards);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory.guards, name), text);
  return readGuardFiles(directory, "https://own");
}

test("an operator need not say who may come in", async (t) => {
  assert.deepEqual(await reading(t, {}), {});
});

test("what an operator says of who may come in is read from the data directory", async (t) => {
  const guards = await reading(t, {
    "tokens.csv": "t1,jane,u1",
    "authentication.yaml":
      "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\nanonymous: { enabled: false }\n",
  });
  assert.equal(guards.staticTokens?.get("t1")?.name, "jane");
  assert.deepEqual(guards.anonymous, { isAllowed: false, paths: [] });
  assert.deepEqual(guards.issuers, []);
});

test("a file that cannot be used is named, and what it holds is not told", async (t) => {
  await assert.rejects(
    reading(t, { "tokens.csv": "secret,jane" }),
    (error) =>
      error instanceof UserError &&
      errorMessage(error).endsWith(
        "/access/tokens.csv: line 1 must have at least 3 columns (token, user name, user uid)",
      ),
  );
  await assert.rejects(reading(t, { "authentication.yaml": "kind: Pod" }), (error) =>
    errorMessage(error).includes("authentication.yaml: it is Pod of no version"),
  );
});
