import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, type ConfigMap, ConfigMaps } from "../api/index.ts";
import { deleteSame } from "./deletion.ts";

const metadata = {
  namespace: "a",
  name: "b",
  uid: "1",
  resourceVersion: "1",
  creationTimestamp: "2026-01-01T00:00:00Z",
};
const object: ConfigMap = { apiVersion: "v1", kind: "ConfigMap", metadata };

test("an object is deleted by its uid; one that is gone, or whose name is another's, is left alone", async () => {
  const asked: unknown[] = [];
  await deleteSame({ delete: async (...words) => void asked.push(words) }, ConfigMaps, object);
  assert.deepEqual(asked, [[ConfigMaps, metadata, { body: { preconditions: { uid: "1" } } }]]);
  const failing = (code: number, why = "no") => ({ delete: () => Promise.reject(new ApiError(code, "", why)) });
  await deleteSame(failing(404), ConfigMaps, object);
  const another = "the UID in the precondition (1) does not match the UID in record (2).";
  await deleteSame(failing(409, another), ConfigMaps, object);
  await assert.rejects(deleteSame(failing(409), ConfigMaps, object), { code: 409 });
  await assert.rejects(deleteSame(failing(403), ConfigMaps, object), { code: 403 });
});
