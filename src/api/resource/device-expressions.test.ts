import assert from "node:assert/strict";
import { test } from "node:test";
import { rootPath } from "../meta/field-error.ts";
import { compileDeviceExpression, validateDeviceExpression } from "./device-expressions.ts";

const domain = 'device.attributes["dra.example.com"]';
const capacity = 'device.capacity["dra.example.com"]';

/** The most that each can cost, as Kubernetes estimates it. */
const estimates: readonly (readonly [expression: string, cost: number])[] = [
  ["true", 0],
  ['device.attributes["no-such-domain"].noSuchAttr.isGreaterThan(quantity("0"))', 6],
  ['"no-such-domain" in device.attributes', 3],
  ['device.driver == ""', 2],
  ['device.driver == "dra.example.com"', 4],
  [`${domain}.name`, 4],
  [`${domain}["name"]`, 4],
  [`cel.bind(dra, ${domain}, dra.name)`, 15],
  [`${domain}.name > 0`, 5],
  [`${domain}.name == "fish"`, 5],
  [`${domain}.name.isGreaterThan(semver("0.0.1"))`, 6],
  [`${capacity}.name.isGreaterThan(quantity("1Ki"))`, 6],
  [`"name" in ${capacity} && ${capacity}.name.isGreaterThan(quantity("1Ki"))`, 10],
  [`!("name" in ${capacity}) || ${capacity}.name.isGreaterThan(quantity("1Ki"))`, 11],
  [`${domain}.a && ${domain}.b && ${domain}.c`, 12],
];

test("what a selector of devices can cost is Kubernetes' estimate", () => {
  for (const [expression, cost] of estimates)
    assert.equal(compileDeviceExpression(expression).maxCost, cost, expression);
});

test("wrong selectors of devices are refused with Kubernetes' words", () => {
  const errors = (expression: string) =>
    validateDeviceExpression(expression, rootPath.child("expression")).map(({ type, detail }) => `${type}: ${detail}`);
  assert.deepEqual(errors(`cel.bind(dra, ${domain}, dra.isFast && dra.cores > 4)`), []);
  assert.deepEqual(errors(`${domain}.isFast`), []);
  assert.deepEqual(errors("1"), ["FieldValueInvalid: must evaluate to bool or the unknown type, not int"]);
  assert.match(errors("?!")[0] ?? "", /^FieldValueInvalid: compilation failed: .*Syntax error/s);
  assert.match(errors("device.wings")[0] ?? "", /compilation failed: .*undefined field 'wings'/s);
  assert.match(errors("")[0] ?? "", /^FieldValueInvalid: compilation failed: /);
  assert.deepEqual(errors(`"${"x".repeat(10 * 1024)}" == ""`), ["FieldValueTooLong: may not be more than 10240 bytes"]);
  const ten = "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]";
  const costly = `${ten}.all(a, ${ten}.all(b, ${ten}.all(c, ${ten}.all(d, ${ten}.all(e, a + b + c + d + e > 0)))))`;
  assert.deepEqual(errors(costly), ["FieldValueForbidden: too complex, exceeds cost limit"]);
});
