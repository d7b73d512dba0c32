import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import { ConfigMaps, CustomResourceDefinitions, defineCustomResource, type ObjectMeta } from "../api/index.ts";
import { seededRandom, silentLogger } from "../lib/index.ts";
import { defineController, runControllers } from "./index.ts";

interface Website {
  readonly metadata: ObjectMeta;
  readonly spec: { readonly page: string };
  readonly status?: { readonly published?: boolean };
}

const Websites = defineCustomResource<Website>({
  group: "example.com",
  version: "v1",
  kind: "Website",
  plural: "websites",
  namespaced: true,
});

const controller = defineController({
  name: "website",
  watches: { for: Websites, owns: [ConfigMaps] },
  async reconcile({ client, cache }, key) {
    const site = cache.get(Websites, key);
    if (!site) return;
    const { name, namespace, uid } = site.metadata;
    if (cache.ownedBy(ConfigMaps, site).length === 0)
      await client.create(ConfigMaps, {
        metadata: {
          name,
          ...(namespace === undefined ? {} : { namespace }),
          ownerReferences: [{ apiVersion: "example.com/v1", kind: "Website", name, uid, controller: true }],
        },
        data: { page: site.spec.page },
      });
    if (!site.status?.published)
      await client.update(Websites, { ...site, status: { published: true } }, { subresource: "status" });
  },
});

test("an operator watches a kind of its own as it would a built-in one", async (t) => {
  const { client, clock, informers, rest, create } = await startTestControlPlane(t, {
    controllers: ["customresourcedefinition", "garbage-collector-controller"],
  });
  const open = { type: "object", "x-kubernetes-preserve-unknown-fields": true } as const;
  await create(CustomResourceDefinitions, {
    metadata: { name: "websites.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural: "websites", kind: "Website" },
      versions: [
        { name: "v1", served: true, storage: true, schema: { openAPIV3Schema: open }, subresources: { status: {} } },
      ],
    },
  });
  await rest();
  const stop = new AbortController();
  const environment = { clock, random: seededRandom(1), log: silentLogger, signal: stop.signal };
  const running = runControllers({ controllers: [controller], client, informers, ...environment });
  await client.create(Websites, { metadata: { name: "a", namespace: "default" }, spec: { page: "hello" } });
  await rest();
  const key = { namespace: "default", name: "a" };
  assert.deepEqual((await client.get(Websites, key)).status, { published: true });
  assert.deepEqual((await client.get(ConfigMaps, key)).data, { page: "hello" });
  // The garbage collector knows the kind too.
  await client.delete(Websites, key);
  await rest(1_000);
  await assert.rejects(client.get(ConfigMaps, key), { code: 404 });
  stop.abort();
  await running;
});
