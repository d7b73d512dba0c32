import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { definitions } from "./facts.ts";
import { isAlwaysPresent, shortName, vanishesWhenZero } from "./go-types.ts";

test("every place in the tables exists", () => {
  const places = new Set<string>();
  for (const [name, schema] of Object.entries(definitions))
    for (const field of Object.keys(schema.properties ?? {})) places.add(`${shortName(name)}.${field}`);
  const source = readFileSync(new URL("go-types.ts", import.meta.url), "utf8");
  const named = [...source.matchAll(/"([a-z]+\.v\d\.\w+\.[\w-]+)"/g)].map((match) => match[1]!);
  assert.ok(named.length > 80);
  for (const place of named) assert.ok(places.has(place), place);
});

test("zero values vanish where Go has no pointer", () => {
  for (const [definition, field, type, vanishes] of [
    ["core.v1.PodSpec", "hostNetwork", "boolean", true],
    ["core.v1.PodSpec", "shareProcessNamespace", "boolean", false],
    ["core.v1.CSIVolumeSource", "readOnly", "boolean", false],
    ["core.v1.VolumeMount", "readOnly", "boolean", true],
    ["apps.v1.DeploymentSpec", "replicas", "integer", false],
    ["apps.v1.DeploymentStatus", "replicas", "integer", true],
    ["core.v1.PersistentVolumeClaimSpec", "storageClassName", "string", false],
    ["core.v1.PersistentVolumeSpec", "storageClassName", "string", true],
  ] as const)
    assert.equal(vanishesWhenZero(definition, field, type), vanishes, `${definition}.${field}`);
});

test("metadata, spec and status of a kind are always there", () => {
  assert.equal(isAlwaysPresent("core.v1.Pod", "status", { isKind: true, isRequired: false }), true);
  assert.equal(isAlwaysPresent("core.v1.PodCondition", "status", { isKind: false, isRequired: false }), false);
  assert.equal(isAlwaysPresent("apps.v1.DeploymentSpec", "selector", { isKind: false, isRequired: true }), false);
  assert.equal(isAlwaysPresent("apps.v1.DeploymentSpec", "template", { isKind: false, isRequired: true }), true);
});
