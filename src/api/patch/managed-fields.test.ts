import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../resource.ts";
import { definitions, emptyObject } from "../schema/index.ts";
import type { ManagedFieldsEntry } from "../types.generated.ts";
import { setOfNames, updateManagedFields } from "./managed-fields.ts";

const metadata = { name: "web", namespace: "default", uid: "1", resourceVersion: "1", creationTimestamp: "" };

function deployment(spec: object, more: object = {}): KubeObject {
  const object = { apiVersion: "apps/v1", kind: "Deployment", metadata: { ...metadata }, spec, ...more };
  return object;
}

function update(old: KubeObject | undefined, next: KubeObject, manager = "me", more: object = {}) {
  return updateManagedFields(old, next, {
    manager,
    apiVersion: "apps/v1",
    nowTimestamp: "2026-01-01T00:00:00Z",
    schema: definitions["io.k8s.api.apps.v1.Deployment"]!,
    empty: emptyObject("io.k8s.api.apps.v1.Deployment"),
    ...more,
  });
}

function managed(object: KubeObject, entries: readonly ManagedFieldsEntry[] | undefined): KubeObject {
  return { ...object, metadata: { ...object.metadata, ...(entries ? { managedFields: entries } : {}) } };
}
const fieldsOf = (entries: readonly ManagedFieldsEntry[] | undefined) =>
  Object.fromEntries((entries ?? []).map((entry) => [entry.manager, entry.fieldsV1]));

const container = (image: string) => ({ name: "a", image, ports: [{ containerPort: 80 }], args: ["x"] });
const spec = (image: string) => ({ replicas: 1, template: { spec: { containers: [container(image)] } } });

test("who creates an object owns its fields, but not those of the server", () => {
  assert.deepEqual(update(undefined, deployment(spec("1"))), [
    {
      manager: "me",
      operation: "Update",
      apiVersion: "apps/v1",
      time: "2026-01-01T00:00:00Z",
      fieldsType: "FieldsV1",
      fieldsV1: {
        "f:spec": {
          "f:replicas": {},
          "f:template": {
            "f:spec": {
              "f:containers": {
                'k:{"name":"a"}': {
                  ".": {},
                  "f:name": {},
                  "f:image": {},
                  "f:args": {},
                  "f:ports": { ".": {}, 'k:{"containerPort":80,"protocol":"TCP"}': { ".": {}, "f:containerPort": {} } },
                },
              },
            },
          },
        },
      },
    },
  ]);
});

test("an object that says who manages it is created with what its kind has anyway in nobody's hands", () => {
  const sent = { manager: "kubectl", operation: "Apply", apiVersion: "apps/v1", fieldsType: "FieldsV1" };
  const restored = managed(deployment(spec("1")), [{ ...sent, fieldsV1: { "f:spec": { "f:replicas": {} } } }]);
  const created = update(undefined, deployment(spec("1")), "restorer");
  assert.deepEqual(update(undefined, restored, "restorer"), created);
});

test("a struct that the kind requires and may still lack is its creator's with what is in it", () => {
  const name = "io.k8s.api.networking.v1.IPAddress";
  const address = deployment({ parentRef: { resource: "services", name: "a" } });
  assert.deepEqual(
    fieldsOf(update(undefined, address, "me", { schema: definitions[name], empty: emptyObject(name) })).me,
    {
      "f:spec": { "f:parentRef": { ".": {}, "f:name": {}, "f:resource": {} } },
    },
  );
});

test("a custom resource is its creator's with all objects in it but its metadata", () => {
  const widget = { ...deployment({ size: 1 }), metadata: { ...metadata, labels: { a: "b" } } };
  const more = { schema: { type: "object" }, empty: emptyObject("com.example.v1.Widget") };
  assert.deepEqual(fieldsOf(update(undefined, widget, "me", more)).me, {
    "f:metadata": { "f:labels": { ".": {}, "f:a": {} } },
    "f:spec": { ".": {}, "f:size": {} },
  });
});

test("who changes a field takes it from its owner", () => {
  const first = managed(deployment(spec("1")), update(undefined, deployment(spec("1")), "first"));
  const next = managed(deployment({ ...spec("2"), paused: true }), first.metadata.managedFields);
  const fields = fieldsOf(update(first, next, "second"));
  const image = { "f:template": { "f:spec": { "f:containers": { 'k:{"name":"a"}': { "f:image": {} } } } } };
  assert.deepEqual(fields.second, { "f:spec": { "f:paused": {}, ...image } });
  assert.equal(JSON.stringify(fields.first).includes("f:image"), false);
  assert.ok(JSON.stringify(fields.first).includes("f:args"));
});

test("nobody owns what is gone", () => {
  const first = managed(deployment(spec("1")), update(undefined, deployment(spec("1")), "first"));
  const fields = fieldsOf(update(first, managed(deployment({ replicas: 1 }), first.metadata.managedFields), "second"));
  assert.deepEqual(fields, { first: { "f:spec": { "f:replicas": {} } } });
});

test("a write that changes nothing leaves managedFields as they were", () => {
  const object = managed(deployment(spec("1")), update(undefined, deployment(spec("1"))));
  const entries = update(object, object, "other", { nowTimestamp: "2027-01-01T00:00:00Z" });
  assert.equal(entries, object.metadata.managedFields);
});

test("a subresource owns apart and cannot set managedFields", () => {
  const object = managed(deployment(spec("1")), update(undefined, deployment(spec("1")), "first"));
  const next = managed(deployment(spec("1"), { status: { replicas: 1 } }), [{ manager: "forged", operation: "Apply" }]);
  const entries = update(object, next, "first", { subresource: "status", resetFields: setOfNames(["spec"]) }) ?? [];
  assert.deepEqual(
    entries.map((entry) => [entry.manager, entry.subresource]),
    [
      ["first", undefined],
      ["first", "status"],
    ],
  );
  assert.deepEqual(entries[1]?.fieldsV1, { "f:status": { ".": {}, "f:replicas": {} } });
});

test("fields that a write cannot change are nobody's by it", () => {
  const next = deployment(spec("1"), { status: { replicas: 1 } });
  const fields = fieldsOf(update(undefined, next, "me", { resetFields: setOfNames(["status"]) }));
  assert.deepEqual(Object.keys(fields.me ?? {}), ["f:spec"]);
});

test("clients may set managedFields, and reset them with one empty entry or none", () => {
  const object = managed(deployment(spec("1")), update(undefined, deployment(spec("1")), "first"));
  const set: ManagedFieldsEntry[] = [
    {
      manager: "set",
      operation: "Apply",
      apiVersion: "apps/v1",
      fieldsType: "FieldsV1",
      fieldsV1: { "f:spec": { "f:replicas": {} } },
    },
  ];
  assert.deepEqual(update(object, managed(deployment(spec("1")), set)), set);
  assert.equal(update(object, managed(deployment(spec("1")), [{}])), undefined);
  assert.equal(update(object, managed(deployment(spec("1")), [])), undefined);
  assert.deepEqual(
    update(object, managed(deployment(spec("1")), [{ manager: "bad", operation: "Apply" }])),
    object.metadata.managedFields,
  );
});

test("an object that is not tracked stays so", () => {
  assert.equal(update(deployment(spec("1")), deployment(spec("2"))), undefined);
});

test("a manager without a name is unknown", () => {
  assert.equal(update(undefined, deployment(spec("1")), "")?.[0]?.manager, "unknown");
});

test("the oldest of too many updates become one", () => {
  let object = managed(deployment({ replicas: 0 }), update(undefined, deployment({ replicas: 0 }), "m00"));
  for (let i = 1; i <= 15; i++) {
    const labels = { ...object.metadata.labels, [`l${i}`]: "x" };
    const next = { ...object, metadata: { ...object.metadata, labels } };
    const nowTimestamp = `2026-01-01T00:00:${String(i).padStart(2, "0")}Z`;
    object = managed(next, update(object, next, `m${String(i).padStart(2, "0")}`, { nowTimestamp }));
  }
  const entries = object.metadata.managedFields ?? [];
  assert.equal(entries.length, 10);
  const ancient = entries.find((entry) => entry.manager === "ancient-changes");
  assert.ok(JSON.stringify(ancient?.fieldsV1).includes("f:replicas"));
  assert.ok(JSON.stringify(ancient?.fieldsV1).includes("f:l6"));
  assert.equal(entries.at(-1)?.manager, "m15");
});
