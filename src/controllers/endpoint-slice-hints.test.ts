import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import { type Endpoint, EndpointSlices, type Node, Nodes, Pods, Services } from "../api/index.ts";
import { ZoneTally, zonesInShares } from "./endpoint-slice-hints.ts";

const zoneLabel = "topology.kubernetes.io/zone";

/** Ready endpoints, each in the zone named. */
function endpointsIn(...zones: readonly string[]): Endpoint[] {
  return zones.map((zone, at) => ({ addresses: [`10.0.0.${at}`], conditions: { ready: true }, zone }));
}
const nothingBefore = () => undefined;
function share(
  endpoints: readonly Endpoint[],
  shares: Record<string, number>,
  before: typeof zonesInShares extends (a: never, b: never, c: infer C) => unknown ? C : never = nothingBefore,
) {
  const zones = zonesInShares(endpoints, new Map(Object.entries(shares)), before);
  return typeof zones === "string" ? zones : [...zones.values()].join("");
}

test("endpoints are for their own zones where those have as many as they should", () => {
  assert.equal(share(endpointsIn("a", "a", "b", "b"), { a: 0.5, b: 0.5 }), "aabb");
  assert.equal(share(endpointsIn("a", "b", "c"), { a: 0.34, b: 0.33, c: 0.33 }), "abc");
});

test("zones that have too many endpoints give some to those that have too few", () => {
  assert.equal(share(endpointsIn("a", "a", "a", "a"), { a: 0.5, b: 0.5 }), "bbaa");
  assert.equal(share(endpointsIn("a", "a", "a", "b", "b", "b"), { a: 1 / 3, b: 2 / 3 }), "baabbb");
  // A zone that has no nodes any more.
  assert.equal(share(endpointsIn("gone", "a", "a", "b", "b"), { a: 0.4, b: 0.6 }), "baabb");
});

test("an endpoint stays for the zone that it is for while that is fair", () => {
  const endpoints = endpointsIn("a", "a", "a", "a");
  const before = ({ addresses }: Endpoint) => (addresses[0] === "10.0.0.3" || addresses[0] === "10.0.0.2" ? "b" : "a");
  assert.equal(share(endpoints, { a: 0.5, b: 0.5 }, before), "aabb");
  assert.equal(share(endpoints, { a: 0.5, c: 0.5 }, before), "ccaa");
});

test("there are no hints where they would overload an endpoint, and it is said why", () => {
  assert.equal(share(endpointsIn("a"), { a: 0.5, b: 0.5 }), "Insufficient number of endpoints (1 endpoints, 2 zones)");
  assert.equal(
    share(endpointsIn("a", "b", "b"), { a: 0.5, b: 0.5 }),
    "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold (3 endpoints, 2 zones)",
  );
  assert.equal(
    share(endpointsIn("a", "b", ""), { a: 0.33, b: 0.67 }),
    "One or more endpoints do not have a zone specified",
  );
  assert.match(
    String(zonesInShares(endpointsIn("a", "b"), undefined, nothingBefore)),
    /^Insufficient Node information/,
  );
});

test("a zone's share is that of its ready nodes' processors", () => {
  const node = (zone: string, cpu: string, more: { ready?: string; labels?: object } = {}) =>
    // Only what is looked at.
    ({
      metadata: { labels: { ...(zone ? { [zoneLabel]: zone } : {}), ...more.labels } },
      status: { allocatable: { cpu }, conditions: [{ type: "Ready", status: more.ready ?? "True" }] },
    }) as unknown as Node;
  const zoneShares = (given: readonly Node[]) => {
    const tally = new ZoneTally();
    for (const [index, each] of given.entries()) tally.note(`n${index}`, each);
    return tally.shares;
  };
  const nodes = [node("a", "2"), node("a", "1"), node("b", "1")];
  assert.deepEqual(Object.fromEntries(zoneShares(nodes) ?? []), { a: 0.75, b: 0.25 });
  const unused = [
    node("b", "8", { ready: "False" }),
    node("", "8", { labels: { "node-role.kubernetes.io/control-plane": "" } }),
  ];
  assert.deepEqual(Object.fromEntries(zoneShares([...nodes, ...unused]) ?? []), { a: 0.75, b: 0.25 });
  assert.equal(zoneShares([...nodes, node("", "1")]), undefined);
  assert.equal(zoneShares([...nodes, node("c", "0")]), undefined);
  assert.equal(zoneShares([node("a", "1")]), undefined);
  const tally = new ZoneTally();
  const changes = [node("a", "2"), node("b", "2"), node("b", "2", { ready: "False" }), undefined];
  const seen = changes.map((each, at) => [tally.note(at === 0 ? "n1" : "n2", each), tally.shares?.get("a")]);
  assert.deepEqual(seen, [
    [true, undefined],
    [true, 0.5],
    [true, undefined],
    [false, undefined],
  ]);
});

async function scene(t: TestContext) {
  const plane = await startTestControlPlane(t, {
    controllers: ["endpoint-slice-controller", "serviceaccount-controller"],
  });
  await plane.rest();
  for (const [name, zone] of [
    ["n1", "z1"],
    ["n2", "z2"],
  ] as const) {
    const node = await plane.create(Nodes, { metadata: { name, labels: { [zoneLabel]: zone } } });
    const status = { allocatable: { cpu: "2" }, conditions: [{ type: "Ready", status: "True" }] };
    await plane.client.update(Nodes, { ...node, status: { ...node.status, ...status } }, { subresource: "status" });
  }
  for (const [name, nodeName] of [
    ["a", "n1"],
    ["b", "n1"],
    ["c", "n1"],
    ["d", "n2"],
  ] as const)
    await plane.create(Pods, {
      metadata: { name, namespace: "default", labels: { app: "web" } },
      spec: { nodeName, containers: [{ name: "c", image: "i" }] },
    });
  await plane.startPods();
  const hints = async () => {
    const [slice] = (await plane.list(EndpointSlices, "default")).filter(
      ({ metadata }) => metadata.name !== "kubernetes",
    );
    const named = (slice?.endpoints ?? []).map(
      ({ targetRef, hints }) =>
        `${targetRef?.name} ${hints?.forZones?.map((each) => each.name) ?? "-"} ${hints?.forNodes?.map((each) => each.name) ?? "-"}`,
    );
    return named.sort();
  };
  const service = (spec: object, annotations: Record<string, string> = {}) =>
    plane.create(Services, {
      metadata: { name: "web", namespace: "default", annotations },
      spec: { selector: { app: "web" }, ports: [{ port: 80 }], ...spec },
    });
  return { ...plane, hints, service };
}

test("trafficDistribution gives each ready endpoint a hint for its zone, and for its node", async (t) => {
  const { service, rest, hints, client } = await scene(t);
  await service({ trafficDistribution: "PreferClose" });
  await rest();
  assert.deepEqual(await hints(), ["a z1 -", "b z1 -", "c z1 -", "d z2 -"]);
  const key = { namespace: "default", name: "web" };
  await client.patch(Services, key, { spec: { trafficDistribution: "PreferSameNode" } });
  await client.patch(
    Pods,
    { ...key, name: "b" },
    { status: { conditions: [{ type: "Ready", status: "False" }] } },
    { subresource: "status" },
  );
  await rest();
  assert.deepEqual(await hints(), ["a z1 n1", "b - -", "c z1 n1", "d z2 n2"]);
  await client.patch(Services, key, { spec: { trafficDistribution: null } });
  await rest();
  assert.deepEqual(await hints(), ["a - -", "b - -", "c - -", "d - -"]);
});

test("the annotation topology-mode Auto shares endpoints out by zone, and says when it cannot", async (t) => {
  const { service, rest, hints, client, events } = await scene(t);
  await service({}, { "service.kubernetes.io/topology-mode": "Auto" });
  await rest();
  assert.deepEqual(await hints(), ["a z2 -", "b z1 -", "c z1 -", "d z2 -"]);
  assert.deepEqual(await events("Service"), [
    "Normal TopologyAwareHintsEnabled Topology Aware Hints has been enabled, addressType: IPv4",
  ]);
  // A node that is not ready has no share: there is one zone left.
  await client.patch(
    Nodes,
    { name: "n2" },
    { status: { conditions: [{ type: "Ready", status: "False" }] } },
    { subresource: "status" },
  );
  await rest();
  assert.deepEqual(await hints(), ["a - -", "b - -", "c - -", "d - -"]);
  assert.match((await events("Service")).join(), /Warning TopologyAwareHintsDisabled Insufficient Node information: /);
});

test("a node that changes has those services looked at whose endpoints its zone cannot bear any more", async (t) => {
  const { service, create, rest, hints, client, reconciles } = await scene(t);
  const annotations = { "service.kubernetes.io/topology-mode": "Auto" };
  await service({}, annotations);
  await create(Services, {
    metadata: { name: "without", namespace: "default", annotations },
    spec: { selector: { app: "without" }, ports: [{ port: 80 }] },
  });
  await rest(10_000);
  const looks = async (cpu: string) => {
    const before = reconciles().length;
    await client.patch(Nodes, { name: "n1" }, { status: { allocatable: { cpu } } }, { subresource: "status" });
    await rest(10_000);
    return [...new Set(reconciles().slice(before))].filter((each) => each.startsWith("endpoint-slice-controller"));
  };
  assert.deepEqual(await hints(), ["a z2 -", "b z1 -", "c z1 -", "d z2 -"]);
  assert.deepEqual(await looks("2200m"), []);
  assert.deepEqual(await looks("6"), ["endpoint-slice-controller default/web"]);
  assert.deepEqual(await hints(), ["a z1 -", "b z1 -", "c z1 -", "d z2 -"]);
});
