import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { systemClock, VirtualClock } from "../../../lib/index.ts";
import { endProcess, startTicksOf } from "./processes.ts";

test("a process that does not end when it is asked is killed", async () => {
  const child = spawn("sh", ["-c", "trap '' TERM; echo ready; read line"], { stdio: ["pipe", "pipe", "ignore"] });
  await once(child.stdout, "data");
  const ended = once(child, "exit");
  await endProcess(child.pid!, systemClock, 50);
  assert.deepEqual(await ended, [null, "SIGKILL"]);
  assert.equal(startTicksOf(child.pid!), undefined);
});

test("a process that cannot be killed is not waited for without end", async (t) => {
  const clock = new VirtualClock();
  const signals: unknown[] = [];
  t.mock.method(process, "kill", (_: number, signal: string) => signals.push(signal));
  const ending = assert.rejects(endProcess(process.pid, clock, 1_000), /the process \d+ cannot be killed/);
  await clock.advance(20_000);
  await ending;
  assert.equal(signals[0], "SIGTERM");
  assert.equal(signals.at(-1), "SIGKILL");
});
