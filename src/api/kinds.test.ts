// What every built-in kind must bear: whatever can be decoded, however much of it is missing or wrong.
import assert from "node:assert/strict";
import { test } from "node:test";
import { deepCopy, deepFreeze, type Random, seededRandom } from "../lib/index.ts";
import { strategyContext } from "./definition-fixture.ts";
import { ApiError, type FieldError, fieldErrorBody } from "./meta/api-error.ts";
import { rootPath } from "./meta/field-error.ts";
import { apiVersionOf, type KubeObject, type ResourceDefinition } from "./resource.ts";
import { builtInResources } from "./resources.ts";
import { decodeObject } from "./schema/decode-object.ts";
import { resolveBuiltIn } from "./schema/facts.ts";
import type { Schema } from "./schema/schema.ts";

const metadata = { name: "one", namespace: "default", uid: "uid-1", creationTimestamp: "2025-01-01T00:00:00Z" };
const objectsPerKind = 200;
const depthMax = 10;
const fieldChance = 0.55;

/** Words that mean something somewhere, and some that mean nothing anywhere. */
const words =
  "|a|A_b|a/b.c|x y|*|/x|10.0.0.1|10.0.0.0/8|fd00::1|In|Exists|Always|Never|TCP|Local|Cluster|None|0-3,5|Indexed|" +
  "ClusterIP|LoadBalancer|RollingUpdate|Resource|Pods|Container|Pod|Namespaced|kubernetes.io/tls|True";
const values = {
  quantity: ["1", "-1", "0", "100m", "1Gi", "1e3", "0.00001"],
  "int-or-string": [0, 1, -1, "50%", "200%", "a", ""],
  "date-time": ["2024-01-01T00:00:00Z", "2025-01-01T00:00:00.000000Z"],
  byte: ["", "AA==", btoa("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n")],
  string: words.split("|"),
  integer: [0, 1, -1, 3, 70_000, 2 ** 31 - 1],
  number: [0, 1.5, -1],
  boolean: [true, false],
};
const mapKeys = ["a", "A/b", "cpu", "memory", "hugepages-2Mi"];

function valueKind(schema: Schema, reference: string): keyof typeof values | undefined {
  if (reference.endsWith(".Quantity")) return "quantity";
  const known = [schema.format, schema.type].find((each) => each !== undefined && each in values);
  return known as keyof typeof values | undefined;
}

/** Anything that the schema describes; undefined where it goes too deep. */
function anyValue(written: Schema, random: Random, depth: number): unknown {
  const schema = written.$ref ? resolveBuiltIn(written.$ref) : written;
  const kind = valueKind(schema, written.$ref ?? "");
  if (kind) return values[kind][Math.floor(random.next() * values[kind].length)];
  if (depth === 0) return undefined;
  const { items, properties, additionalProperties } = schema;
  if (items)
    return Array.from({ length: Math.floor(random.next() * 3) }, () => anyValue(items, random, depth - 1)).filter(
      (item) => item !== undefined,
    );
  const fields: [string, Schema][] = properties
    ? Object.entries(properties)
    : typeof additionalProperties === "object"
      ? mapKeys.map((key) => [key, additionalProperties])
      : [];
  const chosen = fields.filter(() => random.next() < fieldChance);
  const entries = chosen.map(([name, each]) => [name, anyValue(each, random, depth - 1)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

function completed(definition: ResourceDefinition, fields: object): KubeObject {
  const body = { ...fields, apiVersion: apiVersionOf(definition), kind: definition.kind, metadata };
  const { object } = decodeObject(definition, body, "Ignore");
  definition.defaults?.(object);
  definition.prepareForCreate?.(object, strategyContext);
  return deepFreeze(object as KubeObject);
}

/** What was generated, as it would come to be written; undefined when it cannot be decoded. */
function anyObject(definition: ResourceDefinition, random: Random): KubeObject | undefined {
  try {
    return completed(definition, anyValue(definition.schema, random, depthMax) as object);
  } catch (error) {
    // Times without microseconds and the like: the client is told, and nothing more happens.
    if (error instanceof ApiError) return undefined;
    throw error;
  }
}

/** Puts all that the definition can do to use; answers what is wrong with the object by itself. */
function bear(definition: ResourceDefinition, object: KubeObject, old: KubeObject): readonly FieldError[] {
  const errors = [
    ...(definition.validate?.(object, rootPath) ?? []),
    ...(definition.validateCreate?.(object, rootPath) ?? []),
  ];
  definition.warnings?.(object, undefined);
  const next = deepCopy(object);
  definition.prepareForUpdate?.(next, old, strategyContext);
  definition.prepareForStatusUpdate?.(next, old, strategyContext);
  const changes = [
    ...(definition.validateUpdate?.(next as KubeObject, old, rootPath) ?? []),
    ...(definition.validateStatusUpdate?.(next as KubeObject, old, rootPath) ?? []),
  ];
  for (const error of [...errors, ...changes]) fieldErrorBody(error);
  for (const { of } of definition.columns) of(object, strategyContext.nowMs);
  for (const [name, field] of Object.entries(definition.selectableFields))
    assert.equal(typeof field(object), "string", name);
  definition.defaultGraceSeconds?.(object);
  definition.scale?.specReplicas(object);
  definition.scale?.statusReplicas(object);
  if (definition.stored) definition.stored.fromStored(definition.stored.toStored(object));
  return errors;
}

function assertDefaultsAreThere(definition: ResourceDefinition, object: KubeObject): void {
  const again = deepCopy(object);
  definition.defaults?.(again);
  assert.deepEqual(again, object);
}

for (const [index, definition] of builtInResources.entries()) {
  const name = `${definition.plural}.${definition.version}.${definition.group}`;

  test(`${name} bears an object with nothing in it`, () => {
    const object = completed(definition, {});
    bear(definition, object, object);
    assertDefaultsAreThere(definition, object);
  });

  test(`${name} bears any object`, () => {
    const random = seededRandom(index);
    let old = completed(definition, {});
    for (let count = 0; count < objectsPerKind; count++) {
      const object = anyObject(definition, random);
      if (!object) continue;
      if (bear(definition, object, old).length === 0) assertDefaultsAreThere(definition, object);
      old = object;
    }
  });
}
