import assert from "node:assert/strict";
import { test } from "node:test";
import { refusal } from "../../../test/refusal.ts";
import { ConfigMaps, LocalSubjectAccessReviews, Namespaces, Nodes } from "../../api/index.ts";
import { ObjectLookup } from "../lookup-of-objects.ts";
import { namespaceLifecycle } from "./namespace-lifecycle.ts";
import { admitted } from "./request-for-tests.ts";

const lookup = new ObjectLookup()
  .put(Namespaces, { metadata: { name: "green" }, status: { phase: "Active" } })
  .put(Namespaces, { metadata: { name: "going" }, status: { phase: "Terminating" } });
const plugin = namespaceLifecycle(lookup);

const statusOf = async (attempt: Promise<unknown>) => (await refusal(attempt)).status;

const configMap = (namespace: string) => ({ metadata: { name: "c", namespace } });

test("objects are only made in namespaces that are there", async () => {
  await admitted(plugin, ConfigMaps, { object: configMap("green") });
  const status = await statusOf(admitted(plugin, ConfigMaps, { object: configMap("none") }));
  assert.equal(status.code, 404);
  assert.equal(status.message, 'namespaces "none" not found');
});

test("nothing new is made in a namespace that is being deleted, but what is there can change and go", async () => {
  const status = await statusOf(admitted(plugin, ConfigMaps, { object: configMap("going") }));
  assert.equal(status.code, 403);
  assert.equal(
    status.message,
    'configmaps "c" is forbidden: unable to create new content in namespace going because it is being terminated',
  );
  assert.deepEqual(status.details?.causes, [
    { reason: "NamespaceTerminating", message: "namespace going is being terminated", field: "metadata.namespace" },
  ]);
  await admitted(plugin, ConfigMaps, { object: configMap("going"), old: configMap("going") });
  await admitted(plugin, ConfigMaps, { old: configMap("going"), operation: "DELETE" });
});

test("three namespaces are never deleted", async () => {
  for (const name of ["default", "kube-system", "kube-public"]) {
    const write = { old: { metadata: { name } }, operation: "DELETE" } as const;
    const status = await statusOf(admitted(plugin, Namespaces, write));
    assert.equal(status.message, `namespaces "${name}" is forbidden: this namespace may not be deleted`);
  }
  await admitted(plugin, Namespaces, { old: { metadata: { name: "kube-node-lease" } }, operation: "DELETE" });
});

test("a review does not tell whether its namespace exists, and what has none is not asked about", async () => {
  await admitted(plugin, LocalSubjectAccessReviews, { object: { metadata: { namespace: "none" }, spec: {} } });
  await admitted(plugin, Nodes, { object: { metadata: { name: "n1" }, spec: {} } });
});
