import assert from "node:assert/strict";
import { test } from "node:test";
import { cpuMs } from "../../../test/cpu-time.ts";
import { ApiError } from "./api-error.ts";
import { rootPath } from "./field-error.ts";
import {
  formatLabelRequirements,
  formatLabelSelector,
  matchesLabelSelector,
  matchesLabels,
  parseLabelSelector,
  validateLabelSelector,
} from "./label-selector.ts";

test("text selectors are read and written back in order of their keys", () => {
  for (const [text, canonical] of [
    ["", ""],
    ["a", "a"],
    ["!a", "!a"],
    [" a = b ", "a=b"],
    ["a==b", "a==b"],
    ["a!=b", "a!=b"],
    ["a=", "a="],
    ["a=,b", "a=,b"],
    ["b,a", "a,b"],
    ["x in (foo,,baz),y,z notin ()", "x in (,baz,foo),y,z notin ()"],
    ["a in (in,notin)", "a in (in,notin)"],
    ["a>1,b<2", "a>1,b<2"],
    ["in in (in)", "in in (in)"],
  ] as const)
    assert.equal(formatLabelRequirements(parseLabelSelector(text)), canonical, text);
});

test("bad text selectors are refused with the words of Kubernetes' parser", () => {
  for (const [text, message] of [
    [",a", "found ',', expected: !, identifier, or 'end of string'"],
    ["a,", "found '', expected: identifier after ','"],
    ["a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ["!", "unable to parse requirement: found '', expected: identifier"],
    ["a=(", "unable to parse requirement: found '(', expected: identifier"],
    ["a=b c", "found 'c', expected: ',' or 'end of string'"],
    ["a in b", "unable to parse requirement: found 'b' expected: '('"],
    ["a in (b", "unable to parse requirement: found '', expected: ',' or ')'"],
    ["a in (b c)", "unable to parse requirement: found 'c', expected: ',' or ')'"],
    [
      "a>x",
      "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer",
    ],
  ] as const)
    assert.throws(() => parseLabelSelector(text), { message, code: 400 }, text);
  assert.throws(
    () => parseLabelSelector("a@=b"),
    /^ApiError: unable to parse requirement: <nil>: Invalid value: "a@": name part/,
  );
  assert.throws(
    () => parseLabelSelector("a=b@"),
    /unable to parse requirement: values\[0\]\[a\]: Invalid value: "b@": a valid label/,
  );
  assert.throws(() => parseLabelSelector("x,".repeat(2000)), ApiError);
});

test("requirements match as documented", () => {
  const labels = { app: "web", n: "5", constructor: "x" };
  for (const [text, expected] of [
    ["", true],
    ["app", true],
    ["!app", false],
    ["app=web", true],
    ["app!=web", false],
    ["missing!=web", true],
    ["missing=", false],
    ["app in (api,web)", true],
    ["missing notin (a)", true],
    ["app notin (web)", false],
    ["n>4,n<6", true],
    ["n>5", false],
    ["app>1", false],
    ["toString", false],
    ["constructor=x", true],
  ] as const)
    assert.equal(matchesLabels(parseLabelSelector(text), labels), expected, text);
  assert.equal(matchesLabels(parseLabelSelector("!a"), undefined), true);
});

test("an absent LabelSelector selects nothing, an empty one everything", () => {
  assert.equal(matchesLabelSelector(undefined, {}), false);
  assert.equal(matchesLabelSelector({}, undefined), true);
});

test("LabelSelectors match and have a text form", () => {
  const selector = {
    matchLabels: { tier: "front" },
    matchExpressions: [
      { key: "app", operator: "In", values: ["web", "api"] },
      { key: "canary", operator: "DoesNotExist" },
    ],
  };
  assert.equal(formatLabelSelector(selector), "app in (api,web),!canary,tier=front");
  assert.ok(matchesLabelSelector(selector, { app: "web", tier: "front" }));
  assert.ok(!matchesLabelSelector(selector, { app: "web", tier: "front", canary: "" }));
  assert.ok(!matchesLabelSelector(selector, { app: "web" }));
});

test("LabelSelectors are validated", () => {
  const errors = validateLabelSelector(rootPath.child("spec", "selector"), {
    matchLabels: { "a b": "c" },
    matchExpressions: [
      { key: "a", operator: "In" },
      { key: "a", operator: "Exists", values: ["b"] },
      { key: "a", operator: "Is" },
      { key: "a", operator: "In", values: ["b c"] },
    ],
  });
  assert.deepEqual(
    errors.map(({ field, type }) => [field, type]),
    [
      ["spec.selector.matchLabels", "FieldValueInvalid"],
      ["spec.selector.matchExpressions[0].values", "FieldValueRequired"],
      ["spec.selector.matchExpressions[1].values", "FieldValueForbidden"],
      ["spec.selector.matchExpressions[2].operator", "FieldValueInvalid"],
      ["spec.selector.matchExpressions[3].values[0]", "FieldValueInvalid"],
    ],
  );
});

test("a selector of nothing but odd white space is refused as soon as it is read", async () => {
  const text = "\f".repeat(150_000);
  assert.ok((await cpuMs(() => assert.throws(() => parseLabelSelector(text), { code: 400 }))) < 3_000);
});
