import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import {
  type EndpointSlice,
  EndpointSlices,
  type NewObject,
  type Node,
  Nodes,
  type Pod,
  Pods,
  type Service,
  Services,
  serviceUnavailable,
} from "../api/index.ts";
import { timestamp } from "../lib/index.ts";
import { planEndpointSlices } from "./endpoint-slice-plan.ts";

const controllers = ["endpoint-slice-controller", "serviceaccount-controller"];

const service = (spec: object = {}, labels: Record<string, string> = {}): NewObject<Service> => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web", namespace: "default", labels },
  spec: { selector: { app: "web" }, ports: [{ name: "http", port: 80, targetPort: 8080 }], ...spec },
});

async function scene(t: TestContext) {
  const plane = await startTestControlPlane(t, { controllers });
  await plane.create(Nodes, { metadata: { name: "n1", labels: { "topology.kubernetes.io/zone": "z1" } } });
  await plane.rest();
  let address = 1;
  return {
    ...plane,
    /** A pod that runs and is ready, unless `status` says otherwise. */
    async pod(name: string, spec: object = {}, status: object = {}): Promise<Pod> {
      const pod = await plane.create(Pods, {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name, namespace: "default", labels: { app: "web" } },
        spec: { nodeName: "n1", containers: [{ name: "c", image: "i" }], ...spec },
      });
      const podIP = `10.42.${address >> 8}.${address++ & 255}`;
      const conditions = [{ type: "Ready", status: "True" }];
      return await plane.client.update(
        Pods,
        { ...pod, status: { ...pod.status, phase: "Running", podIP, podIPs: [{ ip: podIP }], conditions, ...status } },
        { subresource: "status" },
      );
    },
    slices: () =>
      plane.list(EndpointSlices, "default").then((all) => all.filter(({ metadata }) => metadata.name !== "kubernetes")),
  };
}

const addresses = (slice: EndpointSlice | undefined) =>
  (slice?.endpoints ?? []).flatMap((each) => each.addresses).sort();

test("EndpointSlice API, slices for the pods of a service: a service's pods are in its slice, with all that proxies and DNS need", async (t) => {
  const { client, create, rest, pod, slices } = await scene(t);
  const made = await create(Services, service({}, { tier: "front" }));
  const { metadata } = await pod("a");
  await rest();
  const [slice, ...others] = await slices();
  assert.equal(others.length, 0);
  assert.match(slice?.metadata.name ?? "", /^web-[a-z0-9]{5}$/);
  assert.deepEqual(slice?.metadata.labels, {
    tier: "front",
    "kubernetes.io/service-name": "web",
    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
  });
  assert.equal(slice.metadata.ownerReferences?.[0]?.uid, made.metadata.uid);
  assert.equal(slice.addressType, "IPv4");
  assert.deepEqual(slice.ports, [{ name: "http", port: 8080, protocol: "TCP" }]);
  assert.deepEqual(slice.endpoints, [
    {
      addresses: ["10.42.0.1"],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: "n1",
      targetRef: { kind: "Pod", namespace: "default", name: "a", uid: metadata.uid },
      zone: "z1",
    },
  ]);
  await client.patch(Nodes, { name: "n1" }, { metadata: { labels: { "topology.kubernetes.io/zone": "z2" } } });
  await rest();
  assert.equal((await slices())[0]?.endpoints?.[0]?.zone, "z2");
});

test("EndpointSlice API, slices come and go with pods: pods come, become unready, end and go", async (t) => {
  const { client, create, rest, pod, slices } = await scene(t);
  await create(Services, service());
  const a = await pod("a");
  const b = await pod("b", {}, { conditions: [{ type: "Ready", status: "False" }] });
  await pod("c", {}, { phase: "Succeeded" });
  await pod("d", {}, { podIP: undefined, podIPs: undefined });
  await rest();
  const conditions = async () =>
    Object.fromEntries(
      ((await slices())[0]?.endpoints ?? []).map(({ targetRef, conditions: now }) => [targetRef?.name, now]),
    );
  assert.deepEqual(await conditions(), {
    a: { ready: true, serving: true, terminating: false },
    b: { ready: false, serving: false, terminating: false },
  });
  await client.patch(Pods, a.metadata, { metadata: { finalizers: ["test/hold"] } });
  await client.delete(Pods, a.metadata);
  await client.patch(Pods, b.metadata, { metadata: { labels: { app: "other" } } });
  await rest();
  assert.deepEqual(await conditions(), { a: { ready: false, serving: true, terminating: true } });
  await client.patch(Pods, a.metadata, { metadata: { finalizers: null } });
  await client.delete(Pods, a.metadata, { body: { gracePeriodSeconds: 0 } });
  await rest();
  assert.deepEqual(await conditions(), {});
  assert.equal((await slices()).length, 1);
});

test("a service without pods has one empty slice, which is filled later", async (t) => {
  const { create, rest, pod, slices } = await scene(t);
  await create(Services, service());
  await rest();
  const [empty] = await slices();
  assert.deepEqual([empty?.endpoints ?? [], empty?.ports ?? []], [[], []]);
  await pod("a");
  await rest();
  const [filled, ...others] = await slices();
  assert.equal(others.length, 0);
  assert.equal(filled?.metadata.uid, empty?.metadata.uid);
  assert.deepEqual(addresses(filled), ["10.42.0.1"]);
});

test("a named target port is looked up in each pod: those that differ have slices of their own", async (t) => {
  const { create, rest, pod, slices } = await scene(t);
  const named = (containerPort: number) => ({
    containers: [{ name: "c", image: "i", ports: [{ name: "http", containerPort }] }],
  });
  await create(Services, service({ ports: [{ name: "web", port: 80, targetPort: "http" }] }));
  await pod("a", named(8080));
  await pod("b", named(9090));
  await pod("c", named(8080));
  await rest();
  const found = Object.fromEntries((await slices()).map((each) => [each.ports?.[0]?.port, addresses(each)]));
  assert.deepEqual(found, { 8080: ["10.42.0.1", "10.42.0.3"], 9090: ["10.42.0.2"] });
});

test("a headless service names the hostnames of its pods and needs no ports", async (t) => {
  const { create, rest, pod, slices } = await scene(t);
  await create(Services, service({ clusterIP: "None", ports: [] }));
  await pod("a", { hostname: "a-0", subdomain: "web" });
  await pod("b", { hostname: "b-0", subdomain: "other" });
  await rest();
  const [slice] = await slices();
  assert.equal(slice?.metadata.labels?.["service.kubernetes.io/headless"], "");
  assert.deepEqual(
    slice?.endpoints?.map(({ hostname }) => hostname),
    ["a-0", undefined],
  );
});

test("publishNotReadyAddresses makes every pod ready", async (t) => {
  const { create, rest, pod, slices } = await scene(t);
  await create(Services, service({ publishNotReadyAddresses: true }));
  await pod("a", {}, { conditions: [] });
  await rest();
  assert.deepEqual((await slices())[0]?.endpoints?.[0]?.conditions, {
    ready: true,
    serving: false,
    terminating: false,
  });
});

test("more than a hundred pods fill several slices, and a change touches only its own", async (t) => {
  const { client, create, rest, pod, slices } = await scene(t);
  const pods: Pod[] = [];
  for (let i = 0; i < 230; i++) pods.push(await pod(`p${i}`));
  await create(Services, service());
  await rest();
  const before = await slices();
  assert.deepEqual(before.map((each) => each.endpoints?.length).sort(), [100, 100, 30]);
  await client.delete(Pods, pods[50]!.metadata, { body: { gracePeriodSeconds: 0 } });
  await rest();
  const after = await slices();
  const unchanged = after.filter((each) =>
    before.some(({ metadata }) => metadata.resourceVersion === each.metadata.resourceVersion),
  );
  assert.equal(unchanged.length, 2);
  assert.equal(after.flatMap(addresses).length, 229);
});

test("newcomers fill one slice that has room for all of them, or a new one", () => {
  const podOf = (at: number): Pod =>
    // Only what the plan looks at.
    ({
      metadata: { name: `p${at}`, namespace: "default", uid: `u${at}` },
      spec: { containers: [] },
      status: { phase: "Running", podIP: `10.0.${at >> 8}.${at & 255}` },
    }) as unknown as Pod;
  const pods = Array.from({ length: 400 }, (_, at) => podOf(at));
  const web = { ...service(), spec: { ports: [{ port: 80 }] } } as unknown as Service; // likewise
  const plan = (count: number, existing: readonly EndpointSlice[]) => {
    // Only what the plan looks at.
    const node = { metadata: { name: "n1" } } as unknown as Node; // likewise
    const view = { service: web, pods: pods.slice(0, count), nodeOf: () => node, zoneShares: () => undefined };
    const { create, update } = planEndpointSlices({ ...view, existing });
    const sizes = (slices: readonly Pick<EndpointSlice, "endpoints">[]) => slices.map((each) => each.endpoints?.length);
    return { create, sizes: [sizes(create), sizes(update)] };
  };
  const stored = (...counts: readonly number[]) => {
    let from = 0;
    const [{ endpoints = [], ...slice } = assert.fail()] = plan(100, []).create;
    const all = [endpoints, ...[1, 2, 3].map((at) => plan(100 * (at + 1), []).create[at]?.endpoints ?? [])].flat();
    return counts.map((count, at) => {
      from += count;
      const name = `s${at}`;
      return {
        ...slice,
        metadata: { ...slice.metadata, name },
        endpoints: all.slice(from - count, from),
      } as EndpointSlice; // as if stored
    });
  };
  assert.deepEqual(plan(190, stored(90, 85)).sizes, [[], [100]]);
  assert.deepEqual(plan(180, stored(90, 85)).sizes, [[], [95]]);
  assert.deepEqual(plan(200, stored(90, 90)).sizes, [[20], []]);
  assert.deepEqual(plan(290, stored(90, 90)).sizes, [[100], [100]]);
});

test("a dual-stack service has slices of both families, each with what its pods have of it", () => {
  const pod = (name: string, ...ips: readonly string[]) =>
    // Only what the plan looks at.
    ({
      metadata: { name, namespace: "default", uid: name },
      spec: { containers: [] },
      status: { phase: "Running", podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) },
    }) as unknown as Pod;
  const view = {
    // Likewise, both.
    service: { ...service(), spec: { ports: [{ port: 80 }], ipFamilies: ["IPv6", "IPv4"] } } as unknown as Service,
    nodeOf: () => ({ metadata: { name: "n1" } }) as unknown as Node,
    pods: [pod("both", "10.0.0.1", "fd00::1"), pod("new", "fd00::2"), pod("old", "10.0.0.2")],
    existing: [],
    zoneShares: () => undefined,
  };
  const slices = planEndpointSlices(view).create.map((slice) => [
    slice.addressType,
    slice.endpoints?.map((each) => each.addresses),
  ]);
  assert.deepEqual(slices, [
    ["IPv6", [["fd00::1"], ["fd00::2"]]],
    ["IPv4", [["10.0.0.1"], ["10.0.0.2"]]],
  ]);
});

test("when the service's ports change its slices are changed, not replaced", async (t) => {
  const { client, create, rest, pod, slices } = await scene(t);
  const { metadata } = await create(Services, service());
  await pod("a");
  await rest();
  const [before] = await slices();
  await client.patch(Services, metadata, { spec: { ports: [{ name: "http", port: 80, targetPort: 9090 }] } });
  await rest();
  const [after, ...others] = await slices();
  assert.equal(others.length, 0);
  assert.equal(after?.metadata.uid, before?.metadata.uid);
  assert.equal(after?.ports?.[0]?.port, 9090);
});

test("services without a selector and of type ExternalName are left alone", async (t) => {
  const { create, rest, slices } = await scene(t);
  await create(Services, service({ selector: null }));
  await create(Services, {
    ...service({ type: "ExternalName", externalName: "example.com", ports: [] }),
    metadata: { name: "external", namespace: "default" },
  });
  await rest();
  assert.deepEqual(await slices(), []);
});

test("a slice that somebody deletes or spoils is mended", async (t) => {
  const { client, create, rest, pod, slices } = await scene(t);
  await create(Services, service());
  await pod("a");
  await rest();
  const [slice] = await slices();
  await client.patch(EndpointSlices, slice!.metadata, { endpoints: [{ addresses: ["10.9.9.9"] }] });
  await rest();
  assert.deepEqual(addresses((await slices())[0]), ["10.42.0.1"]);
  await client.delete(EndpointSlices, slice!.metadata);
  await rest();
  assert.deepEqual(addresses((await slices())[0]), ["10.42.0.1"]);
  const [taken] = await slices();
  await client.patch(EndpointSlices, taken!.metadata, {
    metadata: { labels: { "kubernetes.io/service-name": "other" } },
  });
  await rest();
  const mended = (await slices()).filter(({ metadata }) => metadata.labels?.["kubernetes.io/service-name"] === "web");
  assert.deepEqual(addresses(mended[0]), ["10.42.0.1"]);
});

test("a pod whose node is not there has no endpoint until it is, but where all is published", async (t) => {
  const { create, rest, pod, slices, events } = await scene(t);
  await create(Services, service());
  await pod("a");
  await pod("b", { nodeName: "n2" });
  await rest();
  assert.deepEqual(addresses((await slices())[0]), ["10.42.0.1"]);
  assert.deepEqual(await events("Service"), [
    "Warning FailedToUpdateEndpointSlices Error updating Endpoint Slices for Service default/web: skipping Pod b for Service default/web: Node n2 Not Found (2)",
  ]);
  await create(Nodes, { metadata: { name: "n2" } });
  await rest();
  assert.deepEqual(addresses((await slices())[0]), ["10.42.0.1", "10.42.0.2"]);
  await create(Services, {
    ...service({ publishNotReadyAddresses: true }),
    metadata: { name: "all", namespace: "default" },
  });
  await pod("c", { nodeName: "n3" });
  await rest();
  const all = (await slices()).find(({ metadata }) => metadata.labels?.["kubernetes.io/service-name"] === "all");
  assert.equal(addresses(all).length, 3);
});

test("slices of a service that had the name before are replaced", async (t) => {
  const { create, rest, pod, slices } = await scene(t);
  const labels = {
    "kubernetes.io/service-name": "web",
    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
  };
  const owner = { apiVersion: "v1", kind: "Service", name: "web", uid: "former", controller: true };
  await create(EndpointSlices, {
    metadata: { name: "web-old", namespace: "default", labels, ownerReferences: [owner] },
    addressType: "IPv4",
    ports: [{ name: "http", port: 8080, protocol: "TCP" }],
    endpoints: [],
  });
  await create(Services, service());
  await pod("a");
  await rest();
  const [slice, ...others] = await slices();
  assert.equal(others.length, 0);
  assert.notEqual(slice?.metadata.name, "web-old");
  assert.deepEqual(addresses(slice), ["10.42.0.1"]);
});

test("a slice tells since when its change was due, and a write that fails is told of", async (t) => {
  const { client, clock, create, rest, pod, slices, refuse, events } = await scene(t);
  const due = async () =>
    (await slices())[0]?.metadata.annotations?.["endpoints.kubernetes.io/last-change-trigger-time"];
  const { metadata } = await create(Services, service());
  await rest();
  assert.equal(await due(), metadata.creationTimestamp);
  await rest(60_000);
  const lastTransitionTime = timestamp(clock.now() - 20_000);
  await pod("a", {}, { conditions: [{ type: "Ready", status: "True", lastTransitionTime }] });
  await rest();
  assert.equal(await due(), lastTransitionTime);
  await client.patch(Services, metadata, { metadata: { labels: { tier: "front" } } });
  await rest();
  assert.equal((await slices())[0]?.metadata.labels?.tier, "front");
  assert.equal(await due(), undefined);
  refuse(({ verb, plural }) =>
    verb === "update" && plural === "endpointslices" ? serviceUnavailable("busy") : undefined,
  );
  await client.patch(Services, metadata, { metadata: { labels: { tier: "back" } } });
  await rest();
  refuse(() => undefined);
  const name = (await slices())[0]?.metadata.name;
  assert.deepEqual(await events("Service"), [
    `Warning FailedToUpdateEndpointSlices Error updating Endpoint Slices for Service default/web: failed to update ${name} EndpointSlice for Service default/web: busy (5)`,
  ]);
  await rest(5_000);
});
