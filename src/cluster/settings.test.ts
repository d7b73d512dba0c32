import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { UserError } from "../lib/index.ts";
import { type DataDirectory, dataDirectory, defaultDataRoot } from "./data-directory.ts";
import { readSettings, writeSettings } from "./settings.ts";
import { chooseSettings } from "./up.ts";

let directory: DataDirectory;
beforeEach(() => {
  directory = dataDirectory(mkdtempSync(join(tmpdir(), "roder-settings-")));
});
afterEach(() => rmSync(directory.root, { recursive: true }));

const usual = "/home/somebody/.kube/config";
const fails = (work: () => unknown, words: RegExp) =>
  assert.throws(work, (error) => error instanceof UserError && words.test(error.message));

test("a first start takes the defaults and the flags", () => {
  const settings = chooseSettings(undefined, { port: 7443 }, usual);
  assert.equal(settings.port, 7443);
  assert.equal(settings.nodes, 1);
  assert.equal(settings.bindAddress, "0.0.0.0");
  assert.equal(settings.kubeconfig, usual);
});

test("a control plane without nodes listens on loopback only", () => {
  assert.equal(chooseSettings(undefined, { nodes: 0 }, usual).bindAddress, "127.0.0.1");
});

test("a later start keeps what the cluster was made with and refuses another value", () => {
  const made = chooseSettings(undefined, { port: 7443 }, usual);
  assert.deepEqual(chooseSettings(made, {}, usual), made);
  assert.deepEqual(chooseSettings(made, { port: 7443 }, usual), made);
  fails(() => chooseSettings(made, { port: 6443 }, usual), /made with --port 7443, not 6443/);
  fails(() => chooseSettings(made, { podRange: "10.99.0.0/16" }, usual), /--pod-range/);
});

test("settings are kept in a file of the user's own", () => {
  const settings = chooseSettings(undefined, {}, usual);
  writeSettings(directory, settings);
  assert.deepEqual(readSettings(directory), settings);
  assert.equal(statSync(directory.settings).mode & 0o777, 0o600);
});

test("where nothing was made there are no settings", () => {
  assert.equal(readSettings(directory), undefined);
});

test("a data directory of a newer Roder is refused and not touched", () => {
  const newer = JSON.stringify({ ...chooseSettings(undefined, {}, usual), dataVersion: 99 });
  writeFileSync(directory.settings, newer);
  fails(() => readSettings(directory), /newer Roder.*update Roder, or choose another --data-dir/);
  assert.equal(readFileSync(directory.settings, "utf8"), newer);
});

test("a damaged file is told and not overwritten", () => {
  writeFileSync(directory.settings, "{ half");
  fails(() => readSettings(directory), /damaged/);
});

test("root keeps clusters in /var/lib, a user in the home directory", () => {
  assert.equal(defaultDataRoot(true, {}), "/var/lib/roder");
  assert.equal(defaultDataRoot(false, { XDG_DATA_HOME: "/home/somebody/data" }), "/home/somebody/data/roder");
});
