import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import {
  EndpointsResource,
  notFound,
  type Pod,
  Pods,
  type Service,
  Services,
  serviceUnavailable,
} from "../api/index.ts";
import { planEndpoints } from "./endpoints-plan.ts";

const service = (spec: object = {}): Service =>
  ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "default", uid: "s", resourceVersion: "1", creationTimestamp: "" },
    spec: { selector: { app: "web" }, ports: [{ name: "http", port: 80, targetPort: 8080 }], ...spec },
    status: {},
  }) as Service; // only what the plan looks at

function pod(name: string, ip: string, more: { ready?: boolean; spec?: object; deleting?: boolean } = {}): Pod {
  const { ready = true, spec = {}, deleting = false } = more;
  return {
    metadata: {
      name,
      namespace: "default",
      uid: name,
      resourceVersion: "1",
      creationTimestamp: "",
      ...(deleting ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}),
    },
    spec: { containers: [{ name: "c", image: "i" }], nodeName: "n1", ...spec },
    status: {
      phase: "Running",
      podIP: ip,
      podIPs: [{ ip }],
      conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
    },
  } as unknown as Pod; // as above
}

const address = (name: string, ip: string) => ({
  ip,
  nodeName: "n1",
  targetRef: { kind: "Pod", namespace: "default", name, uid: name },
});

test("ready and other addresses share the subset of their ports", () => {
  const { subsets } = planEndpoints(service(), [
    pod("b", "10.0.0.2"),
    pod("a", "10.0.0.1"),
    pod("c", "10.0.0.3", { ready: false }),
    pod("d", "10.0.0.4", { deleting: true }),
  ]);
  assert.deepEqual(subsets, [
    {
      addresses: [address("a", "10.0.0.1"), address("b", "10.0.0.2")],
      notReadyAddresses: [address("c", "10.0.0.3")],
      ports: [{ name: "http", port: 8080, protocol: "TCP" }],
    },
  ]);
});

test("pods with other ports have subsets of their own, pods without the port none", () => {
  const named = (containerPort: number) => ({
    spec: { containers: [{ name: "c", image: "i", ports: [{ name: "web", containerPort }] }] },
  });
  const { subsets } = planEndpoints(service({ ports: [{ port: 80, targetPort: "web" }] }), [
    pod("a", "10.0.0.1", named(81)),
    pod("b", "10.0.0.2", named(82)),
    pod("c", "10.0.0.3"),
  ]);
  assert.deepEqual(subsets, [
    { addresses: [address("a", "10.0.0.1")], ports: [{ port: 81, protocol: "TCP" }] },
    { addresses: [address("b", "10.0.0.2")], ports: [{ port: 82, protocol: "TCP" }] },
  ]);
});

test("ports that the same pods have share a subset, others have their own", () => {
  const named = (containerPort: number) => ({
    spec: { containers: [{ name: "c", image: "i", ports: [{ name: "web", containerPort }] }] },
  });
  const ports = [
    { name: "fixed", port: 90, targetPort: 9090 },
    { name: "named", port: 80, targetPort: "web" },
  ];
  const { subsets } = planEndpoints(service({ ports }), [
    pod("a", "10.0.0.1", named(81)),
    pod("b", "10.0.0.2", named(82)),
  ]);
  assert.deepEqual(
    subsets.map((each) => [each.addresses?.map(({ ip }) => ip), each.ports?.map(({ port }) => port)]),
    [
      [["10.0.0.1", "10.0.0.2"], [9090]],
      [["10.0.0.1"], [81]],
      [["10.0.0.2"], [82]],
    ],
  );
});

test("of more than a thousand ready addresses each subset keeps its part", () => {
  const named = (containerPort: number) => ({
    spec: { containers: [{ name: "c", image: "i", ports: [{ name: "web", containerPort }] }] },
  });
  const pods = Array.from({ length: 1600 }, (_, i) =>
    pod(`p${i}`, `10.1.${i >> 8}.${i & 255}`, { ...named(i < 400 ? 81 : 82), ready: i % 2 === 0 || i >= 400 }),
  );
  const { subsets, isTruncated } = planEndpoints(service({ ports: [{ port: 80, targetPort: "web" }] }), pods);
  assert.equal(isTruncated, true);
  const sizes = subsets.map((each) => [each.addresses?.length, each.notReadyAddresses?.length]);
  assert.deepEqual(sizes, [
    [143, undefined],
    [857, undefined],
  ]);
});

test("a headless service has addresses without ports, with hostnames", () => {
  const { subsets, labels } = planEndpoints(service({ clusterIP: "None", ports: [] }), [
    pod("a", "10.0.0.1", { spec: { containers: [], hostname: "a-0", subdomain: "web", nodeName: "n1" } }),
  ]);
  assert.deepEqual(subsets, [{ addresses: [{ hostname: "a-0", ...address("a", "10.0.0.1") }] }]);
  assert.deepEqual(labels, {
    "endpoints.kubernetes.io/managed-by": "endpoint-controller",
    "service.kubernetes.io/headless": "",
  });
});

test("publishNotReadyAddresses counts every pod as ready, even one that is ending", () => {
  const { subsets } = planEndpoints(service({ publishNotReadyAddresses: true }), [
    pod("a", "10.0.0.1", { ready: false }),
    pod("b", "10.0.0.2", { deleting: true }),
  ]);
  assert.equal(subsets[0]?.addresses?.length, 2);
});

test("only the addresses of the service's family count", () => {
  const { subsets } = planEndpoints(service({ ipFamilies: ["IPv6"] }), [pod("a", "10.0.0.1"), pod("b", "fd00::1")]);
  assert.deepEqual(
    subsets[0]?.addresses?.map(({ ip }) => ip),
    ["fd00::1"],
  );
});

test("beyond a thousand addresses those that are ready stay, and it is said", () => {
  const pods = Array.from({ length: 1100 }, (_, i) => pod(`p${i}`, `10.1.${i >> 8}.${i & 255}`, { ready: i >= 200 }));
  const plan = planEndpoints(service(), pods);
  assert.equal(plan.isTruncated, true);
  assert.equal(plan.subsets[0]?.addresses?.length, 900);
  assert.equal(plan.subsets[0]?.notReadyAddresses?.length, 100);
});

test("Endpoints come with their service, follow its pods and go with it", async (t) => {
  const controllers = ["endpoints-controller", "serviceaccount-controller"];
  const { client, create, rest } = await startTestControlPlane(t, { controllers });
  await rest();
  const key = { namespace: "default", name: "web" };
  const ports = [{ port: 80 }];
  await create(Services, {
    apiVersion: "v1",
    kind: "Service",
    metadata: { ...key, labels: { a: "b" } },
    spec: { selector: { app: "web" }, ports },
  });
  await rest();
  const empty = await client.get(EndpointsResource, key);
  assert.deepEqual(empty.subsets ?? [], []);
  assert.deepEqual(empty.metadata.labels, { a: "b", "endpoints.kubernetes.io/managed-by": "endpoint-controller" });
  const made = await create(Pods, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "a", namespace: "default", labels: { app: "web" } },
    spec: { containers: [{ name: "c", image: "i" }] },
  });
  const status = { ...made.status, phase: "Running", podIP: "10.42.0.9", podIPs: [{ ip: "10.42.0.9" }] };
  await client.update(Pods, { ...made, status }, { subresource: "status" });
  await rest();
  const [subset] = (await client.get(EndpointsResource, key)).subsets ?? [];
  assert.deepEqual(
    subset?.notReadyAddresses?.map(({ ip }) => ip),
    ["10.42.0.9"],
  );
  await client.delete(Services, key);
  await rest();
  await assert.rejects(client.get(EndpointsResource, key), { message: notFound(EndpointsResource, "web").message });
  // The Endpoints of the service that the API server itself has are not touched.
  assert.ok(await client.get(EndpointsResource, { namespace: "default", name: "kubernetes" }));
});

test("Endpoints tell since when their change was due, and that they could not be written", async (t) => {
  const controllers = ["endpoints-controller", "serviceaccount-controller"];
  const { client, create, rest, refuse, events } = await startTestControlPlane(t, { controllers });
  await rest();
  const key = { namespace: "default", name: "web" };
  refuse(({ verb, plural }) => (verb === "create" && plural === "endpoints" ? serviceUnavailable("busy") : undefined));
  await create(Services, {
    metadata: key,
    spec: { selector: { app: "web" }, ports: [{ port: 80 }] },
  });
  await rest();
  refuse(() => undefined);
  await rest(5_000);
  assert.deepEqual(await events("Endpoints"), [
    "Warning FailedToCreateEndpoint Failed to create endpoint for service default/web: busy (5)",
  ]);
  const made = await client.get(EndpointsResource, key);
  assert.deepEqual(made.subsets ?? [], []);
  await client.delete(EndpointsResource, key);
  await client.patch(Services, key, { metadata: { labels: { a: "b" } } });
  await rest();
  const again = await client.get(EndpointsResource, key);
  const annotation = "endpoints.kubernetes.io/last-change-trigger-time";
  assert.deepEqual(
    [made, again].map((each) => each.metadata.annotations?.[annotation]),
    // Known by the first attempt; what came later was nothing new of the service.
    [undefined, undefined],
  );
  await client.delete(Services, key);
  await rest();
  await create(Services, { metadata: key, spec: { selector: { app: "web" }, ports: [{ port: 80 }] } });
  await rest();
  const { creationTimestamp } = (await client.get(Services, key)).metadata;
  const { annotations } = (await client.get(EndpointsResource, key)).metadata;
  assert.deepEqual(annotations, { [annotation]: creationTimestamp });
});
