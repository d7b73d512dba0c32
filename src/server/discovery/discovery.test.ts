import assert from "node:assert/strict";
import { test } from "node:test";
import { builtInResources, type CustomResourceDefinition, customResources } from "../../api/index.ts";
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

test("what is computed can be listed and not watched, and is stored in no version", () => {
  const { resources = [] } = apiResourceList(new ResourceRegistry(builtInResources), "", "v1") ?? {};
  const of = (name: string) => resources.find((each) => each.name === name);
  assert.deepEqual(of("componentstatuses")?.verbs, ["get", "list"]);
  assert.equal(of("componentstatuses")?.storageVersionHash, undefined);
  assert.match(of("pods")?.storageVersionHash ?? "", /=$/);
});
