import assert from "node:assert/strict";
import { test } from "node:test";
import {
  controllerOf,
  isControlledBy,
  newControllerReference,
  newOwnerReference,
  parseApiVersion,
} from "./owner-reference.ts";

const owner = { metadata: { name: "r", uid: "1", resourceVersion: "", creationTimestamp: "" } };
const kind = { group: "apps", version: "v1", kind: "ReplicaSet" };

test("the controller is the one owner that is marked so", () => {
  const reference = newControllerReference(owner, kind);
  const other = newOwnerReference({ metadata: { ...owner.metadata, uid: "2" } }, kind);
  const object = { metadata: { ...owner.metadata, ownerReferences: [other, reference] } };
  assert.deepEqual(controllerOf(object), {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    name: "r",
    uid: "1",
    controller: true,
    blockOwnerDeletion: true,
  });
  assert.ok(isControlledBy(object, owner));
  assert.equal(controllerOf({ metadata: { ...owner.metadata, ownerReferences: [other] } }), undefined);
});

test("API versions are split into group and version", () => {
  assert.deepEqual(parseApiVersion("v1"), { group: "", version: "v1" });
  assert.deepEqual(parseApiVersion("apps/v1"), { group: "apps", version: "v1" });
  assert.deepEqual(parseApiVersion("a/b/c"), { group: "", version: "" });
});
