import assert from "node:assert/strict";
import { test } from "node:test";
import { Deployments, HorizontalPodAutoscalers, Nodes, Pods } from "../api/index.ts";
import { objectKey, resourcePrefix } from "./keys.ts";

test("keys name the group, the resource, the namespace and the object", () => {
  assert.equal(objectKey(Deployments, "default", "web"), "/registry/apps/deployments/default/web");
  assert.equal(objectKey(Pods, "default", "web-1"), "/registry/core/pods/default/web-1");
  assert.equal(objectKey(Nodes, undefined, "node-1"), "/registry/core/nodes/node-1");
});

test("a definition that is kept in another's form has the keys of that one", () => {
  const keptAsPods = {
    ...HorizontalPodAutoscalers,
    stored: { ...HorizontalPodAutoscalers.stored, definition: () => Pods },
  };
  assert.equal(resourcePrefix(keptAsPods as never), "/registry/core/pods/");
});
