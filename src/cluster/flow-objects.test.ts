import assert from "node:assert/strict";
import { test } from "node:test";
import { FlowSchemas, PriorityLevelConfigurations } from "../api/index.ts";
import { type Client, InformerSet, inProcessClient, runControllers } from "../client/index.ts";
import { seededRandom, silentLogger } from "../lib/index.ts";
import { admin, startTestServer } from "../server/server-for-tests.ts";
import { ensureFlowObjects, flowObjectsController } from "./flow-objects.ts";

const autoupdate = "apf.kubernetes.io/autoupdate-spec";
const seconds = 2_000;

async function withObjects(run: (client: Client, rest: () => Promise<void>) => Promise<void>): Promise<void> {
  const server = await startTestServer();
  const { clock, api } = server;
  const client = inProcessClient(api, admin, "kube-apiserver");
  await ensureFlowObjects(client);
  const stop = new AbortController();
  const environment = { clock, random: seededRandom(1), log: silentLogger, signal: stop.signal };
  const informers = new InformerSet({ client, ...environment });
  const controllers = runControllers({ controllers: [flowObjectsController()], client, informers, ...environment });
  const rest = () => clock.advance(seconds);
  await rest();
  await run(client, rest);
  stop.abort();
  await controllers;
  await server.close();
}

const condition = async (client: Client, name: string) =>
  (await client.get(FlowSchemas, { name })).status.conditions?.[0];

test("a cluster begins with the schemas and levels of Kubernetes", async () => {
  await withObjects(async (client) => {
    const levels = await client.list(PriorityLevelConfigurations);
    const schemas = await client.list(FlowSchemas);
    const names = ({ items }: typeof levels | typeof schemas) => items.map(({ metadata }) => metadata.name);
    assert.deepEqual(names(levels), [
      "catch-all",
      "exempt",
      "global-default",
      "leader-election",
      "node-high",
      "system",
      "workload-high",
      "workload-low",
    ]);
    assert.deepEqual(names(schemas), [
      "catch-all",
      "endpoint-controller",
      "exempt",
      "global-default",
      "kube-controller-manager",
      "kube-scheduler",
      "kube-system-service-accounts",
      "probes",
      "service-accounts",
      "system-leader-election",
      "system-node-high",
      "system-nodes",
      "workload-leader-election",
    ]);
    const level = await client.get(PriorityLevelConfigurations, { name: "workload-low" });
    assert.equal(level.metadata.annotations?.[autoupdate], "true");
    assert.equal(level.spec.limited?.nominalConcurrencyShares, 100);
  });
});

test("a schema tells whether its level is there", async () => {
  await withObjects(async (client, rest) => {
    const found = await condition(client, "global-default");
    assert.deepEqual([found?.type, found?.status, found?.reason], ["Dangling", "False", "Found"]);
    await client.create(FlowSchemas, {
      metadata: { name: "mine" },
      spec: { priorityLevelConfiguration: { name: "later" }, matchingPrecedence: 1000 },
    });
    await rest();
    const missing = await condition(client, "mine");
    assert.deepEqual([missing?.status, missing?.reason], ["True", "NotFound"]);
    assert.match(missing?.message ?? "", /named "later" but there is no such object$/);
    const { spec } = await client.get(PriorityLevelConfigurations, { name: "system" });
    await client.create(PriorityLevelConfigurations, { metadata: { name: "later" }, spec });
    await rest();
    assert.equal((await condition(client, "mine"))?.status, "False");
  });
});

test("what is deleted comes back, and what is changed stays when its annotation says so", async () => {
  await withObjects(async (client, rest) => {
    const share = async () =>
      (await client.get(PriorityLevelConfigurations, { name: "system" })).spec.limited?.nominalConcurrencyShares;
    const change = (value: string) =>
      client.patch(
        PriorityLevelConfigurations,
        { name: "system" },
        {
          metadata: { annotations: { [autoupdate]: value } },
          spec: { limited: { nominalConcurrencyShares: 77 } },
        },
      );
    await client.delete(PriorityLevelConfigurations, { name: "system" });
    await client.delete(FlowSchemas, { name: "exempt" });
    await rest();
    assert.equal(await share(), 30);
    assert.equal((await client.get(FlowSchemas, { name: "exempt" })).spec.matchingPrecedence, 1);
    await change("true");
    await rest();
    assert.equal(await share(), 30);
    await change("false");
    await rest();
    assert.equal(await share(), 77);
  });
});
