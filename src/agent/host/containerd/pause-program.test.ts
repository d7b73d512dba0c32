import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { imageArchitecture } from "./machine.ts";
import { pauseProgram } from "./pause-program.ts";

for (const signal of ["SIGTERM", "SIGINT"] as const)
  test(`the program waits with children ignored and ends with 0 on ${signal}`, async () => {
    const directory = mkdtempSync(join(tmpdir(), "roder-pause-"));
    try {
      const path = join(directory, "pause");
      writeFileSync(path, pauseProgram(imageArchitecture()), { mode: 0o755 });
      const child = spawn(path, { stdio: "ignore" });
      await once(child, "spawn");
      // The first of the program's three calls may not be made yet: the signals are ignored last.
      const ignoresChildren = () => {
        const mask = /^SigIgn:\s+([0-9a-f]+)$/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))![1]!;
        return ((BigInt(`0x${mask}`) >> 16n) & 1n) === 1n;
      };
      const waiting = () => readFileSync(`/proc/${child.pid}/stat`, "utf8").split(" ")[2] === "S";
      while (!waiting()) assert.equal(child.exitCode, null);
      assert.equal(ignoresChildren(), true);
      child.kill(signal);
      const [code] = await once(child, "exit");
      assert.equal(code, 0);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

test("the same program is written for arm64", () => {
  const words = new Uint32Array(pauseProgram("arm64").slice(0xa0).buffer);
  const svc = 0xd4000001;
  assert.equal(words.filter((word) => word === svc).length, 4);
  // The jump back after the third call leads to the first instruction after the second.
  const jumpAt = words.findIndex((word) => word >>> 24 === 0x37);
  const offset = ((words[jumpAt]! >>> 5) & 0x3fff) - 0x4000;
  const calls = [...words.entries()].filter(([, word]) => word === svc).map(([index]) => index);
  assert.equal(jumpAt + offset, calls[1]! + 1);
});
