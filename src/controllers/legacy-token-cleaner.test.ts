import assert from "node:assert/strict";
import { test } from "node:test";
import type { Secret, ServiceAccount } from "../api/index.ts";
import { planLegacyToken } from "./legacy-token-cleaner.ts";

const nowMs = Date.parse("2026-11-21T00:00:00Z");
const lastUsed = "kubernetes.io/legacy-token-last-used";
const invalidSince = "kubernetes.io/legacy-token-invalid-since";
const server = { uid: "u", resourceVersion: "1", creationTimestamp: "2024-01-01T00:00:00Z" };

const account: ServiceAccount = {
  metadata: { ...server, name: "builder", namespace: "default", uid: "account" },
  secrets: [{ name: "token" }],
};

function plan(metadata: Partial<Secret["metadata"]>, owner: ServiceAccount | undefined = account, isMounted = false) {
  const annotations = { "kubernetes.io/service-account.uid": "account" };
  const secret: Secret = {
    metadata: { ...server, name: "token", namespace: "default", annotations, ...metadata },
    type: "kubernetes.io/service-account-token",
  };
  return planLegacyToken(secret, owner, isMounted, nowMs);
}

test("a token that nobody has used for a year is marked invalid, and removed a year later", () => {
  assert.equal(plan({}), "invalidate");
  assert.equal(plan({ labels: { [lastUsed]: "2025-11-20" } }), "invalidate");
  assert.equal(plan({ labels: { [invalidSince]: "2025-11-22" } }), "keep");
  assert.equal(plan({ labels: { [invalidSince]: "2025-11-20" } }), "remove");
  assert.equal(plan({ labels: { [invalidSince]: "long ago" } }), "invalidate");
});

test("a token that is young, used, mounted or made by hand is kept", () => {
  assert.equal(plan({ creationTimestamp: "2026-01-01T00:00:00Z" }), "keep");
  assert.equal(plan({ labels: { [lastUsed]: "2026-01-01", [invalidSince]: "2024-06-01" } }), "keep");
  assert.equal(plan({}, account, true), "keep");
  assert.equal(plan({}, { ...account, secrets: [{ name: "other" }] }), "keep");
  assert.equal(plan({ annotations: { "kubernetes.io/service-account.uid": "of one before" } }), "keep");
  assert.equal(plan({ deletionTimestamp: "2026-11-20T00:00:00Z" }), "keep");
  const gone = planLegacyToken({ metadata: { ...server, name: "token" }, type: "Opaque" }, undefined, false, nowMs);
  assert.equal(gone, "keep");
});
