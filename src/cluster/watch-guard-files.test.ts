import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Logger, silentLogger, systemClock } from "../lib/index.ts";
import { dataDirectory } from "./data-directory.ts";
import type { GuardSettings } from "./guards.ts";
import { watchGuardFiles } from "./watch-guard-files.ts";

test("changed files count at once, and those that cannot be used change nothing", async (t) => {
  const root = mkdtempSync(join(tmpdir(), "roder-guards-"));
  const stopping = new AbortController();
  t.after(() => {
    stopping.abort();
    rmSync(root, { recursive: true });
  });
  const directory = dataDirectory(root);
  let arrived: (what: GuardSettings | string) => void = () => {};
  const next = (change: () => void) =>
    new Promise<GuardSettings | string>((resolve) => {
      arrived = resolve;
      change();
    });
  const log: Logger = { ...silentLogger, error: (_, details) => arrived(String(details?.error)) };
  const options = { directory, ownIssuer: "https://own", clock: systemClock, log, signal: stopping.signal };
  watchGuardFiles(options, (settings) => arrived(settings));
  const file = join(directory.guards, "tokens.csv");
  const users = (settings: GuardSettings | string) =>
    typeof settings === "string" ? settings : [...(settings.staticTokens?.values() ?? [])].map(({ name }) => name);
  const made = await next(() => {
    mkdirSync(directory.guards);
    writeFileSync(file, "t1,jane,u1");
  });
  assert.deepEqual(users(made), ["jane"]);
  const replaced = await next(() => {
    writeFileSync(`${file}.new`, "t1,jane,u1\nt2,joe,u2");
    renameSync(`${file}.new`, file);
  });
  assert.deepEqual(users(replaced), ["jane", "joe"]);
  assert.match(String(users(await next(() => writeFileSync(file, "t1,jane")))), /line 1 must have at least 3 columns/);
  assert.deepEqual(users(await next(() => rmSync(file))), []);
});
