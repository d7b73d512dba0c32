import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../types.generated.ts";
import { isPodActive, isPodAvailable, isPodReady, isPodTerminal } from "./pod-condition.ts";

const ready = (status: string, since: string) =>
  ({
    metadata: {},
    spec: {},
    status: { phase: "Running", conditions: [{ type: "Ready", status, lastTransitionTime: since }] },
  }) as unknown as Pod;

test("a pod is available once it has been ready long enough", () => {
  const pod = ready("True", "2024-01-01T00:00:00Z");
  const sinceMs = Date.parse("2024-01-01T00:00:00Z");
  assert.equal(isPodReady(pod), true);
  assert.equal(isPodAvailable(pod, 0, sinceMs), true);
  assert.equal(isPodAvailable(pod, 10, sinceMs + 9_999), false);
  assert.equal(isPodAvailable(pod, 10, sinceMs + 10_000), true);
  assert.equal(isPodAvailable(ready("False", "2024-01-01T00:00:00Z"), 0, sinceMs), false);
});

test("a pod that ended or is being deleted is not active", () => {
  const inPhase = (phase: string, deletionTimestamp?: string) =>
    ({ metadata: { deletionTimestamp }, status: { phase } }) as unknown as Pod;
  assert.equal(isPodTerminal(inPhase("Failed")), true);
  assert.equal(isPodActive(inPhase("Succeeded")), false);
  assert.equal(isPodActive(inPhase("Pending")), true);
  assert.equal(isPodActive(inPhase("Running", "2024-01-01T00:00:00Z")), false);
});
