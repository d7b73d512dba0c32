import assert from "node:assert/strict";
import { test } from "node:test";
import { type Fields, readProtobuf, scalarNames } from "../../../test/protobuf-reader.ts";
import { seededRandom } from "../../lib/index.ts";
import { anyValue } from "../any-value-fixture.ts";
import { ApiError } from "../meta/index.ts";
import { apiVersionOf } from "../resource.ts";
import { builtInResources } from "../resources.ts";
import { decodeObject } from "../schema/decode-object.ts";
import { definitionOfKind, definitions } from "../schema/facts.ts";
import type { GroupVersionKind } from "../schema/schema.ts";
import { decodeProtobuf, encodeProtobuf } from "./index.ts";
import { fieldsOf, type MessageField } from "./message-fields.ts";
import { specialMessages } from "./special-messages.ts";

const objectsPerKind = 60;

/** The kinds of resources and of the bodies of their subresources. */
const kinds = new Map<string, GroupVersionKind>();
for (const definition of builtInResources)
  for (const each of [definition, ...definition.subresources]) {
    const { group, version, kind } = each;
    if (!kind.endsWith("Options")) kinds.set(`${apiVersionOf(each)} ${kind}`, { group, version, kind });
  }

/** Lists with nothing in them are lists that are not there, in protobuf as in Go; so is null. */
function withoutEmptyLists(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmptyLists);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(
    ([, each]) => each !== null && (!Array.isArray(each) || each.length > 0),
  );
  return Object.fromEntries(entries.map(([key, each]) => [key, withoutEmptyLists(each)]));
}

/** The fields of a message in JSON, with those that stand inline. */
function jsonFields(message: string): readonly MessageField[] {
  return fieldsOf(message).flatMap((field) => (field.form === "inline" ? jsonFields(field.type) : [field]));
}

/** The value without what its message has no field for. */
function published(message: string, value: unknown): unknown {
  if (specialMessages.has(message) || scalarNames[message] || typeof value !== "object" || value === null) return value;
  const fields = jsonFields(message).flatMap(({ name, form, type }) => {
    const each = (value as Fields)[name];
    if (each === undefined) return [];
    if (Array.isArray(each)) return [[name, each.map((item) => published(type, item))]];
    if (form !== "map") return [[name, published(type, each)]];
    const entries = Object.entries(each as Fields).map(([key, item]) => [key, published(type, item)]);
    return [[name, Object.fromEntries(entries)]];
  });
  return Object.fromEntries(fields);
}

test("every field of a schema has its number, but those that are younger than the messages", () => {
  const missing: string[] = [];
  for (const [name, { properties }] of Object.entries(definitions)) {
    if (!properties || specialMessages.has(name)) continue;
    const known = new Set(["apiVersion", "kind", ...jsonFields(name).map((field) => field.name)]);
    for (const property of Object.keys(properties))
      if (!known.has(property)) missing.push(`${name.slice(name.indexOf(".v1.") + 4)}.${property}`);
  }
  assert.deepEqual(missing, [
    "ImageVolumeStatus.imageRef",
    "NodeAllocatableResourceClaimStatus.containers",
    "NodeAllocatableResourceClaimStatus.resourceClaimName",
    "NodeAllocatableResourceClaimStatus.resources",
    "PodSchedulingGroup.podGroupName",
    "PodSpec.schedulingGroup",
    "PodStatus.nodeAllocatableResourceClaimStatuses",
    "ResourceHealth.message",
    "VolumeMountStatus.volumeStatus",
    "VolumeStatus.image",
    "Device.nodeAllocatableResourceMappings",
    "DeviceAttribute.bools",
    "DeviceAttribute.ints",
    "DeviceAttribute.strings",
    "DeviceAttribute.versions",
    "NodeAllocatableResourceMapping.allocationMultiplier",
    "NodeAllocatableResourceMapping.capacityKey",
    "CSIDriverSpec.preventPodSchedulingIfMissing",
    "ListMeta.shardInfo",
    "ShardInfo.selector",
  ]);
});

for (const [index, [name, kind]] of [...kinds].entries())
  test(`any ${name} is the same after protobuf as before, and another decoder reads the same`, () => {
    const random = seededRandom(index);
    const found = definitionOfKind(kind.group, kind.version, kind.kind);
    assert.ok(found);
    const decodable = { ...kind, schema: found.schema, schemaName: found.name };
    let encoded = 0;
    for (let count = 0; count < objectsPerKind; count++) {
      const value = published(found.name, anyValue(found.schema, random)) as object;
      const object = objectOf(() => decodeObject(decodable, { ...value, ...identity(kind) }, "Ignore").object);
      if (!object) continue;
      const body = encodeProtobuf(object);
      assert.ok(body);
      const { object: again } = decodeObject(decodable, decodeProtobuf(body), "Ignore");
      assert.deepEqual(withoutEmptyLists(again), withoutEmptyLists(object));
      assert.deepEqual(withoutEmptyLists(readProtobuf(body)), withoutEmptyLists(object));
      encoded++;
    }
    assert.ok(encoded > 0);
  });

function identity(kind: GroupVersionKind): { apiVersion: string; kind: string } {
  return { apiVersion: apiVersionOf(kind), kind: kind.kind };
}

/** Undefined for what clients are refused. */
function objectOf<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof ApiError) return undefined;
    throw error;
  }
}

function roundTrip(object: { apiVersion: string; kind: string }): unknown {
  const body = encodeProtobuf(object);
  assert.ok(body);
  assert.deepEqual(readProtobuf(body), object);
  return decodeProtobuf(body);
}

test("text of every length and alphabet arrives as it was", () => {
  const lengths = [0, 1, 63, 64, 65, 126, 127, 128, 129, 16_383, 16_384, 70_000];
  const data: Record<string, string> = {};
  for (const length of lengths)
    for (const letter of ["a", "ü", "語", "😀", "\ufeff"]) data[`${letter}${length}`] = letter.repeat(length);
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "texts" }, data };
  assert.deepEqual(roundTrip(object), object);
});

test("integers are whole numbers of 64 bits with a sign", () => {
  for (const seconds of [
    0,
    1,
    127,
    128,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32,
    2 ** 53 - 1,
    -1,
    -128,
    -(2 ** 31),
    -(2n ** 53n),
    2n ** 53n + 1n,
    2n ** 63n - 1n,
    -(2n ** 63n),
  ]) {
    const object = { apiVersion: "v1", kind: "Pod", spec: { containers: [], activeDeadlineSeconds: seconds } };
    const body = encodeProtobuf(object);
    assert.ok(body);
    assert.deepEqual(decodeProtobuf(body), { ...object, spec: { activeDeadlineSeconds: seconds } });
  }
});

test("zero values that are there are there afterwards", () => {
  const object = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    spec: {
      replicas: 0,
      paused: false,
      template: { spec: { terminationGracePeriodSeconds: 0, volumes: [{ emptyDir: {} }] } },
    },
  };
  assert.deepEqual(roundTrip(object), object);
});

test("names that JavaScript has a meaning for are names like others", () => {
  const labels = JSON.parse('{"__proto__":"a","constructor":"b","toString":"c"}');
  const object = { apiVersion: "v1", kind: "ConfigMap", data: labels };
  const body = encodeProtobuf(object);
  assert.ok(body);
  assert.equal(JSON.stringify(decodeProtobuf(body)), JSON.stringify(object));
});

test("a moment before 1970 and the first of 1970 are moments, and none is none", () => {
  for (const at of ["1970-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "0001-01-02T00:00:00Z"]) {
    const object = { apiVersion: "v1", kind: "Pod", metadata: { creationTimestamp: at } };
    assert.deepEqual(roundTrip(object), object);
  }
  const body = encodeProtobuf({
    apiVersion: "v1",
    kind: "Pod",
    ...{ metadata: { name: "a", creationTimestamp: null } },
  });
  assert.ok(body);
  assert.deepEqual(decodeProtobuf(body), { apiVersion: "v1", kind: "Pod", metadata: { name: "a" } });
});

test("a kind without a message is not encoded", () => {
  assert.equal(encodeProtobuf({ apiVersion: "example.com/v1", kind: "Widget" }), undefined);
  assert.equal(encodeProtobuf({ apiVersion: "meta.k8s.io/v1", kind: "Table" }), undefined);
});
