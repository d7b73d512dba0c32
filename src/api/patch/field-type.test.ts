import assert from "node:assert/strict";
import { test } from "node:test";
import { definitions, type Schema } from "../schema/index.ts";
import { compareValues, fieldSetOf } from "./compare.ts";
import { formatPath, pathsIn } from "./field-set.ts";
import { objectType } from "./field-type.ts";
import { mergeTyped } from "./typed-merge.ts";
import { joinTypeErrors, typeErrors } from "./typed-validation.ts";

const item: Schema = { type: "object", properties: { id: { type: "integer" }, v: { type: "string" } } };
/** A structural schema with everything that says how values are owned. */
const widgets: Schema = {
  type: "object",
  properties: {
    spec: {
      type: "object",
      properties: {
        items: { type: "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"], items: item },
        routes: {
          type: "array",
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["port", "protocol"],
          items: {
            type: "object",
            properties: { port: { type: "integer" }, protocol: { type: "string", default: "TCP" } },
          },
        },
        tags: { type: "array", "x-kubernetes-list-type": "set", items: { type: "string" } },
        plain: { type: "array", items: item },
        whole: { type: "object", "x-kubernetes-map-type": "atomic", properties: { a: { type: "string" } } },
        labels: { type: "object", additionalProperties: { type: "string" } },
        open: { type: "object", "x-kubernetes-preserve-unknown-fields": true, properties: { known: item } },
        free: { type: "object" },
        size: { "x-kubernetes-int-or-string": true },
        template: {
          type: "object",
          "x-kubernetes-embedded-resource": true,
          "x-kubernetes-preserve-unknown-fields": true,
        },
        on: { type: "boolean" },
      },
    },
  },
};
const type = objectType(widgets);
const paths = (spec: object) =>
  pathsIn(fieldSetOf({ spec }, type)).map((path) => formatPath(path).slice(".spec".length));

test("a structural schema says how a custom resource divides into fields", () => {
  for (const [spec, owned] of [
    [{ items: [{ id: 1, v: "a" }] }, [".items[id=1]", ".items[id=1].id", ".items[id=1].v"]],
    [{ routes: [{ port: 80 }] }, ['.routes[port=80,protocol="TCP"]', '.routes[port=80,protocol="TCP"].port']],
    [{ tags: ["x", "y"] }, ['.tags[="x"]', '.tags[="y"]']],
    [{ plain: [{ id: 1 }] }, [".plain"]],
    [{ whole: { a: "b" } }, [".whole"]],
    [{ labels: { a: "b", c: "d" } }, [".labels.a", ".labels.c"]],
    // What the schema does not name is a key of a map, and each of its objects is owned by itself.
    [{ open: { any: { x: [1] }, known: { v: "a" } } }, [".open.any", ".open.any.x", ".open.known.v"]],
    [{ free: { a: { b: 1 } } }, [".free.a", ".free.a.b"]],
    [{ size: "10%" }, [".size"]],
    [
      { template: { metadata: { finalizers: ["x/a"] }, data: { k: 1 } } },
      [".template.data", ".template.data.k", '.template.metadata.finalizers[="x/a"]'],
    ],
    [{ labels: {}, free: null, tags: [] }, [".free", ".labels"]],
  ] as const)
    assert.deepEqual(paths(spec), owned, JSON.stringify(spec));
});

test("a configuration that does not fit its type is told all that is wrong", () => {
  const errors = (spec: object) => joinTypeErrors(typeErrors({ spec }, type));
  for (const [spec, message] of [
    [{ what: 1 }, ".spec.what: field not declared in schema"],
    [{ items: {} }, ".spec.items: expected list, got &{map[]}"],
    [{ labels: ["a"] }, ".spec.labels: expected map, got &{[a]}"],
    [{ labels: { a: 5 } }, ".spec.labels.a: expected string, got &value.valueUnstructured{Value:5}"],
    [{ on: "yes" }, ".spec.on: expected boolean, got &{yes}"],
    [{ plain: [{ id: "x" }] }, ".spec.plain[0].id: expected numeric (int or float), got *value.valueUnstructured"],
    [{ tags: ["a", "a"] }, '.spec.tags: duplicate entries for key [="a"]'],
    [{ tags: [{}] }, ".spec.tags: element 0: associative list without keys has an element that's a map type"],
    [{ tags: [null] }, ".spec.tags: element 0: associative list without keys has an element that's an explicit null"],
    [{ items: [1] }, ".spec.items: element 0: associative list with keys may not have non-map elements"],
    [
      { items: [{ id: 1 }, { id: 1 }], on: 1 },
      "errors:\n  .spec.items: duplicate entries for key [id=1]\n  .spec.on: expected boolean, got &{1}",
    ],
    [{ template: { metadata: { what: 1 }, x: 1 } }, ".spec.template.metadata.what: field not declared in schema"],
    [{ size: 5, open: { x: 1 }, free: { y: [] }, template: { z: 1 }, labels: null }, "errors:"],
  ] as const)
    assert.equal(errors(spec), message, JSON.stringify(spec));
});

test("a value that changes its type is modified, and what is below it comes or goes", () => {
  const differs = (old: object, next: object) => {
    const { added, modified, removed } = compareValues({ spec: old }, { spec: next }, type);
    return [added, modified, removed].map((set) => pathsIn(set).map(formatPath));
  };
  assert.deepEqual(differs({ open: { x: 1 } }, { open: { x: { y: 2 } } }), [[".spec.open.x.y"], [".spec.open.x"], []]);
  assert.deepEqual(differs({ size: 1 }, { size: "1" }), [[], [".spec.size"], []]);
  // The order of a list with identities is nobody's.
  assert.deepEqual(differs({ tags: ["a", "b"] }, { tags: ["b", "a"] }), [[], [], []]);
  assert.deepEqual(differs({ plain: [{ id: 1 }] }, { plain: [{ id: 2 }] }), [[], [".spec.plain"], []]);
});

test("items that stand twice are owned together", () => {
  const differs = (old: object, next: object) => {
    const { added, modified, removed } = compareValues({ spec: old }, { spec: next }, type);
    return [added, modified, removed].map((set) => pathsIn(set).map(formatPath));
  };
  const [one, two] = [
    { id: 1, v: "a" },
    { id: 1, v: "b" },
  ];
  assert.deepEqual(paths({ items: [one, two] }), [".items[id=1]"]);
  assert.deepEqual(differs({ items: [one, two] }, { items: [one, one] }), [[], [".spec.items[id=1]"], []]);
  assert.deepEqual(differs({ items: [one, two] }, { items: [one] }), [
    [".spec.items[id=1]", ".spec.items[id=1].id", ".spec.items[id=1].v"],
    [],
    [".spec.items[id=1]"],
  ]);
  const merged = mergeTyped({ spec: { items: [one, { id: 2 }, two] } }, { spec: { items: [{ id: 1, v: "c" }] } }, type);
  assert.deepEqual(merged, { spec: { items: [{ id: 1, v: "c" }, { id: 2 }] } });
});

test("what a configuration does not change stays the very same value", () => {
  const live = { spec: { items: [{ id: 1, v: "a" }, { id: 2 }], labels: { a: "b" }, plain: [{ id: 1 }] } };
  assert.equal(mergeTyped(live, { spec: { items: [{ id: 1 }], labels: { a: "b" }, plain: [{ id: 1 }] } }, type), live);
  const merged = mergeTyped(live, { spec: { items: [{ id: 2, v: "x" }] } }, type) as typeof live;
  assert.deepEqual(merged.spec.items, [
    { id: 1, v: "a" },
    { id: 2, v: "x" },
  ]);
  assert.equal(merged.spec.labels, live.spec.labels);
  // Nothing is wanted of a map or list by null; of a scalar, that it goes.
  assert.equal(mergeTyped(live, { spec: { items: null, labels: null } }, type), live);
  assert.deepEqual(mergeTyped({ spec: { on: true } }, { spec: { on: null } }, type), { spec: { on: null } });
});

test("quantities, times and int-or-strings may be numbers, keys of built-in ports have their default", () => {
  const pods = objectType(definitions["io.k8s.api.core.v1.Pod"]!);
  const container = { name: "a", resources: { limits: { cpu: 1 } }, ports: [{ containerPort: 80 }] };
  const probe = { httpGet: { port: "http" } };
  const pod = { spec: { containers: [{ ...container, livenessProbe: probe }] } };
  assert.deepEqual(typeErrors(pod, pods), []);
  assert.ok(
    pathsIn(fieldSetOf(pod, pods))
      .map(formatPath)
      .includes('.spec.containers[name="a"].ports[containerPort=80,protocol="TCP"]'),
  );
});

test("names that every object inherits are fields like others", () => {
  const labels = JSON.parse('{"__proto__":"a","constructor":"b"}');
  assert.deepEqual(paths({ labels }), [".labels.__proto__", ".labels.constructor"]);
  const { added } = compareValues({ spec: { labels: { a: "b" } } }, { spec: { labels } }, type);
  assert.deepEqual(pathsIn(added).map(formatPath), [".spec.labels.__proto__", ".spec.labels.constructor"]);
  const merged = mergeTyped({ spec: { labels: {} } }, { spec: { labels } }, type) as { spec: { labels: object } };
  assert.deepEqual(Object.keys(merged.spec.labels), ["__proto__", "constructor"]);
});
