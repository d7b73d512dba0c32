import assert from "node:assert/strict";
import { test } from "node:test";
import { definitions, resolveBuiltIn } from "../schema/index.ts";
import { applyStrategicMergePatch } from "./strategic-merge.ts";

const schema = definitions["io.k8s.api.apps.v1.Deployment"]!;
const patched = (document: unknown, patch: unknown) =>
  applyStrategicMergePatch(document, patch, schema, resolveBuiltIn);
const pod = (spec: object) => ({ spec: { template: { spec } } });

const cases: readonly (readonly [name: string, document: object, patch: object, result: object])[] = [
  [
    "fields merge",
    { spec: { replicas: 1, paused: true } },
    { spec: { replicas: 2 } },
    { spec: { replicas: 2, paused: true } },
  ],
  [
    "null removes",
    { metadata: { labels: { a: "1", b: "2" } } },
    { metadata: { labels: { a: null } } },
    { metadata: { labels: { b: "2" } } },
  ],
  [
    "nulls that meet nothing are dropped",
    {},
    { metadata: { labels: { a: null, b: "1" } } },
    { metadata: { labels: { b: "1" } } },
  ],
  [
    "lists with a merge key merge by it",
    pod({ containers: [{ name: "a", image: "1", env: [{ name: "X", value: "1" }] }, { name: "b" }] }),
    pod({ containers: [{ name: "a", image: "2", env: [{ name: "Y", value: "2" }] }] }),
    pod({
      containers: [
        {
          name: "a",
          image: "2",
          env: [
            { name: "Y", value: "2" },
            { name: "X", value: "1" },
          ],
        },
        { name: "b" },
      ],
    }),
  ],
  [
    "new items come after, in the patch's order",
    pod({ containers: [{ name: "b" }] }),
    pod({ containers: [{ name: "a" }, { name: "b", image: "x" }] }),
    pod({ containers: [{ name: "a" }, { name: "b", image: "x" }] }),
  ],
  [
    "$patch: delete removes an item",
    pod({ containers: [{ name: "a" }, { name: "b" }] }),
    pod({ containers: [{ name: "a", $patch: "delete" }] }),
    pod({ containers: [{ name: "b" }] }),
  ],
  [
    "$patch: replace in a list replaces it",
    pod({ containers: [{ name: "a" }, { name: "b" }] }),
    pod({ containers: [{ name: "c" }, { $patch: "replace" }] }),
    pod({ containers: [{ name: "c" }] }),
  ],
  [
    "$patch: replace in an object replaces it",
    { metadata: { labels: { a: "1" } } },
    { metadata: { labels: { b: "2", $patch: "replace" } } },
    { metadata: { labels: { b: "2" } } },
  ],
  [
    "$patch: delete empties an object",
    { metadata: { labels: { a: "1" } } },
    { metadata: { labels: { $patch: "delete" } } },
    { metadata: { labels: {} } },
  ],
  [
    "$retainKeys removes what it does not name",
    { spec: { strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1 } } } },
    { spec: { strategy: { $retainKeys: ["type"], type: "Recreate" } } },
    { spec: { strategy: { type: "Recreate" } } },
  ],
  [
    "$retainKeys in the item of a list",
    pod({ volumes: [{ name: "v", emptyDir: {} }] }),
    pod({ volumes: [{ name: "v", $retainKeys: ["name", "configMap"], configMap: { name: "c" } }] }),
    pod({ volumes: [{ name: "v", configMap: { name: "c" } }] }),
  ],
  [
    "lists of scalars with a merge strategy are united",
    { metadata: { finalizers: ["a/x", "a/y"] } },
    { metadata: { finalizers: ["a/z", "a/x"] } },
    { metadata: { finalizers: ["a/z", "a/x", "a/y"] } },
  ],
  [
    "$deleteFromPrimitiveList removes scalars",
    { metadata: { finalizers: ["a/x", "a/y"] } },
    { metadata: { "$deleteFromPrimitiveList/finalizers": ["a/x"] } },
    { metadata: { finalizers: ["a/y"] } },
  ],
  [
    "$deleteFromPrimitiveList of a list that is missing does nothing",
    { metadata: {} },
    { metadata: { "$deleteFromPrimitiveList/finalizers": ["a/x"] } },
    { metadata: {} },
  ],
  [
    "$setElementOrder orders the list",
    pod({ containers: [{ name: "a" }, { name: "b" }, { name: "c" }] }),
    pod({ "$setElementOrder/containers": [{ name: "c" }, { name: "a" }, { name: "b" }] }),
    pod({ containers: [{ name: "c" }, { name: "a" }, { name: "b" }] }),
  ],
  [
    "$setElementOrder keeps what only the server knows near its place",
    pod({ containers: [{ name: "a" }, { name: "server" }, { name: "b" }] }),
    pod({
      "$setElementOrder/containers": [{ name: "a" }, { name: "b" }, { name: "c" }],
      containers: [{ name: "c", image: "x" }],
    }),
    pod({ containers: [{ name: "a" }, { name: "server" }, { name: "b" }, { name: "c", image: "x" }] }),
  ],
  [
    "$setElementOrder with a deletion",
    pod({ containers: [{ name: "a" }, { name: "b" }] }),
    pod({ "$setElementOrder/containers": [{ name: "b" }], containers: [{ name: "a", $patch: "delete" }] }),
    pod({ containers: [{ name: "b" }] }),
  ],
  [
    "ports merge by containerPort",
    pod({ containers: [{ name: "a", ports: [{ containerPort: 80, name: "http" }] }] }),
    pod({ containers: [{ name: "a", ports: [{ containerPort: 80, protocol: "TCP" }] }] }),
    pod({ containers: [{ name: "a", ports: [{ containerPort: 80, name: "http", protocol: "TCP" }] }] }),
  ],
  [
    "lists without a strategy are replaced",
    pod({ containers: [{ name: "a", args: ["x", "y"] }], tolerations: [{ key: "a" }] }),
    pod({ containers: [{ name: "a", args: ["z"] }], tolerations: [{ key: "b" }] }),
    pod({ containers: [{ name: "a", args: ["z"] }], tolerations: [{ key: "b" }] }),
  ],
  [
    "directives that meet nothing are dropped",
    {},
    pod({
      "$setElementOrder/containers": [{ name: "a" }],
      containers: [{ name: "a" }, { name: "b", $patch: "delete" }],
    }),
    pod({ containers: [{ name: "a" }] }),
  ],
  [
    "$patch: replace at the root",
    { a: 1 },
    { $patch: "replace", metadata: { name: "x" } },
    { metadata: { name: "x" } },
  ],
];

for (const [name, document, patch, result] of cases)
  test(`strategic merge: ${name}`, () => {
    const before = JSON.stringify([document, patch]);
    assert.deepEqual(patched(document, patch), result);
    assert.equal(JSON.stringify([document, patch]), before);
  });

test("malformed patches are refused", () => {
  const document = {
    metadata: {},
    spec: { strategy: { type: "Recreate" }, template: { spec: { containers: [{ name: "a" }] } } },
  };
  for (const [patch, code] of [
    [[], 400],
    [pod({ "$setElementOrder/containers": "a" }), 400],
    [pod({ "$setElementOrder/containers": [{ name: "b" }], containers: [{ name: "a" }] }), 400],
    [pod({ containers: [{ image: "no key" }] }), 422],
    [pod({ containers: [{ name: "a", $patch: "merge" }] }), 422],
    [{ metadata: { $patch: "what" } }, 422],
    [{ spec: { strategy: { $retainKeys: ["type"], rollingUpdate: {} } } }, 422],
    [{ spec: { strategy: { $retainKeys: "type" } } }, 400],
  ] as const)
    assert.throws(() => patched(document, patch), { code }, JSON.stringify(patch));
});

test("large lists merge in reasonable time", () => {
  const items = (image: string) => Array.from({ length: 20_000 }, (_, index) => ({ name: `c${index}`, image }));
  const result = patched(pod({ containers: items("1") }), pod({ containers: items("2") }));
  assert.deepEqual(result, pod({ containers: items("2") }));
});
