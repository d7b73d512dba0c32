import assert from "node:assert/strict";
import { test } from "node:test";
import { aggregatedResources } from "./discovered-resources.ts";
import { readResourceList } from "./resource-list.ts";

const groupVersion = "shop.example.com/v1";
const widgets = { name: "widgets", singularName: "widget", namespaced: true, kind: "Widget", verbs: ["get"] };
const listOf = (...resources: readonly unknown[]) => ({ kind: "APIResourceList", groupVersion, resources });

test("what a server says that it serves is told of its own group version alone, without what clients do not know", () => {
  const claim = { ...listOf({ ...widgets, shortNames: null, evil: 1 }), groupVersion: "v1", more: {} };
  const told = { kind: "APIResourceList", apiVersion: "v1", groupVersion, resources: [widgets] };
  assert.deepEqual(readResourceList(claim, groupVersion), told);
  const bare = { name: "widgets", kind: "Widget" };
  assert.deepEqual(readResourceList(listOf(bare), groupVersion)?.resources, [
    { name: "widgets", kind: "Widget", namespaced: false, singularName: "", verbs: [] },
  ]);
});

test("one field of another type makes a whole document none, for clients would refuse all that is told with it", () => {
  const wrong = [
    { name: 1 },
    { name: "" },
    { kind: null },
    { namespaced: "yes" },
    { singularName: 5 },
    { verbs: [1] },
    { verbs: "get" },
    { shortNames: "wd" },
    { categories: { length: 1 } },
    { group: 7 },
    { version: [] },
  ];
  for (const field of wrong)
    assert.equal(readResourceList(listOf(widgets, { ...widgets, ...field }), groupVersion), undefined);
  for (const content of [undefined, null, "", [], {}, { groupVersion, resources: {} }, listOf(null)])
    assert.equal(readResourceList(content, groupVersion), undefined);
});

test("more than a thousand kinds are not believed, and metrics without number are", () => {
  const named = (name: string) => ({ ...widgets, name });
  const kinds = Array.from({ length: 1001 }, (_, at) => named(`w${at}`));
  const metrics = Array.from({ length: 5000 }, (_, at) => named(`pods/metric-${at}`));
  assert.equal(readResourceList(listOf(...kinds), groupVersion), undefined);
  assert.equal(readResourceList(listOf(...kinds.slice(1), ...metrics), groupVersion)?.resources.length, 6000);
});

test("subresources of what is served elsewhere are told below a resource that can do nothing itself", () => {
  const metric = { name: "pods/requests", singularName: "", namespaced: true, kind: "MetricValueList", verbs: ["get"] };
  const responseKind = { group: "shop.example.com", version: "v1", kind: "MetricValueList" };
  assert.deepEqual(aggregatedResources({ groupVersion, resources: [metric] }), [
    {
      resource: "pods",
      responseKind: { group: "", version: "", kind: "" },
      scope: "Namespaced",
      singularResource: "",
      verbs: [],
      subresources: [{ subresource: "requests", responseKind, verbs: ["get"] }],
    },
  ]);
});
