import assert from "node:assert/strict";
import { test } from "node:test";
import { MetricRegistry, systemClock } from "../../lib/index.ts";
import { observeProcess } from "./process-metrics.ts";

test("a process tells its processor time, memory, files and start", () => {
  const metrics = new MetricRegistry();
  observeProcess(metrics, systemClock);
  const text = metrics.text();
  const value = (name: string) => Number(new RegExp(`^${name} (.*)$`, "m").exec(text)?.[1]);
  assert.ok(value("process_cpu_seconds_total") > 0);
  assert.ok(value("process_resident_memory_bytes") > 10e6);
  assert.ok(value("process_open_fds") > 2);
  assert.ok(Math.abs(value("process_start_time_seconds") - systemClock.now() / 1000) < 600);
});
