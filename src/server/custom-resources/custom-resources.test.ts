import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startTestControlPlane } from "../../../test/control-plane.ts";
import { refusal } from "../../../test/refusal.ts";
import {
  CustomResourceDefinitions,
  type CustomResourceDefinitionVersion,
  type JSONSchemaProps,
} from "../../api/index.ts";
import { seededRandom, silentLogger, VirtualClock } from "../../lib/index.ts";
import { MemoryStorage, startWatchCache, valueFromObject } from "../../storage/index.ts";
import { lookupIn } from "../lookup.ts";
import { ResourceRegistry } from "../registry.ts";
import { specOf, version, type Widget, widget, widgetDefinition, widgets } from "./definition-for-tests.ts";
import { serveCustomResources } from "./index.ts";

const key = { name: "widgets.example.com" };
const at = (name: string) => ({ namespace: "default", name });

async function scene(t: TestContext, ...versions: readonly CustomResourceDefinitionVersion[]) {
  const plane = await startTestControlPlane(t, { controllers: ["customresourcedefinition"] });
  await plane.create(CustomResourceDefinitions, widgetDefinition(versions.length > 0 ? versions : undefined));
  await plane.rest();
  const setVersions = async (...next: readonly CustomResourceDefinitionVersion[]) => {
    await plane.client.patch(CustomResourceDefinitions, key, { spec: widgetDefinition(next).spec });
    await plane.rest();
  };
  return { ...plane, setVersions };
}

test("what a custom resource may hold is told with fields and causes", async (t) => {
  const schema = specOf(
    { replicas: { type: "integer" }, kind: { type: "string", enum: ["a", "b"] } },
    { required: ["size"] },
  );
  const { client } = await scene(t, version("v1", { schema }));
  const { status } = await refusal(client.create(widgets(), widget("a", { replicas: "x", kind: "c" })));
  assert.equal(status.code, 422);
  assert.equal(
    status.message,
    'Widget.example.com "a" is invalid: [spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string", spec.kind: Unsupported value: "c": supported values: "a", "b", spec.size: Required value]',
  );
  assert.deepEqual(
    status.details?.causes?.map(({ reason, field }) => `${reason} ${field}`),
    ["FieldValueTypeInvalid spec.replicas", "FieldValueNotSupported spec.kind", "FieldValueRequired spec.size"],
  );
});

test("rules in CEL are asked, unless the object is too wrong for them", async (t) => {
  const rules = {
    "x-kubernetes-validations": [
      { rule: "self.size == oldSelf.size", message: "size is immutable" },
      { rule: "self.size > 0" },
    ],
  };
  const schema = specOf({ size: { type: "integer" } }, { required: ["size"], ...rules });
  const { client } = await scene(t, version("v1", { schema }));
  assert.equal(
    (await refusal(client.create(widgets(), widget("a", { size: 0 })))).message,
    'Widget.example.com "a" is invalid: spec: Invalid value: "object": failed rule: self.size > 0',
  );
  assert.match(
    (await refusal(client.create(widgets(), widget("a")))).message,
    /spec\.size: Required value, <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation\]$/,
  );
  await client.create(widgets(), widget("a", { size: 1 }));
  assert.equal(
    (await refusal(client.patch(widgets(), at("a"), { spec: { size: 2 } }))).message,
    'Widget.example.com "a" is invalid: spec: Invalid value: "object": size is immutable',
  );
});

test("an object that a stricter schema would refuse can still be changed elsewhere", async (t) => {
  const { client, setVersions } = await scene(
    t,
    version("v1", { schema: specOf({ size: { type: "integer" }, color: { type: "string" } }) }),
  );
  await client.create(widgets(), widget("a", { size: 50 }));
  await setVersions(
    version("v1", { schema: specOf({ size: { type: "integer", maximum: 10 }, color: { type: "string" } }) }),
  );
  const changed = await client.patch(widgets(), at("a"), { spec: { color: "red" } });
  assert.deepEqual(changed.spec, { size: 50, color: "red" });
  assert.equal((await refusal(client.patch(widgets(), at("a"), { spec: { size: 51 } }))).code, 422);
});

test("MUST fail to update a resource due to errors on unchanged uncorrelatable fields: items stay wrong only where keys tell them apart", async (t) => {
  const lists = (rules: object): Record<string, JSONSchemaProps> => ({
    plain: { type: "array", items: { type: "string", ...rules } },
    set: { type: "array", "x-kubernetes-list-type": "set", items: { type: "string", ...rules } },
    map: {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["name"],
      items: { type: "object", required: ["name"], properties: { name: { type: "string", ...rules } } },
    },
  });
  for (const rules of [{ enum: ["b"] }, { maxLength: 9, "x-kubernetes-validations": [{ rule: "self == 'b'" }] }]) {
    const { client, setVersions } = await scene(t, version("v1", { schema: specOf(lists({})) }));
    const before = { plain: ["a"], set: ["a"], map: [{ name: "a" }] };
    await client.create(widgets(), widget("a", before));
    await setVersions(version("v1", { schema: specOf(lists(rules)) }));
    const labelled = { metadata: { labels: { changed: "elsewhere" } } };
    assert.deepEqual((await client.patch(widgets(), at("a"), labelled)).spec, before);
    const after = { plain: ["a", "b"], set: ["a", "b"], map: [{ name: "a" }, { name: "b" }] };
    const { status } = await refusal(client.patch(widgets(), at("a"), { spec: after }));
    assert.deepEqual(
      status.details?.causes?.map(({ field }) => field),
      ["spec.plain[0]", "spec.set[0]"],
    );
  }
});

test("a list that is a map is as it was in any order, and may stay too long or break its rules", async (t) => {
  const parts = (rules: object, items: object = {}) =>
    specOf({
      parts: {
        type: "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        items: { type: "object", required: ["name"], properties: { name: { type: "string" } }, ...items },
        ...rules,
      },
    });
  const { client, setVersions } = await scene(t, version("v1", { schema: parts({}) }));
  const [a, b, c] = [{ name: "a" }, { name: "b" }, { name: "c" }];
  await client.create(widgets(), widget("a", { parts: [a, b, c] }));
  const write = (...list: readonly object[]) => client.patch(widgets(), at("a"), { spec: { parts: list } });
  const orders = [
    [c, a, b],
    [b, c, a],
  ] as const;
  for (const [index, rules] of [
    { maxItems: 2 },
    { maxItems: 9, "x-kubernetes-validations": [{ rule: "size(self) < 3" }] },
  ].entries()) {
    await setVersions(version("v1", { schema: parts(rules) }));
    assert.deepEqual((await write(...orders[index]!)).spec.parts, orders[index]);
    assert.equal((await refusal(write(a, b, c, { name: "d" }))).code, 422);
    assert.equal((await refusal(write(a, b, { name: "d" }))).code, 422);
  }
});

test("Server side field validation, unknown fields CR fails validation: they are refused, warned of or pruned, but where the schema keeps them", async (t) => {
  const open = { type: "object", "x-kubernetes-preserve-unknown-fields": true } as const;
  const { client } = await scene(t, version("v1", { schema: specOf({ size: { type: "integer" }, open }) }));
  const body = widget("a", { size: 1, unknown: 2, open: { any: [1] } });
  const error = await refusal(client.create(widgets(), body, { fieldValidation: "Strict" }));
  assert.equal(error.code, 400);
  assert.match(error.message, /strict decoding error: unknown field "spec\.unknown"$/);
  const made = await client.create(widgets(), body, { fieldValidation: "Ignore" });
  assert.deepEqual(made.spec, { size: 1, open: { any: [1] } });
});

test("Server side field validation, valid CR with validation schema: it is taken", async (t) => {
  const schema = specOf({ size: { type: "integer", maximum: 5 }, parts: { type: "array", items: { type: "string" } } });
  const { client } = await scene(t, version("v1", { schema }));
  const body = widget("a", { size: 5, parts: ["x", "y"] });
  assert.deepEqual((await client.create(widgets(), body, { fieldValidation: "Strict" })).spec, body.spec);
});

test("Server side field validation, unknown metadata: unknown fields of metadata are refused in the root and in embedded objects", async (t) => {
  const template = {
    type: "object",
    "x-kubernetes-embedded-resource": true,
    "x-kubernetes-preserve-unknown-fields": true,
  } as const;
  const { client } = await scene(t, version("v1", { schema: specOf({ template }) }));
  const embedded = { apiVersion: "v1", kind: "Pod", metadata: { name: "x", unknownSub: 1 }, spec: { any: true } };
  const body = widget("a", { template: embedded });
  const wrong = { ...body, metadata: { ...body.metadata, unknownMeta: "x" } };
  const error = await refusal(client.create(widgets(), wrong, { fieldValidation: "Strict" }));
  assert.match(error.message, /unknown field "spec\.template\.metadata\.unknownSub"/);
  assert.match(error.message, /unknown field "metadata\.unknownMeta"/);
  const made = await client.create(widgets(), wrong, { fieldValidation: "Warn" });
  assert.deepEqual(made.spec, { template: { ...embedded, metadata: { name: "x" } } });
});

test("Custom Resource Definition, defaulting: defaults are filled in on writes and on reads, and what was written stays", async (t) => {
  const properties = { a: { type: "string" }, b: { type: "string" } } as const;
  const { client, setVersions } = await scene(t, version("v1", { schema: specOf(properties) }));
  await client.create(widgets(), widget("old"));
  await setVersions(version("v1", { schema: specOf({ ...properties, a: { type: "string", default: "A" } }) }));
  assert.deepEqual((await client.get(widgets(), at("old"))).spec, { a: "A" });
  assert.deepEqual((await client.create(widgets(), widget("new"))).spec, { a: "A" });
  await setVersions(version("v1", { schema: specOf({ ...properties, b: { type: "string", default: "B" } }) }));
  assert.deepEqual((await client.get(widgets(), at("old"))).spec, { b: "B" });
  assert.deepEqual((await client.get(widgets(), at("new"))).spec, { a: "A", b: "B" });
  const { items } = await client.list(widgets());
  assert.deepEqual(
    items.map(({ spec }) => spec),
    [{ a: "A", b: "B" }, { b: "B" }],
  );
});

test("the status is written by itself, and the generation counts what else changes", async (t) => {
  const { client } = await scene(t, version("v1", { subresources: { status: {} } }));
  const made = await client.create(widgets(), { ...widget("a", { size: 1 }), status: { ready: true } });
  assert.equal(made.status, undefined);
  const reported = await client.update(
    widgets(),
    { ...made, spec: { size: 9 }, status: { ready: true } },
    { subresource: "status" },
  );
  assert.deepEqual([reported.spec, reported.status, reported.metadata.generation], [{ size: 1 }, { ready: true }, 1]);
  const labelled = await client.patch(widgets(), at("a"), {
    metadata: { labels: { x: "y" } },
    status: { ready: false },
  });
  assert.deepEqual([labelled.status, labelled.metadata.generation], [{ ready: true }, 1]);
  const changed = await client.patch(widgets(), at("a"), { spec: { size: 2 } });
  assert.equal(changed.metadata.generation, 2);
  assert.deepEqual((await client.get(widgets(), at("a"), { subresource: "status" })).status, { ready: true });
});

test("who applies a status owns nothing of the metadata and the spec, also where the schema knows neither", async (t) => {
  const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
  const { client } = await scene(t, version("v1", { schema, subresources: { status: {} } }));
  await client.create(widgets(), widget("a", { size: 1 }));
  const applied = { ...widget("a", { size: 9 }), status: { ready: true } };
  const { metadata } = await client.patch(
    widgets(),
    at("a"),
    { ...applied, metadata: { ...applied.metadata, labels: { x: "y" } } },
    { subresource: "status", fieldManager: "reporter", type: "application/apply-patch+yaml" },
  );
  const entry = metadata.managedFields?.find(({ manager }) => manager === "reporter");
  assert.deepEqual(entry?.fieldsV1, { "f:status": { ".": {}, "f:ready": {} } });
});

test("without the status subresource the status is a field like others", async (t) => {
  const { client } = await scene(t);
  const made = await client.create(widgets(), { ...widget("a"), status: { ready: true } });
  assert.deepEqual(made.status, { ready: true });
  const changed = await client.patch(widgets(), at("a"), { status: { ready: false } });
  assert.deepEqual([changed.status, changed.metadata.generation], [{ ready: false }, 2]);
  assert.equal((await refusal(client.patch(widgets(), at("a"), { status: {} }, { subresource: "status" }))).code, 404);
});

test("the scale subresource reads and writes the fields that its paths name", async (t) => {
  const scale = {
    specReplicasPath: ".spec.size",
    statusReplicasPath: ".status.size",
    labelSelectorPath: ".status.selector",
  };
  const { client } = await scene(t, version("v1", { subresources: { status: {}, scale } }));
  const made = await client.create(widgets(), widget("a", { size: 3 }));
  await client.update(widgets(), { ...made, status: { size: 2, selector: "a=b" } }, { subresource: "status" });
  const shown = await client.get(widgets(), at("a"), { subresource: "scale" });
  assert.deepEqual(
    [shown.kind, shown.spec, shown.status],
    ["Scale", { replicas: 3 }, { replicas: 2, selector: "a=b" }],
  );
  await client.patch(widgets(), at("a"), { spec: { replicas: 5 } }, { subresource: "scale" });
  const scaled = await client.get(widgets(), at("a"));
  assert.deepEqual([scaled.spec, scaled.metadata.generation], [{ size: 5 }, 2]);
  await client.create(widgets(), widget("none"));
  const error = await refusal(client.get(widgets(), at("none"), { subresource: "scale" }));
  assert.equal(error.message, 'Internal error occurred: the spec replicas field ".spec.size" does not exist');
  assert.match(
    (await refusal(client.create(widgets(), widget("b", { size: -1 })))).message,
    /should be a non-negative integer$/,
  );
});

test("what a scale's paths lead to must be of the types that a scale has", async (t) => {
  const scale = {
    specReplicasPath: ".spec.size",
    statusReplicasPath: ".status.seen.size",
    labelSelectorPath: ".spec.selector",
  };
  const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
  const { client } = await scene(t, version("v1", { schema, subresources: { scale } }));
  const { status } = await refusal(
    client.create(widgets(), {
      ...widget("a", { size: "three", selector: { app: "a" } }),
      status: { seen: [1] },
    }),
  );
  assert.deepEqual(
    status.details?.causes?.map(({ field, message }) => [field, message]),
    [
      [".spec.size", "Invalid value: 0: .spec.size accessor error: three is of the type string, expected int64"],
      [
        ".status.seen.size",
        "Invalid value: 0: .status.seen.size accessor error: [1] is of the type []interface {}, expected map[string]interface{}",
      ],
      [
        ".spec.selector",
        'Invalid value: "": .spec.selector accessor error: map[app:a] is of the type map[string]interface {}, expected string',
      ],
    ],
  );
});

test("field selectors take the fields that the version names", async (t) => {
  const schema = specOf({ color: { type: "string" }, size: { type: "integer" } });
  const { client } = await scene(
    t,
    version("v1", { schema, selectableFields: [{ jsonPath: ".spec.color" }, { jsonPath: ".spec.size" }] }),
  );
  await client.create(widgets(), widget("a", { color: "red", size: 1 }));
  await client.create(widgets(), widget("b", { color: "blue", size: 1 }));
  const names = async (fieldSelector: string) =>
    (await client.list(widgets(), { fieldSelector })).items.map(({ metadata }) => metadata.name);
  assert.deepEqual(await names("spec.color=red"), ["a"]);
  assert.deepEqual(await names("spec.size=1,spec.color!=red"), ["b"]);
  assert.equal((await refusal(client.list(widgets(), { fieldSelector: "spec.other=1" }))).code, 400);
});

test("a strategic merge patch is refused, the others work", async (t) => {
  const { client } = await scene(t);
  await client.create(widgets(), widget("a", { size: 1 }));
  const strategic = client.patch(
    widgets(),
    at("a"),
    { spec: { size: 2 } },
    { type: "application/strategic-merge-patch+json" },
  );
  assert.equal((await refusal(strategic)).code, 415);
  const json = [{ op: "replace", path: "/spec/size", value: 3 }];
  assert.deepEqual((await client.patch(widgets(), at("a"), json, { type: "application/json-patch+json" })).spec, {
    size: 3,
  });
  const applied = { apiVersion: "example.com/v1", kind: "Widget", metadata: at("a"), spec: { size: 4 } };
  const options = { type: "application/apply-patch+yaml", fieldManager: "me", force: true } as const;
  assert.deepEqual((await client.patch(widgets(), at("a"), applied, options)).spec, { size: 4 });
});

test("what a custom resource is cannot be changed, and an update names the version that it changes", async (t) => {
  const { client } = await scene(t);
  const made = await client.create(widgets(), widget("a", { size: 1 }));
  const { resourceVersion: _, ...metadata } = made.metadata;
  const error = await refusal(client.update(widgets(), { ...made, metadata }));
  assert.match(error.message, /metadata\.resourceVersion: Invalid value: 0x0: must be specified for an update$/);
  assert.equal((await refusal(client.update(widgets(), { ...made, kind: "Gadget" }))).code, 422);
  assert.equal((await refusal(client.update(widgets(), { ...made, apiVersion: "example.com/v2" }))).code, 400);
  // A body is read before it is known whether there is such an object.
  const missing = { ...widget("missing"), apiVersion: "example.com/v2" };
  assert.equal((await refusal(client.update(widgets(), missing))).code, 400);
});

test("versions without a webhook differ in their name and in what their schemas know", async (t) => {
  const small = specOf({ size: { type: "integer" } });
  const large = specOf({ size: { type: "integer" }, color: { type: "string" } });
  const { client } = await scene(t, version("v1", { schema: large }), version("v2", { schema: small }));
  await client.create(widgets("v1"), widget("a", { size: 1, color: "red" }));
  const shown = await client.get(widgets("v2"), at("a"));
  assert.deepEqual([shown.apiVersion, shown.spec], ["example.com/v2", { size: 1 }]);
  await client.create(widgets("v2"), widget("b", { size: 2 }, "v2"));
  const { items } = await client.list(widgets("v1"));
  assert.deepEqual(
    items.map(({ apiVersion, spec }) => [apiVersion, spec]),
    [
      ["example.com/v1", { size: 1, color: "red" }],
      ["example.com/v1", { size: 2 }],
    ],
  );
});

test("an update without a change stores the object in the new storage version", async (t) => {
  const { client, setVersions } = await scene(t, version("v1"), version("v2"));
  const made = await client.create(widgets(), widget("a", { size: 1 }));
  assert.equal((await client.update(widgets(), made)).metadata.resourceVersion, made.metadata.resourceVersion);
  await setVersions(version("v1"), version("v2", { storage: true }));
  const crd = await client.get(CustomResourceDefinitions, key);
  assert.deepEqual(crd.status.storedVersions, ["v1", "v2"]);
  const moved = await client.update(widgets("v2"), await client.get(widgets("v2"), at("a")));
  assert.notEqual(moved.metadata.resourceVersion, made.metadata.resourceVersion);
  assert.equal((await client.update(widgets("v2"), moved)).metadata.resourceVersion, moved.metadata.resourceVersion);
  // After the migration the old version may go.
  await client.patch(CustomResourceDefinitions, key, { status: { storedVersions: ["v2"] } }, { subresource: "status" });
  await setVersions(version("v2", { storage: true }));
  assert.deepEqual((await client.get(widgets("v2"), at("a"))).spec, { size: 1 });
  assert.equal((await refusal(client.get(widgets("v1"), at("a")))).code, 404);
});

test("Custom Resource Definition, watch: a watch observes create, modify and delete events", async (t) => {
  const { client, rest } = await scene(t);
  const stop = new AbortController();
  const seen: string[] = [];
  const watching = (async () => {
    for await (const { type, object } of client.watch(widgets(), { namespace: "default", signal: stop.signal }))
      seen.push(`${type} ${object.metadata.name} ${JSON.stringify((object as Widget).spec)}`);
  })();
  await rest();
  await client.create(widgets(), widget("a", { size: 1 }));
  await client.patch(widgets(), at("a"), { spec: { size: 2 } });
  await client.delete(widgets(), at("a"));
  await rest();
  stop.abort();
  await watching;
  assert.deepEqual(seen, ['ADDED a {"size":1}', 'MODIFIED a {"size":2}', 'DELETED a {"size":2}']);
});

test("a watch ends when its definition changes or goes", async (t) => {
  const { client, rest, setVersions } = await scene(t);
  const watched = async () => {
    for await (const _ of client.watch(widgets(), { signal: new AbortController().signal }));
    return "ended";
  };
  const first = watched();
  await rest();
  await setVersions(version("v1", { schema: specOf({ size: { type: "string" } }) }));
  assert.equal(await first, "ended");
  const second = watched();
  await rest();
  await client.delete(CustomResourceDefinitions, key);
  await rest(2_000);
  assert.equal(await second, "ended");
});

test("objects of a kind without namespaces are created, listed and deleted", async (t) => {
  const { client, create, rest } = await startTestControlPlane(t, { controllers: ["customresourcedefinition"] });
  await create(CustomResourceDefinitions, widgetDefinition(undefined, { scope: "Cluster" }));
  await rest();
  const everywhere = { ...widgets(), namespaced: false };
  const { namespace: _, ...metadata } = widget("a").metadata;
  await client.create(everywhere, { ...widget("a", { size: 1 }), metadata });
  assert.deepEqual((await client.get(everywhere, { name: "a" })).spec, { size: 1 });
  await client.delete(CustomResourceDefinitions, key);
  await rest(2_000);
  assert.equal((await refusal(client.list(everywhere))).code, 404);
});

test("kinds that are defined when the server starts are served from its start", async (t) => {
  const { client, create, rest } = await startTestControlPlane(t, { controllers: ["customresourcedefinition"] });
  await create(CustomResourceDefinitions, widgetDefinition());
  await rest();
  const crd = await client.get(CustomResourceDefinitions, key);
  const storage = new MemoryStorage();
  await storage.commit([
    {
      key: "/registry/apiextensions.k8s.io/customresourcedefinitions/widgets.example.com",
      expect: 0,
      value: valueFromObject(crd),
    },
  ]);
  const cache = await startWatchCache(storage, { clock: new VirtualClock(), log: silentLogger });
  const registry = new ResourceRegistry();
  const webhooks = { lookup: lookupIn(cache), call: () => Promise.reject(new Error("nobody is called")) };
  const served = serveCustomResources({ registry, cache, webhooks, random: seededRandom(1), log: silentLogger });
  assert.equal(registry.find("example.com", "v1", "widgets")?.kind, "Widget");
  await served.close();
  await cache.close();
  await storage.close();
});

test("who writes a finalizer without a path is warned, once", async (t) => {
  const { registry } = await scene(t);
  const definition = registry.find("example.com", "v1", "widgets");
  const metadata = { name: "a", uid: "u", resourceVersion: "1", creationTimestamp: "2026-01-01T00:00:00Z" };
  const plain = { metadata: { ...metadata, finalizers: ["widgets.example.com"] } };
  assert.deepEqual(definition?.warnings?.(plain, undefined), [
    'metadata.finalizers: "widgets.example.com": prefer a domain-qualified finalizer name including a path (/) to avoid accidental conflicts with other finalizer writers',
  ]);
  assert.deepEqual(definition?.warnings?.(plain, plain), []);
  const good = { metadata: { ...metadata, finalizers: ["example.com/hold", "foregroundDeletion"] } };
  assert.deepEqual(definition?.warnings?.(good, undefined), []);
});

test("a deprecated version says so with every request", async (t) => {
  const { registry } = await scene(
    t,
    version("v1", { deprecated: true }),
    version("v2", { deprecated: true, deprecationWarning: "use v3" }),
    version("v3"),
  );
  const warnings = ["v1", "v2", "v3"].map((each) => registry.find("example.com", each, "widgets")?.deprecationWarning);
  assert.deepEqual(warnings, ["example.com/v1 Widget is deprecated", "use v3", undefined]);
});
