import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../resource.ts";
import { exactFieldValue, matchesFields, parseFieldSelector } from "./field-selector.ts";

interface Named extends KubeObject {
  readonly spec: { readonly nodeName?: string };
}
const kind = { selectableFields: { "spec.nodeName": (object: Named) => object.spec.nodeName ?? "" } };
// The parser needs the names of the fields only.
const names = { selectableFields: { "spec.nodeName": () => "" } };
const object = {
  metadata: { name: "a", namespace: "b", uid: "", resourceVersion: "", creationTimestamp: "" },
  spec: { nodeName: "n=1" },
};

test("field selectors match metadata and the kind's own fields", () => {
  for (const [text, expected] of [
    ["", true],
    ["metadata.name=a", true],
    ["metadata.name==a,metadata.namespace=b", true],
    ["metadata.name!=a", false],
    ["spec.nodeName=n\\=1", true],
    ["spec.nodeName=", false],
    ["spec.nodeName!=", true],
    [",metadata.name=a,", true],
  ] as const)
    assert.equal(matchesFields(parseFieldSelector(text, names), object, kind), expected, text);
});

test("unknown fields and bad texts are refused with the words of Kubernetes", () => {
  for (const [text, message] of [
    ["spec.foo=1", "field label not supported: spec.foo"],
    ["constructor=1", "field label not supported: constructor"],
    ["a", "invalid selector: 'a'; can't understand 'a'"],
    ["metadata.name=a=b", "invalid field selector: unescaped character in value: 61"],
    ["metadata.name=a\\b", "invalid field selector: invalid escape sequence: \\b"],
    ["metadata.name=a\\", "invalid field selector: invalid escape sequence: \\"],
  ] as const)
    assert.throws(() => parseFieldSelector(text, names), { message, code: 400 }, text);
  assert.throws(() => parseFieldSelector("spec.foo=1", { selectableFields: {} }), {
    message: '"spec.foo" is not a known field selector: only "metadata.name", "metadata.namespace"',
  });
});

test("values of field selectors are escaped, and a field that is pinned is found", () => {
  const requirements = parseFieldSelector("metadata.name!=a\\,b\\=c\\\\d,spec.nodeName=x", names);
  assert.equal(requirements[0]?.value, "a,b=c\\d");
  assert.equal(exactFieldValue(requirements, "spec.nodeName"), "x");
  assert.equal(exactFieldValue(requirements, "metadata.name"), undefined);
});
