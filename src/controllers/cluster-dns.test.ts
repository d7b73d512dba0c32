import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import { EndpointSlices, Nodes, Services } from "../api/index.ts";

const controllers = ["cluster-dns"];
const namespace = "kube-system";
const slicesOf = { namespace, labelSelector: "kubernetes.io/service-name=kube-dns" };

const nodeAt = (index: number) => ({
  metadata: { name: `n${String(index).padStart(3, "0")}` },
  spec: { podCIDR: `10.${42 + Math.floor(index / 256)}.${index % 256}.0/24` },
});

test("the cluster's DNS is there before any node", async (t) => {
  const { client, rest } = await startTestControlPlane(t, { controllers });
  await rest(1_000);
  assert.equal((await client.get(Services, { namespace, name: "kube-dns" })).spec.internalTrafficPolicy, "Local");
});

test("the DNS servers of hundreds of nodes stand in slices of at most a hundred", async (t) => {
  const { client, create, rest } = await startTestControlPlane(t, { controllers });
  for (let index = 0; index < 300; index++) await create(Nodes, nodeAt(index));
  await rest(10_000);
  const { items } = await client.list(EndpointSlices, slicesOf);
  const endpoints = items.flatMap((slice) => slice.endpoints ?? []);
  assert.deepEqual(
    items.filter((slice) => (slice.endpoints ?? []).length > 100),
    [],
  );
  assert.equal(new Set(endpoints.map(({ nodeName }) => nodeName)).size, 300);
  assert.deepEqual(endpoints.find(({ nodeName }) => nodeName === "n257")?.addresses, ["10.43.1.1"]);
});

test("a node that goes takes its DNS server along, and the last one of a slice the slice", async (t) => {
  const { client, create, rest } = await startTestControlPlane(t, { controllers });
  for (const index of [0, 1, 200]) await create(Nodes, nodeAt(index));
  await rest(1_000);
  const nodes = async () => {
    const { items } = await client.list(EndpointSlices, slicesOf);
    return items.map((slice) => (slice.endpoints ?? []).map(({ nodeName }) => nodeName));
  };
  assert.deepEqual(await nodes(), [["n000", "n001"], ["n200"]]);
  for (const name of ["n001", "n200"]) await client.delete(Nodes, { name });
  await rest(1_000);
  assert.deepEqual(await nodes(), [["n000"]]);
});

test("what a node reports is no reason to look at the cluster's DNS", async (t) => {
  const { client, create, rest, reconciles } = await startTestControlPlane(t, { controllers });
  for (const index of [0, 1]) await create(Nodes, nodeAt(index));
  await rest(1_000);
  const before = [...reconciles()];
  await client.patch(Nodes, { name: "n000" }, { metadata: { labels: { seen: "again" } } });
  await rest(60_000);
  assert.deepEqual(reconciles(), before);
});

for (const [what, name, left] of [
  [
    "a slice that others made for the cluster's DNS is left to them",
    "kube-dns-more",
    ["kube-dns-6661", "kube-dns-more"],
  ],
  ["the one slice that once held all nodes goes", "kube-dns", ["kube-dns-6661"]],
] as const)
  test(what, async (t) => {
    const { client, create, rest } = await startTestControlPlane(t, { controllers });
    await create(Nodes, nodeAt(0));
    const labels = { "kubernetes.io/service-name": "kube-dns" };
    await create(EndpointSlices, { metadata: { namespace, name, labels }, addressType: "IPv4", endpoints: [] });
    await rest(1_000);
    const { items } = await client.list(EndpointSlices, slicesOf);
    assert.deepEqual(
      items.map(({ metadata }) => metadata.name),
      left,
    );
  });
