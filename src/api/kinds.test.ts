// What every built-in kind must bear: whatever can be decoded, however much of it is missing or wrong.
import assert from "node:assert/strict";
import { test } from "node:test";
import { deepCopy, deepFreeze, type Random, seededRandom } from "../lib/index.ts";
import { anyValue } from "./any-value-fixture.ts";
import { strategyContext } from "./definition-fixture.ts";
import { ApiError, type FieldError, fieldErrorBody } from "./meta/api-error.ts";
import { rootPath } from "./meta/field-error.ts";
import { apiVersionOf, type KubeObject, type ResourceDefinition } from "./resource.ts";
import { builtInResources } from "./resources.ts";
import { decodeObject } from "./schema/decode-object.ts";

const metadata = { name: "one", namespace: "default", uid: "uid-1", creationTimestamp: "2025-01-01T00:00:00Z" };
const objectsPerKind = 200;

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
    return completed(definition, anyValue(definition.schema, random) as object);
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
