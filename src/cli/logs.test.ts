import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { chooseSettings, dataDirectory, olderLog, writeSettings } from "../cluster/index.ts";

test("logs shows the older log too, and who follows loses no line when it is rotated", async (t) => {
  const directory = dataDirectory(mkdtempSync(join(tmpdir(), "roder-logs-")));
  writeSettings(directory, chooseSettings(undefined, { nodes: 0 }, "none"));
  const path = join(directory.logs, "server.log");
  mkdirSync(dirname(path));
  writeFileSync(olderLog(path), "1\n");
  writeFileSync(path, "2\n");
  const main = join(import.meta.dirname, "main.ts");
  const flags = ["--disable-warning=ExperimentalWarning", main, "logs", "server", "--follow"];
  const reader = spawn(process.execPath, [...flags, "--data-dir", directory.root], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(async () => {
    reader.kill();
    await once(reader, "close");
    rmSync(directory.root, { recursive: true });
  });
  let read = "";
  const reads = async (text: string) => {
    while (read !== text && text.startsWith(read)) read += (await once(reader.stdout, "data"))[0];
    assert.equal(read, text);
  };
  await reads("1\n2\n");
  appendFileSync(path, "3\n");
  await reads("1\n2\n3\n");
  appendFileSync(path, "4\n");
  copyFileSync(path, olderLog(path));
  truncateSync(path);
  await reads("1\n2\n3\n4\n");
  appendFileSync(path, "5\n");
  await reads("1\n2\n3\n4\n5\n");
});
