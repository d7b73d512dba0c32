import assert from "node:assert/strict";
import { test } from "node:test";
import { cells, errorsOnCreate, errorsOnUpdate } from "../definition-fixture.ts";
import { RuntimeClasses } from "./runtime-class.ts";

test("a runtime class is validated", () => {
  const toleration = { key: "a", operator: "Exists" };
  assert.deepEqual(errorsOnCreate(RuntimeClasses, { handler: "runsc", overhead: { podFixed: { cpu: "100m" } } }), []);
  const errors = errorsOnCreate(RuntimeClasses, {
    handler: "a.b",
    overhead: { podFixed: { cpu: "-1" } },
    scheduling: { nodeSelector: { a: "b" }, tolerations: [toleration, toleration] },
  });
  assert.deepEqual(errors, [
    'handler: Invalid value: "a.b": must not contain dots',
    'overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0',
    'scheduling.tolerations[1]: Duplicate value: {"Key":"a","Operator":"Exists","Value":"","Effect":"","TolerationSeconds":null}',
  ]);
});

test("a runtime class keeps its handler", () => {
  const errors = errorsOnUpdate(RuntimeClasses, { handler: "runsc" }, (draft) => {
    draft.handler = "runc";
  });
  assert.deepEqual(errors, ['handler: Invalid value: "runc": field is immutable']);
});

test("the row of a runtime class", () => {
  const metadata = { name: "safe", creationTimestamp: "2024-12-31T23:59:00Z" };
  assert.deepEqual(cells(RuntimeClasses, { metadata, handler: "runsc" }), {
    Name: "safe",
    Handler: "runsc",
    Age: "60s",
  });
});

test("a runtime class may be created by a PUT, and replaced only by its version", () => {
  assert.equal(RuntimeClasses.allowsCreateOnUpdate, true);
  assert.equal(RuntimeClasses.allowsUnconditionalUpdate, false);
});
