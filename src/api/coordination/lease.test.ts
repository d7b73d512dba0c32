import assert from "node:assert/strict";
import { test } from "node:test";
import { cells, created, errorsOnCreate } from "../definition-fixture.ts";
import { Leases } from "./lease.ts";

test("a lease lasts a while", () => {
  assert.deepEqual(errorsOnCreate(Leases, { spec: { leaseDurationSeconds: 15, leaseTransitions: 0 } }), []);
  assert.deepEqual(errorsOnCreate(Leases, { spec: { leaseDurationSeconds: 0, leaseTransitions: -1 } }), [
    "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
    "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0",
  ]);
});

test("a lease asks for no election by the server", () => {
  const { spec } = created(Leases, {
    spec: { holderIdentity: "a", strategy: "OldestEmulationVersion", preferredHolder: "b" },
  });
  assert.deepEqual(spec, { holderIdentity: "a" });
});

test("the row of a lease", () => {
  const metadata = { name: "node", creationTimestamp: "2024-12-31T23:59:00Z" };
  assert.deepEqual(cells(Leases, { metadata, spec: { holderIdentity: "one" } }), {
    Name: "node",
    Holder: "one",
    Age: "60s",
  });
  assert.equal(cells(Leases, { metadata }).Holder, "");
});
