import assert from "node:assert/strict";
import { test } from "node:test";
import type { ObjectMeta } from "../types.generated.ts";
import { fieldErrorBody } from "./api-error.ts";
import { rootPath } from "./field-error.ts";
import { nameIsDnsSubdomain } from "./names.ts";
import { validateObjectMeta, validateObjectMetaUpdate } from "./object-meta.ts";

const at = rootPath.child("metadata");
const rules = { namespaced: true, validateName: nameIsDnsSubdomain };
const good: ObjectMeta = {
  name: "a",
  namespace: "default",
  uid: "1",
  resourceVersion: "7",
  creationTimestamp: "2026-01-01T00:00:00Z",
};
const owner = { apiVersion: "apps/v1", kind: "ReplicaSet", name: "r", uid: "2", controller: true };

test("good metadata is accepted", () => {
  const full = {
    ...good,
    labels: { "a/b": "c" },
    annotations: { "Example.com/x": "any text" },
    finalizers: ["example.com/hold", "foregroundDeletion"],
    ownerReferences: [owner, { ...owner, controller: false, uid: "3" }],
    managedFields: [{ manager: "kubectl", operation: "Apply", fieldsType: "FieldsV1" }],
  };
  assert.deepEqual(validateObjectMeta(at, full, rules), []);
  assert.deepEqual(validateObjectMetaUpdate(at, full, full), []);
});

test("bad metadata is refused with the field and the words of Kubernetes", () => {
  const cases: readonly (readonly [Partial<ObjectMeta>, string, RegExp])[] = [
    [{ name: "" }, "metadata.name", /^Required value: name or generateName is required$/],
    [{ name: "A" }, "metadata.name", /^Invalid value: "A": a lowercase RFC 1123 subdomain/],
    [{ generateName: "Ab-" }, "metadata.generateName", /^Invalid value: "Ab-"/],
    [{ namespace: "" }, "metadata.namespace", /^Required value$/],
    [{ namespace: "a.b" }, "metadata.namespace", /must not contain dots/],
    [{ generation: -1 }, "metadata.generation", /^Invalid value: -1: must be greater than or equal to 0$/],
    [{ labels: { a: "b c" } }, "metadata.labels", /^Invalid value: "b c"/],
    [{ annotations: { "a b": "" } }, "metadata.annotations", /^Invalid value: "a b"/],
    [
      { annotations: { a: "é".repeat(131072) } },
      "metadata.annotations",
      /^Too long: may not be more than 262144 bytes$/,
    ],
    [
      { finalizers: ["plain"] },
      "metadata.finalizers[0]",
      /neither a standard finalizer name nor is it fully qualified/,
    ],
    [{ finalizers: ["orphan", "foregroundDeletion"] }, "metadata.finalizers", /cannot be both set$/],
    [
      { ownerReferences: [{ ...owner, apiVersion: "" }] },
      "metadata.ownerReferences.apiVersion",
      /version must not be empty/,
    ],
    [
      { ownerReferences: [{ ...owner, uid: "" }] },
      "metadata.ownerReferences.uid",
      /^Invalid value: "": must not be empty$/,
    ],
    [
      { ownerReferences: [{ ...owner, apiVersion: "v1", kind: "Event" }] },
      "metadata.ownerReferences",
      /\/v1, Kind=Event is disallowed from being an owner$/,
    ],
    [
      { ownerReferences: [owner, { ...owner, name: "s" }] },
      "metadata.ownerReferences",
      /Only one reference can have Controller set to true\. Found "true" in references for ReplicaSet\/r and ReplicaSet\/s$/,
    ],
    [{ managedFields: [{ operation: "Do" }] }, "metadata.managedFields[0].operation", /must be `Apply` or `Update`/],
    [
      { managedFields: [{ operation: "Apply", manager: "a\nb" }] },
      "metadata.managedFields[0].manager",
      /invalid character U\+000A \(at position 1\)/,
    ],
  ];
  for (const [change, field, message] of cases) {
    const errors = validateObjectMeta(at, { ...good, ...change }, rules);
    assert.equal(errors.length, 1, field);
    assert.equal(errors[0]!.field, field);
    assert.match(fieldErrorBody(errors[0]!), message);
  }
});

test("a cluster-wide kind takes no namespace", () => {
  const errors = validateObjectMeta(at, good, { ...rules, namespaced: false });
  assert.deepEqual(errors.map(fieldErrorBody), ["Forbidden: not allowed on this type"]);
});

test("custom resources may have plain finalizers", () => {
  assert.deepEqual(validateObjectMeta(at, { ...good, finalizers: ["plain"] }, { ...rules, customResource: true }), []);
});

test("an update may not change what is fixed", () => {
  const cases: readonly (readonly [Partial<ObjectMeta>, Partial<ObjectMeta>, string, RegExp])[] = [
    [{ name: "b" }, {}, "metadata.name", /field is immutable$/],
    [{ uid: "9" }, {}, "metadata.uid", /field is immutable$/],
    [{ resourceVersion: "" }, {}, "metadata.resourceVersion", /must be specified for an update$/],
    [{ generation: 1 }, { generation: 2 }, "metadata.generation", /must not be decremented$/],
    [{ deletionTimestamp: "2026-01-01T00:00:00Z" }, {}, "metadata.deletionTimestamp", /field is immutable$/],
  ];
  for (const [next, old, field, message] of cases) {
    const errors = validateObjectMetaUpdate(at, { ...good, ...next }, { ...good, ...old });
    assert.deepEqual(
      errors.map((each) => each.field),
      [field],
    );
    assert.match(fieldErrorBody(errors[0]!), message);
  }
});

test("what is being deleted takes no new finalizers", () => {
  const old = { ...good, deletionTimestamp: "2026-01-01T00:00:00Z", finalizers: ["a/b"] };
  assert.deepEqual(validateObjectMetaUpdate(at, { ...old, finalizers: [] }, old), []);
  const [error] = validateObjectMetaUpdate(at, { ...old, finalizers: ["a/b", "c/d"] }, old);
  assert.equal(
    error?.detail,
    'no new finalizers can be added if the object is being deleted, found new finalizers []string{"c/d"}',
  );
});
