import assert from "node:assert/strict";
import { test } from "node:test";
import { aroundTests } from "../../../test/around-tests.ts";
import {
  ConfigMaps,
  Deployments,
  decodeYaml,
  Namespaces,
  type PatchType,
  Pods,
  type RequestOptions,
  ResourceQuotas,
  Services,
} from "../../api/index.ts";
import { ResourceRegistry } from "../registry.ts";
import { startTestServer, type TestServer } from "../server-for-tests.ts";

let server: TestServer;
aroundTests(
  async () => {
    server = await startTestServer();
  },
  () => server.close(),
);

const json = "application/json-patch+json";
const merge = "application/merge-patch+json";
const strategic = "application/strategic-merge-patch+json";
const applies = "application/apply-patch+yaml";
const at = (name: string) => ({ namespace: "default", name });

function patch(name: string, body: unknown, patchType: PatchType, options: RequestOptions = {}) {
  return server.send("patch", ConfigMaps, { ...at(name), body, patchType, options });
}

function create(name: string, more: object = {}) {
  return server.send("create", ConfigMaps, { namespace: "default", body: { metadata: { name }, ...more } });
}

const web = (name: string) => ({
  metadata: { name },
  spec: {
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        containers: [
          { name: "a", image: "a:1", env: [{ name: "X", value: "1" }] },
          { name: "b", image: "b:1" },
        ],
        volumes: [{ name: "v", emptyDir: {} }],
      },
    },
  },
});

test("what a patch leaves as it was is the same object, and what it changes is checked", async () => {
  await server.send("create", Deployments, { namespace: "default", body: web("same") });
  const send = (body: unknown, patchType: PatchType) =>
    server.send("patch", Deployments, { ...at("same"), body, patchType, options: { fieldManager: "tester" } });
  const before = await send({ metadata: { annotations: { note: "1" } } }, strategic);
  const bodies: readonly (readonly [PatchType, unknown])[] = [
    [json, [{ op: "replace", path: "/metadata/annotations/note", value: "2" }]],
    [merge, { metadata: { annotations: { note: "3" } } }],
    [strategic, { metadata: { annotations: { note: "4" } } }],
    [applies, { apiVersion: "apps/v1", kind: "Deployment", ...web("same"), spec: { paused: true } }],
  ];
  for (const [patchType, body] of bodies) {
    const next = await send(body, patchType);
    assert.notEqual(next.metadata.resourceVersion, before.metadata.resourceVersion);
    assert.equal(next.spec.template, before.spec.template);
  }
  const wrong = { spec: { template: { spec: { containers: [{ name: "a", imagePullPolicy: "Sometimes" }] } } } };
  await assert.rejects(send(wrong, strategic), /imagePullPolicy: Unsupported value: "Sometimes"/);
});

test("Namespace patching", async () => {
  await server.send("create", Namespaces, { body: { metadata: { name: "patched" } } });
  for (const patchType of [merge, strategic] as const) {
    const body = { metadata: { labels: { testLabel: patchType.slice(12, 17) } } };
    await server.send("patch", Namespaces, { name: "patched", body, patchType });
    const { metadata } = await server.send("get", Namespaces, { name: "patched" });
    assert.equal(metadata.labels?.testLabel, patchType.slice(12, 17));
  }
});

test("Namespace, apply update to a namespace", async () => {
  const created = await server.send("create", Namespaces, { body: { metadata: { name: "updated" } } });
  const body = { ...created, metadata: { ...created.metadata, labels: { updated: "ns" } } };
  await server.send("update", Namespaces, { name: "updated", body });
  const { metadata } = await server.send("get", Namespaces, { name: "updated" });
  assert.equal(metadata.labels?.updated, "ns");
});

test("ResourceQuota, apply changes to a ResourceQuota status", async () => {
  const place = { namespace: "quota", name: "quota" };
  const hard = { cpu: "500m", memory: "500Mi" };
  await server.send("create", ResourceQuotas, {
    namespace: "quota",
    body: { metadata: { name: "quota" }, spec: { hard } },
  });
  const status = { ...place, subresource: "status" } as const;
  const created = await server.send("get", ResourceQuotas, place);
  const body = { ...created, status: { hard } };
  const updated = await server.send("update", ResourceQuotas, { ...status, body });
  assert.deepEqual(updated.status.hard, updated.spec.hard);
  const more = { cpu: "1", memory: "1Gi" };
  const send = (target: typeof place | typeof status, change: object) =>
    server.send("patch", ResourceQuotas, { ...target, body: change, patchType: merge });
  const patched = await send(place, { spec: { hard: more } });
  assert.deepEqual([patched.spec.hard, patched.status.hard], [more, hard]);
  const reported = await send(status, { spec: { hard }, status: { hard: more } });
  assert.deepEqual([reported.spec.hard, reported.status.hard], [more, more]);
  assert.deepEqual(await server.send("get", ResourceQuotas, status), reported);
  const again = await send(status, { spec: { hard }, status: { hard } });
  assert.deepEqual([again.spec.hard, again.status.hard], [more, hard]);
});

test("ResourceQuota, manage lifecycle of a ResourceQuota", async () => {
  const labels = { quota: "lifecycle" };
  const hard = { cpu: "100m", memory: "100Mi" };
  await server.send("create", ResourceQuotas, {
    namespace: "default",
    body: { metadata: { name: "lifecycle", labels }, spec: { hard } },
  });
  const listed = () => server.list(ResourceQuotas, { options: { labelSelector: "quota=lifecycle" } });
  assert.equal((await listed()).items.length, 1);
  const change = { metadata: { labels: { lifecycle: "patched" } }, spec: { hard: { memory: "750Mi" } } };
  const patched = await server.send("patch", ResourceQuotas, {
    namespace: "default",
    name: "lifecycle",
    body: change,
    patchType: strategic,
  });
  assert.deepEqual(patched.spec.hard, { cpu: "100m", memory: "750Mi" });
  assert.deepEqual(patched.metadata.labels, { ...labels, lifecycle: "patched" });
  const options = { labelSelector: "lifecycle=patched" };
  await server.serve("deletecollection", ResourceQuotas, { namespace: "default", options });
  assert.equal((await listed()).items.length, 0);
});

test("strategic merge patches of a deployment follow all directives", async () => {
  await server.send("create", Deployments, { namespace: "default", body: web("directives") });
  const send = (spec: object) =>
    server.send("patch", Deployments, { ...at("directives"), body: { spec }, patchType: strategic });
  const containers = ({ spec }: Awaited<ReturnType<typeof send>>) =>
    spec.template.spec?.containers.map(({ name, image }) => `${name} ${image}`);
  const inPod = (pod: object) => ({ template: { spec: pod } });
  assert.deepEqual(containers(await send(inPod({ containers: [{ name: "c", image: "c:1" }] }))), [
    "c c:1",
    "a a:1",
    "b b:1",
  ]);
  const order = [{ name: "a" }, { name: "b" }, { name: "c" }];
  assert.deepEqual(
    containers(await send(inPod({ "$setElementOrder/containers": order, containers: [{ name: "b", image: "b:2" }] }))),
    ["a a:1", "b b:2", "c c:1"],
  );
  assert.deepEqual(containers(await send(inPod({ containers: [{ name: "c", $patch: "delete" }] }))), [
    "a a:1",
    "b b:2",
  ]);
  assert.deepEqual(
    containers(await send(inPod({ containers: [{ $patch: "replace" }, { name: "d", image: "d:1" }] }))),
    ["d d:1"],
  );
  const recreated = await send({ strategy: { $retainKeys: ["type"], type: "Recreate" } });
  assert.deepEqual(recreated.spec.strategy, { type: "Recreate" });
  const moved = await send(
    inPod({ volumes: [{ name: "v", $retainKeys: ["name", "hostPath"], hostPath: { path: "/x" } }] }),
  );
  assert.deepEqual(moved.spec.template.spec?.volumes, [{ name: "v", hostPath: { path: "/x", type: "" } }]);
  const before = await create("finalized", { metadata: { name: "finalized", finalizers: ["x/a", "x/b"] } });
  assert.deepEqual(before.metadata.finalizers, ["x/a", "x/b"]);
  const { metadata } = await patch(
    "finalized",
    { metadata: { "$deleteFromPrimitiveList/finalizers": ["x/a"], finalizers: ["x/c"] } },
    strategic,
  );
  assert.deepEqual(metadata.finalizers?.toSorted(), ["x/b", "x/c"]);
});

test("a failed test of a JSON patch is a 422, and nothing is changed", async () => {
  const created = await create("tested", { data: { a: "1" } });
  const rejected = (operations: readonly object[]) =>
    assert.rejects(patch("tested", operations, json), {
      code: 422,
      reason: "Invalid",
      message: "the server rejected our request due to an error in our request",
    });
  await rejected([
    { op: "replace", path: "/data/a", value: "2" },
    { op: "test", path: "/data/a", value: "1" },
  ]);
  await rejected([{ op: "test", path: "/metadata/managedFields", value: null }]);
  assert.deepEqual(await server.send("get", ConfigMaps, at("tested")), created);
  const changed = await patch(
    "tested",
    [
      { op: "test", path: "/metadata/resourceVersion", value: created.metadata.resourceVersion },
      { op: "copy", from: "/data/a", path: "/data/b" },
      { op: "move", from: "/data/a", path: "/data/c" },
    ],
    json,
  );
  assert.deepEqual(changed.data, { b: "1", c: "1" });
});

test("a JSON patch may read and write the managers, and they need not be named to stay", async () => {
  await create("named", { data: { a: "1" } });
  const other = await patch("named", [{ op: "add", path: "/data/b", value: "2" }], json, { fieldManager: "json" });
  assert.deepEqual(
    other.metadata.managedFields?.map(({ manager }) => manager),
    ["admin", "json"],
  );
  const removed = await patch("named", [{ op: "remove", path: "/metadata/managedFields/0" }], json);
  assert.deepEqual(
    removed.metadata.managedFields?.map(({ manager }) => manager),
    ["json"],
  );
});

test("more than 10,000 operations are a 413, copies beyond 3 MiB a 422", async () => {
  await create("big", { data: { a: "x".repeat(1000) } });
  const test = { op: "test", path: "/data/a", value: "x".repeat(1000) };
  await assert.rejects(patch("big", Array(10_001).fill(test), json), {
    code: 413,
    reason: "RequestEntityTooLarge",
    message: "Request entity is too large: The allowed maximum operations in a JSON patch is 10000, got 10001",
  });
  const doubling = Array.from({ length: 40 }, (_, index) => ({ op: "copy", from: "/data", path: `/data/k${index}` }));
  await assert.rejects(patch("big", doubling, json), { code: 422 });
});

test("a patch cannot make an object another one", async () => {
  const { metadata } = await create("identity", { data: { a: "1" } });
  const refused: readonly [object, { readonly code: number; readonly message: RegExp }][] = [
    [
      { metadata: { name: "x" } },
      { code: 400, message: /^the name of the object \(x\) does not match the name on the URL/ },
    ],
    [
      { metadata: { namespace: "x" } },
      { code: 400, message: /^the namespace of the provided object does not match the namespace sent on the request$/ },
    ],
    [{ metadata: { uid: "x" } }, { code: 422, message: /metadata\.uid: Invalid value: "x": field is immutable/ }],
    [{ metadata: { resourceVersion: "1" } }, { code: 409, message: /the object has been modified/ }],
  ];
  for (const [body, error] of refused)
    for (const patchType of [merge, strategic] as const)
      await assert.rejects(patch("identity", body, patchType), error);
  await assert.rejects(patch("identity", { kind: "Secret" }, merge), {
    code: 422,
    message: /converting \(v1\.Secret\) to \(core\.ConfigMap\): unknown conversion$/,
  });
  await assert.rejects(patch("identity", { apiVersion: "v9" }, merge), {
    code: 422,
    message: /: no kind "ConfigMap" is/,
  });
  // A strategic merge patch does not look.
  assert.equal((await patch("identity", { kind: "Secret" }, strategic)).kind, "ConfigMap");
  const times = { creationTimestamp: "2001-01-01T00:00:00Z", generation: 9, selfLink: "x" };
  const kept = await patch("identity", { metadata: times }, merge);
  assert.deepEqual(kept.metadata, metadata);
});

test("a patch of what does not exist is a 404, but for an apply", async () => {
  for (const patchType of [json, merge, strategic] as const)
    await assert.rejects(patch("missing", patchType === json ? [] : {}, patchType), {
      code: 404,
      message: 'configmaps "missing" not found',
    });
  const deployment = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "missing" } };
  await assert.rejects(
    server.send("patch", Deployments, {
      ...at("missing"),
      subresource: "status",
      body: deployment,
      patchType: applies,
      options: { fieldManager: "me" },
    }),
    { code: 404 },
  );
});

test("a patch that is no object, or no list, is a 400", async () => {
  await create("formless");
  for (const [body, patchType, message] of [
    [
      [],
      merge,
      /^error decoding patch: json: cannot unmarshal array into Go value of type map\[string\]interface \{\}$/,
    ],
    [[], strategic, /^json: cannot unmarshal array into Go value of type map\[string\]interface \{\}$/],
    [{}, json, /cannot unmarshal object into Go value of type /],
  ] as const)
    await assert.rejects(patch("formless", body, patchType), { code: 400, message });
});

test("a strategic merge patch of a custom resource is a 415 that names the others", async () => {
  const registry = new ResourceRegistry([{ ...ConfigMaps, group: "example.com", kind: "Widget", plural: "widgets" }]);
  const custom = await startTestServer({ registry });
  const Widgets = { ...ConfigMaps, group: "example.com", kind: "Widget", plural: "widgets" };
  await custom.send("create", Widgets, { namespace: "default", body: { metadata: { name: "w" } } });
  await assert.rejects(custom.send("patch", Widgets, { ...at("w"), body: {}, patchType: strategic }), {
    code: 415,
    reason: "UnsupportedMediaType",
    message:
      "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
  });
  await custom.close();
});

test("a dry run of a patch changes nothing", async () => {
  const created = await create("dry", { data: { a: "1" } });
  const answer = await patch("dry", { data: { a: "2" } }, merge, { dryRun: "All" });
  assert.deepEqual(answer.data, { a: "2" });
  assert.deepEqual(await server.send("get", ConfigMaps, at("dry")), created);
});

test("unknown fields of the operations of a JSON patch are told first", async () => {
  await server.send("create", ConfigMaps, { namespace: "default", body: { metadata: { name: "operations" } } });
  const { warnings } = await server.serve("patch", ConfigMaps, {
    namespace: "default",
    name: "operations",
    body: [{ op: "add", path: "/dada", value: 1, foo: 1 }],
    patchType: "application/json-patch+json",
    options: { fieldValidation: "Warn" },
  });
  assert.deepEqual(warnings, ['json patch unknown field "[0].foo"', 'unknown field "dada"']);
});

test("unknown fields of a patched object are a warning, an error or nothing", async () => {
  await create("strict");
  const send = (fieldValidation: "Ignore" | "Warn" | "Strict", patchType: PatchType) =>
    server.serve("patch", ConfigMaps, { ...at("strict"), body: { dada: 1 }, patchType, options: { fieldValidation } });
  for (const patchType of [merge, strategic] as const) {
    assert.deepEqual((await send("Warn", patchType)).warnings, ['unknown field "dada"']);
    assert.deepEqual((await send("Ignore", patchType)).warnings, []);
    await assert.rejects(send("Strict", patchType), {
      code: 422,
      message: /^ "" is invalid: patch: Invalid value: .*: strict decoding error: unknown field "dada"$/,
    });
  }
});

test("what stands twice in an applied configuration is a 400, a warning or nothing", async () => {
  const { value: body, duplicates: duplicateFields } = decodeYaml(
    "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: twice }\ndata:\n  foo: a\n  foo: b\n",
  );
  const send = (fieldValidation: "Ignore" | "Warn" | "Strict") =>
    server.serve("patch", ConfigMaps, {
      ...at("twice"),
      body,
      duplicateFields,
      patchType: applies,
      options: { fieldManager: "me", fieldValidation },
    });
  const why = 'error converting YAML to JSON: yaml: unmarshal errors:\n  line 6: key "foo" already set in map';
  await assert.rejects(send("Strict"), { code: 400, message: `error strict decoding YAML: ${why}` });
  assert.deepEqual((await send("Warn")).warnings, [why]);
  assert.deepEqual((await send("Ignore")).warnings, []);
});

test("nulls remove what stands in maps and vanish where nothing is", async () => {
  await create("nulls", { data: { a: "1", b: "2" } });
  const changed = await patch("nulls", { data: { a: null, c: null }, immutable: null }, merge);
  assert.deepEqual(changed.data, { b: "2" });
  assert.equal((await patch("nulls", { data: null }, strategic)).data, undefined);
});

test("ports of services merge by their number, those of pods by containerPort", async () => {
  const service = {
    metadata: { name: "ports" },
    spec: { clusterIP: "None", selector: { a: "b" }, ports: [{ port: 80, name: "web" }] },
  };
  await server.send("create", Services, { namespace: "default", body: service });
  const { spec } = await server.send("patch", Services, {
    ...at("ports"),
    body: {
      spec: {
        ports: [
          { port: 80, targetPort: 8080 },
          { port: 443, name: "tls" },
        ],
      },
    },
    patchType: strategic,
  });
  assert.deepEqual(
    spec.ports?.map(({ port, targetPort, name }) => [port, targetPort, name]),
    [
      [80, 8080, "web"],
      [443, 443, "tls"],
    ],
  );
  const pod = { metadata: { name: "image" }, spec: { containers: [{ name: "c", image: "c:1", args: ["x"] }] } };
  await server.send("create", Pods, { namespace: "default", body: pod });
  const patched = await server.send("patch", Pods, {
    ...at("image"),
    body: { spec: { containers: [{ name: "c", image: "c:2" }] } },
    patchType: strategic,
  });
  assert.deepEqual(patched.spec.containers[0]?.args, ["x"]);
  assert.equal(patched.spec.containers[0]?.image, "c:2");
});
