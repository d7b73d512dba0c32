import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import {
  type APIService,
  APIServices,
  CustomResourceDefinitions,
  EndpointSlices,
  type NewObject,
  Services,
} from "../api/index.ts";

const managedLabel = "kube-aggregator.kubernetes.io/automanaged";

test("group versions that are served have APIServices, those of definitions come and go with them", async (t) => {
  const { client, create, list, rest } = await startTestControlPlane(t, {
    controllers: ["apiservice-registration", "customresourcedefinition"],
  });
  const managed = async () => new Map((await list(APIServices)).map((each) => [each.metadata.name, each]));
  await rest();
  const first = await managed();
  assert.equal(first.get("v2.autoscaling")?.spec.versionPriority, 30);
  assert.equal(first.get("v1.")?.spec.groupPriorityMinimum, 18_000);
  assert.equal(first.has("v1.apiregistration.k8s.io"), false);
  await create(CustomResourceDefinitions, {
    metadata: { name: "widgets.shop.example.com" },
    spec: {
      group: "shop.example.com",
      scope: "Namespaced",
      names: { plural: "widgets", kind: "Widget" },
      versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }],
    },
  });
  await rest();
  const made = (await managed()).get("v1.shop.example.com");
  assert.deepEqual(made?.metadata.labels, { [managedLabel]: "true" });
  assert.deepEqual(made?.spec, {
    group: "shop.example.com",
    version: "v1",
    groupPriorityMinimum: 1000,
    versionPriority: 100,
  });
  // What somebody changes or deletes of them comes back.
  await client.patch(APIServices, { name: "v1.apps" }, { spec: { groupPriorityMinimum: 1 } });
  await client.delete(APIServices, { name: "v1.batch" });
  await rest();
  assert.equal((await managed()).get("v1.apps")?.spec.groupPriorityMinimum, 17_800);
  assert.ok((await managed()).has("v1.batch"));
  await client.delete(CustomResourceDefinitions, { name: "widgets.shop.example.com" });
  await rest();
  assert.equal((await managed()).has("v1.shop.example.com"), false);
});

test("an APIService of somebody's own is left alone, even for a group that is served here", async (t) => {
  const { client, rest } = await startTestControlPlane(t, { controllers: ["apiservice-registration"] });
  await rest();
  const change = { metadata: { labels: { [managedLabel]: null } }, spec: { groupPriorityMinimum: 7 } };
  await client.patch(APIServices, { name: "v1.apps" }, change);
  await rest();
  assert.equal((await client.get(APIServices, { name: "v1.apps" })).spec.groupPriorityMinimum, 7);
});

const own: NewObject<APIService> & { spec: object } = {
  metadata: { name: "v1.shop.example.com" },
  spec: {
    group: "shop.example.com",
    version: "v1",
    groupPriorityMinimum: 1000,
    versionPriority: 10,
    service: { namespace: "default", name: "shop", port: 443 },
  },
};

test("an APIService says why its server is not available, and when it is", async (t) => {
  let answer: Error | undefined = new Error("bad status from https://10.42.0.7:443: 500");
  const { client, create, rest } = await startTestControlPlane(t, {
    controllers: ["apiservice-availability"],
    checkApiService: async () => {
      if (answer) throw answer;
      return [];
    },
  });
  await create(APIServices, own);
  await rest();
  const available = async () => {
    const [condition] = (await client.get(APIServices, own.metadata as { name: string })).status.conditions ?? [];
    return [condition?.type, condition?.status, condition?.reason, condition?.message];
  };
  const missing = 'service/shop in "default" is not present';
  assert.deepEqual(await available(), ["Available", "False", "ServiceNotFound", missing]);
  const key = { namespace: "default", name: "shop" };
  await create(Services, { metadata: key, spec: { ports: [{ name: "web", port: 80 }] } });
  await rest();
  const notListening = 'service/shop in "default" is not listening on port 443';
  assert.deepEqual(await available(), ["Available", "False", "ServicePortError", notListening]);
  await client.patch(Services, key, { spec: { ports: [{ name: "api", port: 443 }] } });
  await rest();
  const noSlices = 'cannot find endpointslices for service/shop in "default"';
  assert.deepEqual(await available(), ["Available", "False", "EndpointsNotFound", noSlices]);
  const slice = {
    metadata: { ...key, labels: { "kubernetes.io/service-name": "shop" } },
    addressType: "IPv4",
    ports: [{ name: "api", port: 8443 }],
  };
  const endpoint = (ready: boolean) => [{ addresses: ["10.42.0.7"], conditions: { ready } }];
  await create(EndpointSlices, { ...slice, endpoints: endpoint(false) });
  await rest();
  const noEndpoint = 'endpointslices for service/shop in "default" have no addresses with port name "api"';
  assert.deepEqual(await available(), ["Available", "False", "MissingEndpoints", noEndpoint]);
  await client.patch(EndpointSlices, key, { endpoints: endpoint(true) });
  await rest();
  assert.deepEqual(await available(), ["Available", "False", "FailedDiscoveryCheck", answer.message]);
  answer = undefined;
  await rest(31_000);
  assert.deepEqual(await available(), ["Available", "True", "Passed", "all checks passed"]);
  answer = new Error("connection refused");
  await rest(31_000);
  assert.deepEqual(await available(), ["Available", "False", "FailedDiscoveryCheck", "connection refused"]);
});
