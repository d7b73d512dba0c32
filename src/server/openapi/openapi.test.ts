import assert from "node:assert/strict";
import { test } from "node:test";
import { defineResource, type ResourceDefinition, type Schema } from "../../api/index.ts";
import { openApiV2 } from "./openapi-v2.ts";
import { openApiV3, openApiV3Index } from "./openapi-v3.ts";

const pods = defineResource({ group: "", version: "v1", kind: "Pod", plural: "pods" });
const nodes = defineResource({ group: "", version: "v1", kind: "Node", plural: "nodes" });
const deployments = defineResource({ group: "apps", version: "v1", kind: "Deployment", plural: "deployments" });
const crds = defineResource({
  group: "apiextensions.k8s.io",
  version: "v1",
  kind: "CustomResourceDefinition",
  plural: "customresourcedefinitions",
});

function widgets(spec: Schema): ResourceDefinition {
  return {
    ...pods,
    group: "example.com",
    kind: "Widget",
    plural: "widgets",
    listKind: "WidgetList",
    schemaName: "com.example.v1.Widget",
    schema: { type: "object", properties: { spec } },
    subresources: [],
  };
}
const size: Schema = {
  type: "object",
  properties: { size: { "x-kubernetes-int-or-string": true, nullable: true, anyOf: [{}] } },
};
const kinds = [pods, nodes, deployments, crds, widgets(size)];

/** The value at a path of keys; undefined where there is none. */
function at(value: unknown, ...keys: readonly (string | number)[]): unknown {
  return keys.reduce<unknown>((inner, key) => (inner as Record<string | number, unknown> | undefined)?.[key], value);
}

test("watches stand at their old paths too, but for those of custom resources", () => {
  const { paths } = openApiV2(kinds);
  const watches = (plural: string) =>
    Object.entries(paths)
      .filter(([path]) => path.includes("/watch/") && path.includes(plural))
      .map(([path, { get }]) => [path, get?.operationId, get?.["x-kubernetes-action"]]);
  assert.deepEqual(watches("pods"), [
    ["/api/v1/watch/namespaces/{namespace}/pods", "watchCoreV1NamespacedPodList", "watchlist"],
    ["/api/v1/watch/namespaces/{namespace}/pods/{name}", "watchCoreV1NamespacedPod", "watch"],
    ["/api/v1/watch/pods", "watchCoreV1PodListForAllNamespaces", "watchlist"],
  ]);
  assert.deepEqual(watches("widgets"), []);
});

test("the descriptions of lists and of what selects from them hold the words that kubectl's tests look for", () => {
  const text = JSON.stringify(openApiV2(kinds));
  for (const words of ["list of returned", "List of pods", "Watch for changes to the described resources"])
    assert.ok(text.includes(words), words);
});

test("every reference of every document is resolved in it", () => {
  const documents = [openApiV2(kinds), ...kinds.map((kind) => openApiV3(kind.group, kind.version, kinds))];
  for (const document of documents) {
    let seen = 0;
    const walk = (value: unknown): void => {
      if (typeof value !== "object" || value === null) return;
      for (const [key, each] of Object.entries(value)) {
        if (key === "$ref" && typeof each === "string") {
          seen++;
          assert.ok(at(document, ...each.slice(2).split("/")), each);
        } else walk(each);
      }
    };
    walk(document);
    assert.ok(seen > 20);
  }
});

test("should round trip OpenAPI V3 for all built-in group versions: nothing stands there that clients leave out when they write it", () => {
  const empty: string[] = [];
  const walk = (value: unknown, ...keys: readonly string[]): void => {
    if (typeof value !== "object" || value === null) return;
    const entries = Object.entries(value);
    // A default says what a value is, and a schema without words allows all.
    const isMeant = keys.at(-1) === "default" || keys.at(-2) === "schemas";
    if (entries.length === 0 && !isMeant) empty.push(keys.join(" "));
    for (const [key, each] of entries) walk(each, ...keys, key);
  };
  for (const { group, version } of kinds.slice(0, 4)) walk(openApiV3(group, version, kinds));
  assert.deepEqual(empty, []);
});

test("a path says which kind it is and which parameters a write takes", () => {
  const pod = "/api/v1/namespaces/{namespace}/pods";
  const v2 = openApiV2(kinds);
  const v3 = openApiV3("", "v1", kinds);
  for (const document of [v2, v3]) {
    const patch = at(document, "paths", `${pod}/{name}`, "patch");
    assert.equal(at(patch, "x-kubernetes-action"), "patch");
    assert.equal(at(patch, "operationId"), "patchCoreV1NamespacedPod");
    assert.deepEqual(at(patch, "x-kubernetes-group-version-kind"), { group: "", version: "v1", kind: "Pod" });
    const names = (at(patch, "parameters") as { name: string; in: string }[])
      .filter((each) => each.in === "query")
      .map((each) => each.name);
    assert.deepEqual(names, ["dryRun", "fieldManager", "fieldValidation", "force"]);
    assert.equal(at(document, "paths", pod, "post", "x-kubernetes-action"), "post");
    assert.equal(at(document, "paths", pod, "get", "x-kubernetes-action"), "list");
    assert.equal(at(document, "paths", "/api/v1/pods", "get", "operationId"), "listCoreV1PodForAllNamespaces");
    assert.equal(at(document, "paths", "/api/v1/nodes/{name}/status", "put", "x-kubernetes-action"), "put");
    assert.equal(
      at(document, "paths", `${pod}/{name}/eviction`, "post", "x-kubernetes-group-version-kind", "kind"),
      "Eviction",
    );
  }
  assert.ok(
    at(v3, "paths", `${pod}/{name}`, "patch", "requestBody", "content", "application/strategic-merge-patch+json"),
  );
});

test("schemas carry what kubectl explains and merges by", () => {
  const schemas = at(openApiV3("apps", "v1", kinds), "components", "schemas");
  const deployment = at(schemas, "io.k8s.api.apps.v1.Deployment");
  assert.match(String(at(deployment, "description")), /Keeps a number of equal pods/);
  assert.deepEqual(at(deployment, "x-kubernetes-group-version-kind"), [
    { group: "apps", version: "v1", kind: "Deployment" },
  ]);
  assert.deepEqual(at(deployment, "properties", "spec"), {
    description: "What is wanted.",
    allOf: [{ $ref: "#/components/schemas/io.k8s.api.apps.v1.DeploymentSpec" }],
    default: {},
  });
  const containers = at(schemas, "io.k8s.api.core.v1.PodSpec", "properties", "containers");
  assert.equal(at(containers, "x-kubernetes-patch-merge-key"), "name");
  assert.deepEqual(at(containers, "items", "allOf", 0), { $ref: "#/components/schemas/io.k8s.api.core.v1.Container" });
  assert.deepEqual(at(schemas, "io.k8s.apimachinery.pkg.api.resource.Quantity", "oneOf"), [
    { type: "string" },
    { type: "number" },
  ]);
});

test("custom resources are described by their own schema", () => {
  const v3 = at(openApiV3("example.com", "v1", kinds), "components", "schemas", "com.example.v1.Widget");
  assert.deepEqual(at(v3, "properties", "spec"), size);
  assert.deepEqual(at(v3, "properties", "metadata", "allOf"), [
    { $ref: "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" },
  ]);
  const patch = at(
    openApiV3("example.com", "v1", kinds),
    "paths",
    "/apis/example.com/v1/namespaces/{namespace}/widgets/{name}",
    "patch",
  );
  assert.equal(at(patch, "requestBody", "content", "application/strategic-merge-patch+json"), undefined);
  const v2 = at(openApiV2(kinds), "definitions", "com.example.v1.Widget", "properties", "spec", "properties", "size");
  assert.deepEqual(v2, { "x-kubernetes-int-or-string": true });
});

test("what clients of version 2 would refuse is left open there", () => {
  const open = { type: "object", "x-kubernetes-preserve-unknown-fields": true, properties: { a: { type: "string" } } };
  const schema: Schema = {
    type: "object",
    required: ["maybe", "sure"],
    properties: {
      maybe: { type: "string", nullable: true },
      sure: { type: "string", oneOf: [{}] },
      open,
      list: { type: "array", "x-kubernetes-preserve-unknown-fields": true, items: { type: "string" } },
      pod: { type: "object", "x-kubernetes-embedded-resource": true, properties: { spec: { type: "object" } } },
    },
  };
  const describedAs = (document: object) => at(document, "definitions", "com.example.v1.Widget");
  const v2 = at(describedAs(openApiV2([widgets(schema)])), "properties", "spec");
  assert.deepEqual(at(v2, "required"), ["sure"]);
  const properties = at(v2, "properties") as Record<string, unknown>; // of a schema
  assert.deepEqual(properties.maybe, {});
  assert.deepEqual(properties.sure, { type: "string" });
  assert.deepEqual(properties.open, { "x-kubernetes-preserve-unknown-fields": true });
  assert.deepEqual(properties.list, { "x-kubernetes-preserve-unknown-fields": true });
  assert.deepEqual(at(properties, "pod", "required"), ["kind", "apiVersion"]);
  assert.deepEqual(Object.keys(at(properties, "pod", "properties") as object), [
    "spec",
    "apiVersion",
    "kind",
    "metadata",
  ]);
  assert.deepEqual(describedAs(openApiV2([{ ...widgets({}), schema: open }])), {
    type: "object",
    "x-kubernetes-group-version-kind": [{ group: "example.com", version: "v1", kind: "Widget" }],
  });
  const v3 = at(openApiV3("example.com", "v1", [widgets(schema)]), "components", "schemas", "com.example.v1.Widget");
  assert.deepEqual(at(v3, "properties", "spec", "properties", "maybe"), { type: "string", nullable: true });
});

test("the index names each group version with a hash that changes with its document only", () => {
  const index = openApiV3Index(kinds);
  assert.deepEqual(Object.keys(at(index, "paths") as object), [
    "api/v1",
    "apis/apiextensions.k8s.io/v1",
    "apis/apps/v1",
    "apis/example.com/v1",
  ]);
  const url = (document: object, path: string) => String(at(document, "paths", path, "serverRelativeURL"));
  assert.match(url(index, "apis/apps/v1"), /^\/openapi\/v3\/apis\/apps\/v1\?hash=[0-9A-F]{16}$/);
  const other = openApiV3Index([pods, nodes, deployments, crds, widgets({ type: "object" })]);
  assert.equal(url(other, "apis/apps/v1"), url(index, "apis/apps/v1"));
  assert.notEqual(url(other, "apis/example.com/v1"), url(index, "apis/example.com/v1"));
  assert.equal(openApiV3("none", "v1", kinds), undefined);
});
