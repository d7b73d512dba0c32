import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";

const refused = (program: string, ...args: string[]) => {
  const path = join(import.meta.dirname, program);
  const { status, stderr } = spawnSync(process.execPath, ["--disable-warning=ExperimentalWarning", path, ...args], {
    encoding: "utf8",
  });
  assert.equal(status, 2);
  return stderr;
};

test("a simulation without an end, or with a wrong option, is refused in one line", () => {
  const run = "simulation/run.ts";
  assert.equal(refused(run), "say how long: --seeds 1000 or --seconds 120\n");
  assert.match(refused(run, "--hours", "1"), /^Unknown option '--hours'.*: there are --seeds, --seconds, .*\n$/);
  assert.equal(refused(run, "--seed", "x"), '--seed wants a whole number, not "x"\n');
});

test("a fuzz run with a wrong option is refused in one line", () => {
  assert.equal(refused("fuzz/run.ts", "--requests", "many"), '--requests wants a whole number, not "many"\n');
});
