import assert from "node:assert/strict";
import { test } from "node:test";
import { deepCopy } from "../../lib/index.ts";
import { cells, created, errorsOnCreate, errorsOnStatusUpdate, strategyContext } from "../definition-fixture.ts";
import { Namespaces } from "./namespace.ts";

test("a new namespace is active, has its name as a label and waits for what is in it", () => {
  const namespace = created(Namespaces, { metadata: { name: "team" }, status: { phase: "Terminating" } });
  assert.deepEqual(namespace.metadata.labels, { "kubernetes.io/metadata.name": "team" });
  assert.deepEqual(namespace.spec, { finalizers: ["kubernetes"] });
  assert.deepEqual(namespace.status, { phase: "Active" });
});

test("an update cannot free a namespace", () => {
  const old = created(Namespaces, { metadata: { name: "team" } });
  const next = deepCopy(old);
  next.spec = {};
  Namespaces.prepareForUpdate?.(next, old, strategyContext);
  assert.deepEqual(next.spec.finalizers, ["kubernetes"]);
});

test("a namespace is validated", () => {
  assert.deepEqual(errorsOnCreate(Namespaces, { spec: { finalizers: ["example.com/a", "other"] } }), [
    'spec.finalizers: Invalid value: "other": name is neither a standard finalizer name nor is it fully qualified',
  ]);
  assert.deepEqual(Namespaces.validateName?.("a.b", false), ["must not contain dots"]);
});

test("only a namespace that is deleted terminates", () => {
  const phase = (value: string, deleted: boolean) =>
    errorsOnStatusUpdate(
      Namespaces,
      deleted ? { metadata: { deletionTimestamp: "2025-01-01T00:00:00Z" } } : {},
      (next) => {
        next.status = { phase: value };
      },
    );
  assert.deepEqual(phase("Active", false), []);
  assert.deepEqual(phase("Terminating", true), []);
  assert.deepEqual(phase("Terminating", false), [
    `status.Phase: Invalid value: "Terminating": may only be 'Active' if \`deletionTimestamp\` is empty`,
  ]);
  assert.deepEqual(phase("Active", true), [
    `status.Phase: Invalid value: "Active": may only be 'Terminating' if \`deletionTimestamp\` is not empty`,
  ]);
});

test("the row of a namespace", () => {
  const row = cells(Namespaces, {
    metadata: { name: "team", creationTimestamp: "2024-12-31T23:50:00Z" },
    status: { phase: "Terminating" },
  });
  assert.deepEqual(row, { Name: "team", Status: "Terminating", Age: "10m" });
});
