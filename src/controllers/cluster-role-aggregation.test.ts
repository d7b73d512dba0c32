import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import { ClusterRoles, type PolicyRule } from "../api/index.ts";

const rule = (resource: string): PolicyRule => ({ verbs: ["get"], apiGroups: ["example.com"], resources: [resource] });

test("a role gathers the rules of those that carry its label, and lets go of those that lose it", async (t) => {
  const { client, create, rest } = await startTestControlPlane(t, {
    controllers: ["clusterrole-aggregation-controller"],
  });
  const rulesOf = async (name: string) => (await client.get(ClusterRoles, { name })).rules;
  const labels = { "example.com/part": "yes" };
  await create(ClusterRoles, {
    metadata: { name: "whole" },
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: labels }] },
    rules: [rule("written-by-hand")],
  });
  await create(ClusterRoles, { metadata: { name: "b", labels }, rules: [rule("b"), rule("shared")] });
  await create(ClusterRoles, { metadata: { name: "a", labels }, rules: [rule("shared"), rule("a")] });
  await create(ClusterRoles, { metadata: { name: "c" }, rules: [rule("c")] });
  await rest();
  assert.deepEqual(await rulesOf("whole"), [rule("shared"), rule("a"), rule("b")]);
  await client.patch(ClusterRoles, { name: "a" }, { metadata: { labels: { "example.com/part": null } } });
  await rest();
  assert.deepEqual(await rulesOf("whole"), [rule("b"), rule("shared")]);
  await client.delete(ClusterRoles, { name: "b" });
  await rest();
  assert.deepEqual((await rulesOf("whole")) ?? [], []);
});

test("a role labelled for view reaches edit and admin, and the default roles start gathered", async (t) => {
  const { client, create, rest } = await startTestControlPlane(t, {
    controllers: ["clusterrole-aggregation-controller"],
  });
  const role = (name: string) => client.get(ClusterRoles, { name });
  const before = await Promise.all(["admin", "edit", "view"].map(role));
  await rest();
  const after = await Promise.all(["admin", "edit", "view"].map(role));
  assert.deepEqual(
    after.map(({ metadata }) => metadata.resourceVersion),
    before.map(({ metadata }) => metadata.resourceVersion),
  );
  const labels = { "rbac.authorization.k8s.io/aggregate-to-view": "true" };
  await create(ClusterRoles, { metadata: { name: "widgets", labels }, rules: [rule("widgets")] });
  await rest();
  for (const name of ["admin", "edit", "view"]) {
    const rules = (await role(name)).rules ?? [];
    assert.ok(
      rules.some(({ resources }) => resources?.includes("widgets")),
      name,
    );
  }
});

test("roles that gather each other's rules do not swap them for ever", async (t) => {
  const { client, create, rest, between, crash, reconciles } = await startTestControlPlane(t, {
    controllers: ["clusterrole-aggregation-controller"],
  });
  await rest();
  // Both are there when the controller looks for the first time.
  const opened = Promise.withResolvers<void>();
  between(async (_, send) => {
    await opened.promise;
    return await send();
  });
  crash();
  for (const [name, part, of, verb] of [
    ["a", "one", "two", "get"],
    ["b", "two", "one", "list"],
  ] as const)
    await create(ClusterRoles, {
      metadata: { name, labels: { part } },
      aggregationRule: { clusterRoleSelectors: [{ matchLabels: { part: of } }] },
      rules: [{ apiGroups: [""], resources: ["pods"], verbs: [verb] }],
    });
  opened.resolve();
  await rest(60_000);
  const before = reconciles().length;
  await rest(60_000);
  assert.deepEqual(reconciles().slice(before), []);
  const rulesOf = async (name: string) => (await client.get(ClusterRoles, { name })).rules;
  assert.deepEqual(await rulesOf("a"), await rulesOf("b"));
});
