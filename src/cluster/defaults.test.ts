import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import {
  APIServices,
  ClusterRoleBindings,
  ClusterRoles,
  FlowSchemas,
  type KubeObject,
  PriorityLevelConfigurations,
  type ResourceReference,
  RoleBindings,
  Roles,
} from "../api/index.ts";
import { apiServerUser } from "../server/index.ts";
import { defaultCreations } from "./system-objects.ts";

const kinds: readonly ResourceReference[] = [
  ...[ClusterRoles, ClusterRoleBindings, Roles, RoleBindings],
  ...[FlowSchemas, PriorityLevelConfigurations, APIServices],
];

test("what a first start writes at once is what creating it object by object makes", async (t) => {
  const { api, client } = await startTestControlPlane(t, { controllers: [] });
  const creations = defaultCreations(api);
  const names = new Set(creations.map(({ body }) => (body as KubeObject).metadata.name));
  const policy = async () => {
    const lists = await Promise.all(kinds.map((kind) => client.list(kind)));
    return lists.map(({ items }) => items.filter(({ metadata }) => names.has(metadata.name)));
  };
  const text = (object: KubeObject) => {
    const { uid: _, resourceVersion: __, ...metadata } = object.metadata;
    return JSON.stringify({ ...object, metadata });
  };
  const seeded = await policy();
  assert.equal(seeded.flat().length, creations.length);
  assert.equal(new Set(seeded.flat().map(({ metadata }) => metadata.uid)).size, seeded.flat().length);
  for (const [index, objects] of seeded.entries())
    for (const { metadata } of objects) {
      const { name, namespace } = metadata;
      await client.delete(kinds[index]!, namespace === undefined ? { name } : { name, namespace });
    }
  assert.deepEqual((await policy()).flat(), []);
  for (const each of creations) await api.handle(each, apiServerUser);
  assert.deepEqual(
    (await policy()).map((objects) => objects.map(text)),
    seeded.map((objects) => objects.map(text)),
  );
});

test("nothing is seeded over an object that is there", async (t) => {
  const { api, client } = await startTestControlPlane(t, { controllers: [] });
  const before = await client.get(ClusterRoles, { name: "cluster-admin" });
  assert.equal(await api.seed(defaultCreations(api), apiServerUser), false);
  assert.deepEqual(await client.get(ClusterRoles, { name: "cluster-admin" }), before);
});
