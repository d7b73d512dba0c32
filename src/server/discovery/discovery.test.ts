import assert from "node:assert/strict";
import { test } from "node:test";
import { type CustomResourceDefinition, customResources } from "../../api/index.ts";
import { widgetDefinition } from "../custom-resources/definition-for-tests.ts";
import { ResourceRegistry } from "../registry.ts";
import { apiResourceList } from "./discovery.ts";

test("of a kind whose definition is going nobody is told that it can be created or changed", () => {
  let terminates = false;
  const crd = { ...widgetDefinition(), status: {} } as unknown as CustomResourceDefinition; // what is read of it
  const definitions = customResources(crd, {
    isTerminating: () => terminates,
    convert: () => Promise.reject(new Error("there is one version")),
  });
  const registry = new ResourceRegistry(definitions);
  const verbs = () => apiResourceList(registry, "example.com", "v1")?.resources[0]?.verbs;
  assert.deepEqual(verbs(), ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]);
  terminates = true;
  assert.deepEqual(verbs(), ["delete", "deletecollection", "get", "list", "watch"]);
});
