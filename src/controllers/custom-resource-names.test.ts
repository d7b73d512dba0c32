import assert from "node:assert/strict";
import { test } from "node:test";
import type { CustomResourceDefinition, CustomResourceDefinitionNames } from "../api/index.ts";
import { planNames } from "./custom-resource-names.ts";

type Names = CustomResourceDefinitionNames;

const names: Names = { plural: "as", singular: "a", kind: "A", listKind: "AList" };

function definition(
  name: string,
  wanted: Names,
  accepted?: Partial<Names>,
  group = "example.com",
): CustomResourceDefinition {
  return {
    metadata: { name, uid: name, resourceVersion: "1", creationTimestamp: "2026-01-01T00:00:00Z" },
    spec: { group, scope: "Namespaced", names: wanted, versions: [] },
    status: accepted ? { acceptedNames: { plural: "", kind: "", ...accepted } } : {},
  };
}

const taken: Names = { plural: "bs", singular: "b", kind: "B", listKind: "BList", shortNames: ["bb"] };
const other = definition("bs", taken, taken);

test("names that nobody else has are accepted", () => {
  const { accepted, condition } = planNames(definition("as", names), [other]);
  assert.deepEqual(accepted, names);
  assert.deepEqual(
    [condition.status, condition.reason, condition.message],
    ["True", "NoConflicts", "no conflicts found"],
  );
});

test("each name that another has is refused by its own reason, and the others are accepted", () => {
  const table: [Partial<Names>, string, string, Partial<Names>][] = [
    [{ plural: "bb" }, "PluralConflict", '"bb" is already in use', { plural: "" }],
    [{ singular: "b" }, "SingularConflict", '"b" is already in use', { singular: undefined }],
    [{ shortNames: ["bs"] }, "ShortNamesConflict", '"bs" is already in use', { shortNames: undefined }],
    [{ kind: "BList" }, "KindConflict", '"BList" is already in use', { kind: "" }],
    [{ listKind: "B" }, "ListKindConflict", '"B" is already in use', { listKind: undefined }],
  ] as [Partial<Names>, string, string, Partial<Names>][]; // undefined stands for what is not there
  for (const [wanted, reason, message, missing] of table) {
    const all = { ...names, ...wanted };
    const { accepted, condition } = planNames(definition("as", all), [other]);
    assert.deepEqual([condition.status, condition.reason, condition.message], ["False", reason, message]);
    const expected = Object.entries({ ...all, ...missing }).filter(([, value]) => value !== undefined);
    assert.deepEqual(accepted, Object.fromEntries(expected), reason);
  }
});

test("names of another group are free, and what was accepted stays", () => {
  const wanted = { ...names, kind: "B" };
  assert.equal(planNames(definition("as", wanted), [definition("bs", taken, taken, "example.org")]).accepted.kind, "B");
  const { accepted, condition } = planNames(definition("as", wanted, wanted), [other]);
  assert.deepEqual([accepted.kind, condition.status], ["B", "True"]);
  assert.equal(planNames(definition("as", wanted, names), [other]).accepted.kind, "A");
});

test("categories are nobody's own", () => {
  const wanted = { ...names, categories: ["all"] };
  const sharing = { ...taken, categories: ["all"] };
  assert.deepEqual(planNames(definition("as", wanted), [definition("bs", sharing, sharing)]).accepted, wanted);
});
