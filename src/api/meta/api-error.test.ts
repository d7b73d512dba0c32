import assert from "node:assert/strict";
import { test } from "node:test";
import { invalid } from "./api-error.ts";
import { invalidValue, required, rootPath } from "./field-error.ts";

const kind = { group: "apps", kind: "Deployment" };
const at = rootPath.child("spec");

test("a 422 has a cause for each error, and says once what was found twice", () => {
  const { status } = invalid(kind, "web", [required(at), required(at), invalidValue(at.child("a"), 1, "too small")]);
  assert.equal(
    status.message,
    'Deployment.apps "web" is invalid: [spec: Required value, spec.a: Invalid value: 1: too small]',
  );
  assert.deepEqual(
    status.details?.causes?.map(({ field, message }) => `${field}: ${message}`),
    ["spec: Required value", "spec: Required value", "spec.a: Invalid value: 1: too small"],
  );
});

test("a 422 with errors beyond all measure says that there are more", () => {
  // A body has room for that: each item is wrong, and each error shows the list.
  const list = Array.from({ length: 20_000 }, (_, index) => `item-${index}`);
  const { status } = invalid(
    kind,
    "web",
    list.map((_, index) => invalidValue(at.index(index), list, "unknown")),
  );
  assert.ok(status.message.length < 4 * 1024 * 1024);
  assert.match(status.message, /, and more]$/);
});
