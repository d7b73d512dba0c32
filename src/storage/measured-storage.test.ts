import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../api/index.ts";
import { MetricRegistry, VirtualClock } from "../lib/index.ts";
import { measuredStorage } from "./measured-storage.ts";
import { MemoryStorage } from "./memory.ts";
import { valueFromObject } from "./value.ts";

test("commits are measured by what they do and to what", async () => {
  const metrics = new MetricRegistry();
  const storage = measuredStorage(new MemoryStorage(), metrics, new VirtualClock());
  const value = valueFromObject({ metadata: { name: "a" } } as KubeObject); // the storage does not look into it
  await storage.commit([{ key: "/registry/core/pods/default/a", expect: 0, value }]);
  await storage.commit([{ key: "/registry/core/pods/default/a", expect: 1, value }]);
  await assert.rejects(storage.commit([{ key: "/registry/apps/deployments/default/a", expect: 9 }]));
  const counts = [...metrics.text().matchAll(/^etcd_request_duration_seconds_count\{(.*)\} (\d+)$/gm)];
  assert.deepEqual(
    counts.map(([, labels, count]) => `${labels} ${count}`),
    [
      'operation="create",group="",resource="pods" 1',
      'operation="update",group="",resource="pods" 1',
      'operation="delete",group="apps",resource="deployments" 1',
    ],
  );
});
