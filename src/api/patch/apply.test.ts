import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApiError } from "../meta/index.ts";
import type { KubeObject } from "../resource.ts";
import { definitions, type Schema } from "../schema/index.ts";
import { type ApplyOptions, serverSideApply } from "./apply.ts";
import { setOfNames, updateManagedFields } from "./managed-fields.ts";

const common = {
  apiVersion: "apps/v1",
  nowTimestamp: "2026-01-01T00:00:00Z",
  kind: "Deployment",
  schema: definitions["io.k8s.api.apps.v1.Deployment"]!,
};
const identity = { apiVersion: "apps/v1", kind: "Deployment" };

function appliedTo(options: ApplyOptions): KubeObject {
  const { object, managedFields } = serverSideApply(options);
  // The pipeline decodes the result; here it is of the right form already.
  const result = object as unknown as KubeObject;
  return { ...result, metadata: { ...result.metadata, ...(managedFields ? { managedFields } : {}) } };
}

function apply(live: KubeObject | undefined, applied: object, manager: string, force = false): KubeObject {
  const metadata = { name: "web", namespace: "default", ...(applied as { metadata?: object }).metadata };
  return appliedTo({ ...common, live, applied: { ...identity, ...applied, metadata }, manager, force });
}

const pod = (...containers: readonly object[]) => ({ spec: { template: { spec: { containers } } } });
const contents = ({ apiVersion: _a, kind: _k, metadata: _m, ...rest }: KubeObject) => rest as unknown;
const managersOf = (object: KubeObject) =>
  Object.fromEntries((object.metadata.managedFields ?? []).map((entry) => [entry.manager, entry.fieldsV1]));

test("what is applied is there and owned", () => {
  const object = apply(undefined, pod({ name: "a", image: "1", ports: [{ containerPort: 80 }] }), "me");
  assert.deepEqual(contents(object), pod({ name: "a", image: "1", ports: [{ containerPort: 80 }] }));
  assert.deepEqual(object.metadata.managedFields, [
    {
      manager: "me",
      operation: "Apply",
      apiVersion: "apps/v1",
      time: common.nowTimestamp,
      fieldsType: "FieldsV1",
      fieldsV1: {
        "f:spec": {
          "f:template": {
            "f:spec": {
              "f:containers": {
                'k:{"name":"a"}': {
                  ".": {},
                  "f:name": {},
                  "f:image": {},
                  "f:ports": { 'k:{"containerPort":80,"protocol":"TCP"}': { ".": {}, "f:containerPort": {} } },
                },
              },
            },
          },
        },
      },
    },
  ]);
});

test("what an applier no longer names goes, what others apply stays", () => {
  const first = apply(
    undefined,
    { ...pod({ name: "a", image: "1" }, { name: "b", image: "1" }), metadata: { labels: { x: "1", y: "1" } } },
    "one",
  );
  const second = apply(first, { ...pod({ name: "b", image: "1" }), metadata: { labels: { y: "1" } } }, "two");
  const third = apply(second, {}, "one");
  assert.deepEqual(contents(third), pod({ name: "b", image: "1" }));
  assert.deepEqual(third.metadata.labels, { y: "1" });
  assert.deepEqual(Object.keys(managersOf(third)), ["two"]);
});

test("fields that nobody applied stay when their struct is let go", () => {
  const first = apply(undefined, { spec: { replicas: 1, strategy: { type: "RollingUpdate" } } }, "one");
  const defaulted = {
    ...first,
    spec: { replicas: 1, strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1 } } },
  };
  const next = apply(defaulted, { spec: { replicas: 1 } }, "one");
  assert.deepEqual(contents(next), { spec: { replicas: 1, strategy: { rollingUpdate: { maxSurge: 1 } } } });
  const emptied = apply(first, { spec: { replicas: 1 } }, "one");
  assert.deepEqual(contents(emptied), { spec: { replicas: 1 } });
});

test("a field of another manager is a conflict, with a cause for each", () => {
  const first = apply(undefined, { spec: { replicas: 1, paused: true } }, "one");
  assert.throws(
    () => apply(first, { spec: { replicas: 2 } }, "two"),
    (error: ApiError) => {
      assert.equal(error.code, 409);
      assert.equal(error.reason, "Conflict");
      assert.equal(error.message, 'Apply failed with 1 conflict: conflict with "one": .spec.replicas');
      assert.deepEqual(error.status.details?.causes, [
        { reason: "FieldManagerConflict", message: 'conflict with "one"', field: ".spec.replicas" },
      ]);
      return true;
    },
  );
  assert.throws(() => apply(first, { spec: { replicas: 2, paused: false } }, "two"), {
    message: 'Apply failed with 2 conflicts: conflicts with "one":\n- .spec.paused\n- .spec.replicas',
  });
});

test("the same value is no conflict: both own it", () => {
  const first = apply(undefined, { spec: { replicas: 1 } }, "one");
  const second = apply(first, { spec: { replicas: 1 } }, "two");
  assert.deepEqual(managersOf(second), {
    one: { "f:spec": { "f:replicas": {} } },
    two: { "f:spec": { "f:replicas": {} } },
  });
});

test("force takes the field", () => {
  const first = apply(undefined, { spec: { replicas: 1, paused: true } }, "one");
  const second = apply(first, { spec: { replicas: 2 } }, "two", true);
  assert.deepEqual(contents(second), { spec: { replicas: 2, paused: true } });
  assert.deepEqual(managersOf(second).one, { "f:spec": { "f:paused": {} } });
});

test("an update is named with its version in a conflict", () => {
  const created = {
    ...identity,
    metadata: { name: "web", uid: "1", resourceVersion: "1", creationTimestamp: "" },
    spec: { replicas: 1 },
  };
  const managedFields = updateManagedFields(undefined, created, { ...common, manager: "kubectl-create" })!;
  const live = { ...created, metadata: { ...created.metadata, managedFields } };
  assert.throws(() => apply(live, { spec: { replicas: 2 } }, "me"), {
    message: 'Apply failed with 1 conflict: conflict with "kubectl-create" using apps/v1: .spec.replicas',
  });
});

test("an object that was not tracked belongs to before-first-apply", () => {
  const live = {
    ...identity,
    metadata: { name: "web", uid: "1", resourceVersion: "1", creationTimestamp: "" },
    spec: { replicas: 1 },
  };
  const object = apply(live, { spec: { paused: true } }, "me");
  assert.deepEqual(managersOf(object)["before-first-apply"], { "f:spec": { ".": {}, "f:replicas": {} } });
});

test("lists merge by their keys, in the order of the configuration", () => {
  const first = apply(undefined, pod({ name: "a" }, { name: "b" }), "one");
  const second = apply(first, pod({ name: "c" }, { name: "a", image: "2" }), "two");
  assert.deepEqual(contents(second), pod({ name: "c" }, { name: "a", image: "2" }, { name: "b" }));
  const third = apply(second, { metadata: { finalizers: ["x/a"] } }, "three");
  const fourth = apply(third, { metadata: { finalizers: ["x/b"] } }, "four");
  assert.deepEqual(fourth.metadata.finalizers, ["x/a", "x/b"]);
  assert.deepEqual(apply(fourth, {}, "three").metadata.finalizers, ["x/b"]);
});

test("atomic lists and maps are owned and replaced as a whole", () => {
  const first = apply(undefined, pod({ name: "a", args: ["x", "y"] }), "one");
  const second = apply(first, pod({ name: "a", args: ["z"] }), "one");
  assert.deepEqual(contents(second), pod({ name: "a", args: ["z"] }));
  assert.throws(
    () => apply(second, pod({ name: "a", args: ["z", "z"] }), "two"),
    /\.spec\.template\.spec\.containers\[name="a"\]\.args$/,
  );
});

test("applying the same again changes nothing", () => {
  const first = apply(undefined, pod({ name: "a", image: "1" }), "one");
  const again = appliedTo({
    ...common,
    nowTimestamp: "2027-01-01T00:00:00Z",
    live: first,
    applied: { ...identity, metadata: { name: "web", namespace: "default" }, ...pod({ name: "a", image: "1" }) },
    manager: "one",
    force: false,
  });
  assert.deepEqual(again, first);
});

test("nothing that is given is changed", () => {
  const live = apply(undefined, pod({ name: "a", image: "1" }), "one");
  const before = JSON.stringify(live);
  apply(live, pod({ name: "b" }), "one");
  assert.equal(JSON.stringify(live), before);
});

test("a subresource applies for itself", () => {
  const live = apply(undefined, { spec: { replicas: 1 } }, "one");
  const applied = { ...identity, metadata: { name: "web" }, status: { replicas: 3 } };
  const object = appliedTo({
    ...common,
    live,
    applied,
    manager: "one",
    force: false,
    subresource: "status",
    resetFields: setOfNames(["spec"]),
  });
  const entries = object.metadata.managedFields ?? [];
  assert.deepEqual(
    entries.map(({ subresource, fieldsV1 }) => [subresource, fieldsV1]),
    [
      [undefined, { "f:spec": { "f:replicas": {} } }],
      ["status", { "f:status": { "f:replicas": {} } }],
    ],
  );
  assert.deepEqual(contents(object), { spec: { replicas: 1 }, status: { replicas: 3 } });
});

test("kubectl goes over from its own way of applying without a conflict", () => {
  const annotations = {
    "kubectl.kubernetes.io/last-applied-configuration": '{"apiVersion":"apps/v1","spec":{"replicas":1}}',
  };
  const created = {
    ...identity,
    metadata: { name: "web", uid: "1", resourceVersion: "1", creationTimestamp: "", annotations },
    spec: { replicas: 1, paused: true },
  };
  const managedFields = updateManagedFields(undefined, created, { ...common, manager: "kubectl-client-side-apply" })!;
  const live = { ...created, metadata: { ...created.metadata, managedFields } };
  const object = apply(live, { spec: { replicas: 2 } }, "kubectl");
  assert.deepEqual(contents(object), { spec: { replicas: 2, paused: true } });
  assert.match(object.metadata.annotations?.["kubectl.kubernetes.io/last-applied-configuration"] ?? "", /"replicas":2/);
  assert.throws(() => apply(live, { spec: { paused: false } }, "kubectl"), { code: 409 });
  assert.throws(() => apply(live, { spec: { replicas: 2 } }, "other"), { code: 409 });
});

test("a configuration that does not fit the schema is a 400", () => {
  for (const [applied, message] of [
    [
      { spec: { foo: 1 } },
      "failed to create typed patch object (default/web; apps/v1, Kind=Deployment): .spec.foo: field not declared in schema",
    ],
    [
      pod({ image: "1" }),
      'failed to create typed patch object (default/web; apps/v1, Kind=Deployment): .spec.template.spec.containers: element 0: associative list with keys has an element that omits all key fields ["name"] (and doesn\'t have default values for any key fields)',
    ],
    [
      pod({ name: "a" }, { name: "a" }),
      'failed to create typed patch object (default/web; apps/v1, Kind=Deployment): .spec.template.spec.containers: duplicate entries for key [name="a"]',
    ],
  ] as const)
    assert.throws(() => apply(undefined, applied, "me"), { code: 400, message });
});

test("a configuration that cannot be meant is a 400", () => {
  for (const [applied, message] of [
    [{ metadata: { managedFields: [] } }, "metadata.managedFields must be nil"],
    [{ apiVersion: "apps/v2" }, "invalid object type: apps/v2, Kind=Deployment"],
  ] as const)
    assert.throws(() => apply(undefined, applied, "me"), { code: 400, message });
  assert.throws(() => appliedTo({ ...common, applied: "web", manager: "me", force: false }), {
    code: 400,
    message:
      "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal string into Go value of type map[string]interface {}",
  });
});

test("custom resources are owned by their own schema, their metadata like any other", () => {
  const schema: Schema = {
    type: "object",
    properties: {
      spec: {
        type: "object",
        properties: {
          items: {
            type: "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["id"],
            items: { type: "object", properties: { id: { type: "integer" }, v: { type: "string" } } },
          },
          open: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
        },
      },
    },
  };
  const options = { ...common, schema, apiVersion: "example.com/v1", kind: "Widget", force: false };
  const applied = {
    apiVersion: "example.com/v1",
    kind: "Widget",
    metadata: { name: "w", finalizers: ["x/a"] },
    spec: { items: [{ id: 1, v: "a" }], open: { any: [1] } },
  };
  const object = appliedTo({ ...options, applied, manager: "me" });
  assert.deepEqual(object.metadata.managedFields?.[0]?.fieldsV1, {
    "f:metadata": { "f:finalizers": { 'v:"x/a"': {} } },
    "f:spec": { "f:items": { 'k:{"id":1}': { ".": {}, "f:id": {}, "f:v": {} } }, "f:open": { "f:any": {} } },
  });
});
