import assert from "node:assert/strict";
import { test } from "node:test";
import { MetricRegistry } from "../lib/index.ts";
import { observeVersion } from "./version.ts";

test("a process tells its version in its metrics", () => {
  const metrics = new MetricRegistry();
  observeVersion(metrics);
  assert.match(metrics.text(), /^kubernetes_build_info\{major="1",minor="35",git_version="v1\.35\..*\} 1$/m);
});
