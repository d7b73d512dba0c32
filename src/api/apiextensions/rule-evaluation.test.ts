import assert from "node:assert/strict";
import { test } from "node:test";
import { type FieldError, fieldErrorBody } from "../meta/api-error.ts";
import { rootPath } from "../meta/field-error.ts";
import type { JSONSchemaProps } from "../types.generated.ts";
import { validateExpressions } from "./expression-costs.ts";
import { ruleEvaluation } from "./rule-evaluation.ts";

const told = (errors: readonly FieldError[]) => errors.map((each) => `${each.field}: ${fieldErrorBody(each)}`);
const object = (properties: Record<string, JSONSchemaProps>, more: Partial<JSONSchemaProps> = {}): JSONSchemaProps => ({
  type: "object",
  properties,
  ...more,
});
const integer: JSONSchemaProps = { type: "integer" };
const text: JSONSchemaProps = { type: "string", maxLength: 10 };

function evaluate(schema: JSONSchemaProps, spec: unknown, old?: unknown): string[] {
  const evaluation = ruleEvaluation(object({ spec: schema }));
  assert.ok(evaluation, "the schema has rules");
  const whole = (value: unknown) => ({ apiVersion: "e.x/v1", kind: "E", metadata: { name: "a" }, spec: value });
  return told(evaluation(rootPath, whole(spec), old === undefined ? undefined : whole(old)));
}

const compileErrors = (schema: JSONSchemaProps) => told(validateExpressions(object({ spec: schema }), rootPath));

test("a rule that does not hold is an error at its place, in its own words or in those of the rule", () => {
  const schema = object(
    { min: integer, max: integer },
    {
      "x-kubernetes-validations": [
        { rule: "self.min <= self.max" },
        { rule: "self.min >= 0", message: " must be positive " },
        { rule: "self.max < 10", messageExpression: "'at most 9, not ' + string(self.max)", message: "unused" },
      ],
    },
  );
  assert.deepEqual(evaluate(schema, { min: 1, max: 2 }), []);
  assert.deepEqual(evaluate(schema, { min: -1, max: -2 }), [
    'spec: Invalid value: "object": failed rule: self.min <= self.max',
    'spec: Invalid value: "object": must be positive',
  ]);
  assert.deepEqual(evaluate(schema, { min: 1, max: 12 }), ['spec: Invalid value: "object": at most 9, not 12']);
});

test("reason and fieldPath say what is wrong and where", () => {
  const rules = [
    { rule: "self.a != 1", reason: "FieldValueForbidden", message: "no", fieldPath: ".a" },
    { rule: "self.a != 1", reason: "FieldValueRequired", message: "no", fieldPath: ".a" },
    { rule: "self.a != 1", reason: "FieldValueDuplicate", message: "no", fieldPath: ".m['k.l']" },
  ];
  const schema = object(
    { a: integer, m: { type: "object", additionalProperties: text } },
    { "x-kubernetes-validations": rules },
  );
  assert.deepEqual(evaluate(schema, { a: 1 }), [
    "spec.a: Forbidden: no",
    "spec.a: Required value: no",
    'spec.m[k.l]: Duplicate value: "object": no',
  ]);
});

test("transition rules see what was there, and are asked about updates alone", () => {
  const schema = object({
    name: { ...text, "x-kubernetes-validations": [{ rule: "self == oldSelf", message: "is immutable" }] },
    list: {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["k"],
      items: object({ k: text, v: integer }, { "x-kubernetes-validations": [{ rule: "self.v >= oldSelf.v" }] }),
    },
  });
  assert.deepEqual(evaluate(schema, { name: "a" }), []);
  assert.deepEqual(evaluate(schema, { name: "a" }, {}), []);
  assert.deepEqual(evaluate(schema, { name: "b" }, { name: "a" }), [
    'spec.name: Invalid value: "string": is immutable',
  ]);
  const before = { list: [{ k: "a", v: 2 }] };
  assert.deepEqual(
    evaluate(
      schema,
      {
        list: [
          { k: "b", v: 1 },
          { k: "a", v: 1 },
        ],
      },
      before,
    ),
    ['spec.list[1]: Invalid value: "object": failed rule: self.v >= oldSelf.v'],
  );
});

test("with optionalOldSelf a rule is asked about new values too", () => {
  const rule = { rule: "oldSelf.hasValue() || self == 'first'", optionalOldSelf: true, message: "starts as first" };
  const schema = object({ phase: { ...text, "x-kubernetes-validations": [rule] } });
  assert.deepEqual(evaluate(schema, { phase: "first" }), []);
  assert.deepEqual(evaluate(schema, { phase: "second" }), ['spec.phase: Invalid value: "string": starts as first']);
  assert.deepEqual(evaluate(schema, { phase: "second" }, { phase: "first" }), []);
});

test("what an update leaves as it was may go on breaking rules", () => {
  const schema = object({ a: { ...integer, "x-kubernetes-validations": [{ rule: "self > 0" }] }, b: integer });
  assert.deepEqual(evaluate(schema, { a: -1, b: 2 }, { a: -1 }), []);
  assert.deepEqual(evaluate(schema, { a: -2 }, { a: -1 }), ['spec.a: Invalid value: "integer": failed rule: self > 0']);
});

test("a rule that fails to run says why", () => {
  const schema = object({ a: integer }, { "x-kubernetes-validations": [{ rule: "10 / self.a == 1" }] });
  assert.deepEqual(evaluate(schema, { a: 0 }), [
    'spec: Invalid value: "object": division by zero evaluating rule: 10 / self.a == 1',
  ]);
  assert.deepEqual(evaluate(schema, {}), [
    'spec: Invalid value: "object": no such key: a evaluating rule: 10 / self.a == 1',
  ]);
});

test("rules that would run for ever are ended", () => {
  const list: JSONSchemaProps = { type: "array", items: integer };
  const rule = "self.l.all(a, self.l.all(b, self.l.all(c, a + b + c > 0)))";
  const schema = object({ l: list }, { "x-kubernetes-validations": [{ rule }, { rule: "self.l.size() == 0" }] });
  const [error, ...others] = evaluate(schema, { l: Array(500).fill(1) });
  assert.match(error ?? "", /no further validation rules will be run due to call cost exceeds limit for rule/);
  assert.deepEqual(others, []);
});

test("rules that do not compile, or give no truth, are refused with the definition", () => {
  const at = "properties[spec].x-kubernetes-validations[0]";
  const withRule = (rule: object) =>
    object({ a: integer }, { "x-kubernetes-validations": [{ rule: "true", ...rule }] });
  const [wrong = ""] = compileErrors(withRule({ rule: "self.b == 1" }));
  assert.ok(wrong.startsWith(`${at}.rule: Invalid value: {`), wrong);
  assert.match(wrong, /compilation failed: ERROR: <input>:1:5: undefined field 'b'/);
  assert.match(compileErrors(withRule({ rule: "self.a" }))[0] ?? "", /: cel expression must evaluate to a bool$/);
  const [message = ""] = compileErrors(withRule({ messageExpression: "self.a" }));
  assert.ok(message.startsWith(`${at}.messageExpression: Invalid value: {`), message);
  assert.match(message, /: messageExpression must evaluate to a string$/);
  assert.deepEqual(compileErrors(withRule({ optionalOldSelf: true })), [
    `${at}.optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule`,
  ]);
});

test("items that cannot be found again have no transition rules", () => {
  const items = { ...integer, "x-kubernetes-validations": [{ rule: "self == oldSelf" }] };
  assert.deepEqual(compileErrors(object({ l: { type: "array", maxItems: 5, items } })), [
    'properties[spec].properties[l].items.x-kubernetes-validations[0].rule: Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within properties[spec].properties[l]',
  ]);
});

test("rules may not cost more than a request can pay", () => {
  const rule = { rule: "self.all(x, x.contains('gpu'))" };
  const tags = (bounds: Partial<JSONSchemaProps>, maxLength?: number): JSONSchemaProps => ({
    type: "array",
    items: { type: "string", ...(maxLength === undefined ? {} : { maxLength }) },
    "x-kubernetes-validations": [rule],
    ...bounds,
  });
  const at = "properties[spec].properties[tags].x-kubernetes-validations[0].rule";
  const hint =
    "(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)";
  assert.deepEqual(compileErrors(object({ tags: tags({ maxItems: 94_339 }, 253) })), []);
  assert.deepEqual(compileErrors(object({ tags: tags({}) })), [
    `${at}: Forbidden: estimated rule cost exceeds budget by factor of more than 100x ${hint}`,
    `${at}: Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema`,
    `: Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of more than 100x ${hint}`,
  ]);
});
