import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import { type EndpointSlice, EndpointSlices, type Endpoints, EndpointsResource, Services } from "../api/index.ts";
import { planMirror } from "./endpoint-slice-mirroring-plan.ts";

const endpointsOf = (subsets: Endpoints["subsets"]): Endpoints =>
  // Only what the plan looks at.
  ({ metadata: { name: "web", namespace: "default", uid: "1" }, subsets }) as Endpoints;
const addresses = (...ips: readonly string[]) => ips.map((ip) => ({ ip }));

test("each subset and family of addresses has a slice of its own", () => {
  const { create } = planMirror(
    endpointsOf([
      { addresses: addresses("10.0.0.1", "fd00::1"), notReadyAddresses: addresses("10.0.0.2"), ports: [{ port: 80 }] },
      { addresses: addresses("10.0.0.3"), ports: [{ name: "x", port: 81, protocol: "UDP" }] },
    ]),
    [],
  );
  const told = create.map(({ addressType, ports, endpoints }) => [
    addressType,
    ports?.map(({ name, port, protocol }) => `${name}/${port}/${protocol}`).join(),
    endpoints?.map((each) => `${each.addresses} ${each.conditions?.ready}`).join(),
  ]);
  assert.deepEqual(told, [
    ["IPv4", "/80/TCP", "10.0.0.1 true,10.0.0.2 false"],
    ["IPv6", "/80/TCP", "fd00::1 true"],
    ["IPv4", "x/81/UDP", "10.0.0.3 true"],
  ]);
});

test("ports of the same addresses share a slice, and those of others do not", () => {
  const ports = (name: string, port: number) => [{ name, port, protocol: "TCP" }];
  const told = (...subsets: NonNullable<Endpoints["subsets"]>) =>
    planMirror(endpointsOf(subsets), []).create.map(({ ports: all, endpoints }) => [
      all?.map(({ name }) => name).join(),
      endpoints?.map((each) => `${each.addresses} ${each.conditions?.ready}`).join(),
    ]);
  const first = { addresses: addresses("10.0.0.1"), ports: ports("port1", 80) };
  assert.deepEqual(told(first, { addresses: addresses("10.0.0.1"), ports: ports("port2", 90) }), [
    ["port1,port2", "10.0.0.1 true"],
  ]);
  assert.deepEqual(told(first, { addresses: addresses("10.0.0.2"), ports: ports("port2", 90) }), [
    ["port1", "10.0.0.1 true"],
    ["port2", "10.0.0.2 true"],
  ]);
  assert.deepEqual(told(first, { notReadyAddresses: addresses("10.0.0.1"), ports: ports("port2", 90) }), [
    ["port1", "10.0.0.1 true"],
    ["port2", "10.0.0.1 false"],
  ]);
  assert.deepEqual(told({ notReadyAddresses: addresses("10.0.0.1"), ports: ports("port1", 80) }, first), [
    ["port1", "10.0.0.1 false"],
  ]);
});

test("what is no address is left out, and what is too much", () => {
  const many = Array.from({ length: 1001 }, (_, at) => `10.0.${at >> 8}.${at & 255}`);
  const plan = planMirror(endpointsOf([{ addresses: addresses("nowhere", ...many) }]), []);
  assert.equal(plan.create[0]?.endpoints?.length, 1000);
  assert.deepEqual([plan.invalidAddresses, plan.skippedAddresses], [1, 2]);
});

test("slices that are not needed for what they held are filled anew", () => {
  const before = endpointsOf([
    { addresses: addresses("10.0.0.1"), ports: [{ port: 80 }] },
    { addresses: addresses("10.0.0.2"), ports: [{ port: 81 }] },
  ]);
  const slices = planMirror(before, []).create.map(
    (slice, at) => ({ ...slice, metadata: { ...slice.metadata, name: `s${at}` } }) as EndpointSlice, // as if stored
  );
  const unchanged = planMirror(before, slices);
  assert.deepEqual([unchanged.create, unchanged.update, unchanged.remove], [[], [], []]);
  const changed = planMirror(endpointsOf([{ addresses: addresses("10.0.0.1"), ports: [{ port: 82 }] }]), slices);
  assert.deepEqual([changed.create.length, changed.update.length, changed.remove.length], [0, 1, 1]);
});

test("EndpointSlice Mirroring: mirrors the creation, update and deletion of a custom Endpoints", async (t) => {
  const { client, create, list, rest } = await startTestControlPlane(t, {
    controllers: ["endpointslice-mirroring-controller", "endpoint-slice-controller"],
  });
  const key = { namespace: "default", name: "example" };
  const mirrored = async () =>
    (await list(EndpointSlices, "default")).filter(({ metadata }) => metadata.name !== "kubernetes");
  await create(Services, { metadata: key, spec: { ports: [{ name: "example", port: 80, protocol: "TCP" }] } });
  const subset = { ports: [{ name: "example", port: 80 }], addresses: addresses("10.1.2.3") };
  await create(EndpointsResource, {
    metadata: {
      ...key,
      labels: { tier: "front" },
      annotations: { note: "mine", "kubectl.kubernetes.io/last-applied-configuration": "{}" },
    },
    subsets: [subset],
  });
  await rest();
  const [slice, ...others] = await mirrored();
  assert.equal(others.length, 0);
  assert.match(slice?.metadata.name ?? "", /^example-[a-z0-9]{5}$/);
  assert.deepEqual(slice?.metadata.labels, {
    tier: "front",
    "kubernetes.io/service-name": "example",
    "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
  });
  assert.deepEqual(slice.metadata.annotations, { note: "mine" });
  assert.deepEqual(slice.metadata.ownerReferences?.[0]?.kind, "Endpoints");
  assert.deepEqual(slice.ports, [{ name: "example", port: 80, protocol: "TCP" }]);
  assert.deepEqual(slice.endpoints, [{ addresses: ["10.1.2.3"], conditions: { ready: true } }]);
  await client.patch(EndpointsResource, key, { subsets: [{ ...subset, addresses: addresses("10.2.3.4") }] });
  await rest();
  const [updated] = await mirrored();
  assert.equal(updated?.metadata.name, slice.metadata.name);
  assert.deepEqual(updated?.endpoints?.[0]?.addresses, ["10.2.3.4"]);
  await client.patch(EndpointSlices, updated!.metadata, {
    metadata: { labels: { "kubernetes.io/service-name": "other" } },
  });
  await rest();
  const ofExample = (await mirrored()).filter(
    ({ metadata }) => metadata.labels?.["kubernetes.io/service-name"] === "example",
  );
  assert.deepEqual(ofExample[0]?.endpoints?.[0]?.addresses, ["10.2.3.4"]);
  await client.delete(EndpointsResource, key);
  await rest();
  assert.deepEqual(await mirrored(), []);
});

test("Endpoints that are not to be mirrored are not, and what was is taken back", async (t) => {
  const { client, create, list, rest } = await startTestControlPlane(t, {
    controllers: ["endpointslice-mirroring-controller"],
  });
  const key = { namespace: "default", name: "web" };
  const count = async () => (await list(EndpointSlices, "default")).length - 1;
  await create(EndpointsResource, { metadata: key, subsets: [{ addresses: addresses("10.1.2.3") }] });
  await rest();
  // Without a service nobody looks for them.
  assert.equal(await count(), 0);
  await create(Services, { metadata: key, spec: { ports: [{ port: 80 }] } });
  await rest();
  assert.equal(await count(), 1);
  const change = async (resource: typeof EndpointsResource | typeof Services, patch: object) => {
    await client.patch<Endpoints>(resource as typeof EndpointsResource, key, patch); // a patch looks the same for both
    await rest();
    return await count();
  };
  const skip = "endpointslice.kubernetes.io/skip-mirror";
  assert.equal(await change(EndpointsResource, { metadata: { labels: { [skip]: "true" } } }), 0);
  assert.equal(await change(EndpointsResource, { metadata: { labels: { [skip]: null } } }), 1);
  const leader = "control-plane.alpha.kubernetes.io/leader";
  assert.equal(await change(EndpointsResource, { metadata: { annotations: { [leader]: "{}" } } }), 0);
  assert.equal(await change(EndpointsResource, { metadata: { annotations: { [leader]: null } } }), 1);
  assert.equal(await change(Services, { spec: { selector: { app: "web" } } }), 0);
});
