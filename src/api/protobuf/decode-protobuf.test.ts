import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../lib/index.ts";
import { anyValue } from "../any-value-fixture.ts";
import { ApiError } from "../meta/index.ts";
import { apiVersionOf } from "../resource.ts";
import { builtInResources } from "../resources.ts";
import { decodeObject } from "../schema/decode-object.ts";
import { decodeProtobuf, encodeProtobuf } from "./index.ts";

const encoder = new TextEncoder();

/** One field of wire type 2. */
function field(id: number, content: string | Uint8Array): Uint8Array {
  const bytes = typeof content === "string" ? encoder.encode(content) : content;
  return join(Uint8Array.of(...varint((id << 3) | 2), ...varint(bytes.length)), bytes);
}

function integer(id: number, value: number): Uint8Array {
  return Uint8Array.of(...varint(id << 3), ...varint(value));
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) | 0x80);
  }
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((each) => [...each]));
}

function body(apiVersion: string, kind: string, message: Uint8Array): Uint8Array {
  const typeMeta = field(1, join(field(1, apiVersion), field(2, kind)));
  return join(encoder.encode("k8s\0"), typeMeta, field(2, message));
}

test("strings, maps, bytes and times become what they are in JSON", () => {
  const time = field(8, integer(1, 1_767_225_600));
  const metadata = field(1, join(field(1, "demo"), field(3, "default"), time));
  const data = field(2, join(field(1, "k"), field(2, "v")));
  const binary = field(3, join(field(1, "b"), field(2, Uint8Array.of(0, 255))));
  assert.deepEqual(decodeProtobuf(body("v1", "ConfigMap", join(metadata, data, binary))), {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "demo", namespace: "default", creationTimestamp: "2026-01-01T00:00:00Z" },
    data: { k: "v" },
    binaryData: { b: "AP8=" },
  });
});

test("what Go embeds stands in the object itself, and a number or string is one", () => {
  const httpGet = field(2, join(field(1, "/healthz"), field(2, join(integer(1, 1), field(3, "http")))));
  const probe = join(field(1, httpGet), integer(2, 5));
  const container = join(field(1, "web"), field(10, probe));
  const pod = field(2, field(2, container));
  assert.deepEqual(decodeProtobuf(body("v1", "Pod", pod)), {
    apiVersion: "v1",
    kind: "Pod",
    spec: {
      containers: [
        { name: "web", livenessProbe: { httpGet: { path: "/healthz", port: "http" }, initialDelaySeconds: 5 } },
      ],
    },
  });
});

test("options of a delete are read in every group version", () => {
  assert.deepEqual(decodeProtobuf(body("apps/v1", "DeleteOptions", field(4, "Foreground"))), {
    apiVersion: "apps/v1",
    kind: "DeleteOptions",
    propagationPolicy: "Foreground",
  });
});

test("a list of numbers is read in one piece or one by one", () => {
  const groups = join(integer(4, 1), field(4, Uint8Array.of(...varint(300), 2)));
  const pod = field(2, field(14, groups));
  assert.deepEqual(decodeProtobuf(body("v1", "Pod", pod)), {
    apiVersion: "v1",
    kind: "Pod",
    spec: { securityContext: { supplementalGroups: [1, 300, 2] } },
  });
});

test("an entry of a map that says no value has that of its type", () => {
  const quota = (entry: Uint8Array) => decodeProtobuf(body("v1", "ResourceQuota", field(2, entry)));
  const hard = (values: object) => ({ apiVersion: "v1", kind: "ResourceQuota", spec: { hard: values } });
  assert.deepEqual(quota(field(1, field(1, "pods"))), hard({ pods: "0" }));
  assert.throws(() => quota(integer(1, 0)), { code: 400, message: /wrong wireType = 0/ });
});

test("a field that the API does not have is passed over", () => {
  // A number that no field of a pod's spec has: the name in it is not the pod's.
  const pod = field(2, join(field(90, field(1, "workload")), field(10, "node-1")));
  assert.deepEqual(decodeProtobuf(body("v1", "Pod", pod)), {
    apiVersion: "v1",
    kind: "Pod",
    spec: { nodeName: "node-1" },
  });
});

const broken: readonly [string, Uint8Array, string][] = [
  [
    "no prefix",
    encoder.encode("{}"),
    "the object provided is unrecognized (must be of type ConfigMap): provided data does not appear to be a protobuf message, expected prefix [107 56 115 0] ({})",
  ],
  [
    "an envelope that breaks off",
    encoder.encode("k8s\0\x0a\x7f"),
    "the object provided is unrecognized (must be of type ConfigMap): unexpected EOF (6b3873000a7f)",
  ],
  [
    "an unknown kind",
    body("v1", "Nothing", new Uint8Array()),
    'Nothing in version "v1" cannot be handled as a ConfigMap: no kind "Nothing" is registered for version "v1" in scheme "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"',
  ],
  [
    "a custom resource",
    body("example.com/v1", "Widget", new Uint8Array()),
    'Widget in version "v1" cannot be handled as a ConfigMap: object *unstructured.Unstructured does not implement the protobuf marshalling interface and cannot be encoded to a protobuf message',
  ],
  ["a length beyond the end", body("v1", "ConfigMap", Uint8Array.of(0x0a, 0x7f)), inConfigMap("unexpected EOF")],
  ["a number that never ends", body("v1", "ConfigMap", new Uint8Array(20).fill(0xff)), inConfigMap("integer overflow")],
  ["a number where a message should be", body("v1", "ConfigMap", integer(1, 1)), inConfigMap("wrong wireType = 0")],
];

function inConfigMap(why: string): string {
  return `ConfigMap in version "v1" cannot be handled as a ConfigMap: ${why}`;
}

for (const [name, bytes, message] of broken)
  test(`${name} is a 400`, () => {
    assert.throws(() => decodeProtobuf(bytes, "ConfigMap"), { code: 400, message });
  });

test("JSON in a message has the bounds of JSON elsewhere", () => {
  const deep = "[".repeat(100_000) + "]".repeat(100_000);
  const revision = body("apps/v1", "ControllerRevision", field(2, field(1, deep)));
  assert.throws(() => decodeProtobuf(revision), {
    code: 400,
    message: /embedded JSON cannot be read: exceeded max depth/,
  });
});

test("a number that JSON does not know is refused", () => {
  const infinity = join(Uint8Array.of((9 << 3) | 1), new Uint8Array(Float64Array.of(Infinity).buffer));
  const version = field(7, join(field(1, "v1"), field(4, field(1, infinity))));
  const definition = body("apiextensions.k8s.io/v1", "CustomResourceDefinition", field(2, version));
  assert.throws(() => decodeProtobuf(definition), { code: 400, message: /unsupported value: Infinity/ });
});

test("whatever is done to a body's bytes, it is read or refused", () => {
  const random = seededRandom(7);
  const below = (limit: number) => Math.floor(random.next() * limit);
  let refused = 0;
  for (let count = 0; count < 4_000; count++) {
    const definition = builtInResources[below(builtInResources.length)]!;
    const kind = { apiVersion: apiVersionOf(definition), kind: definition.kind };
    const bytes = encodeProtobuf({ ...(anyValue(definition.schema, random, 6) as object), ...kind })!;
    for (let changes = below(4); changes >= 0; changes--) {
      const at = below(bytes.length);
      if (random.next() < 0.5) bytes[at] = below(256);
      else bytes.copyWithin(at, below(bytes.length));
    }
    try {
      decodeObject(definition, decodeProtobuf(bytes, definition.kind), "Ignore");
    } catch (error) {
      assert.ok(error instanceof ApiError && error.code === 400, String(error));
      refused++;
    }
  }
  assert.ok(refused > 1_000 && refused < 4_000);
});
