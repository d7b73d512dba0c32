// What conformance asks of services and their endpoints in the API, with the controllers running.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type ApiClient, apiClient, type Document } from "./api-client.ts";
import { aroundTests } from "./around-tests.ts";
import { type ServedControlPlane, serveControlPlane } from "./served-control-plane.ts";

let plane: ServedControlPlane;
let api: ApiClient;
aroundTests(
  async () => {
    plane = await serveControlPlane({ apiAddress: "192.0.2.1" });
    api = apiClient(plane);
    // A pod of a node that is not there has no endpoint.
    await api.post("/api/v1/nodes", { metadata: { name: "node" } });
  },
  () => plane.close(),
);

const namespace = "/api/v1/namespaces/default";
const services = `${namespace}/services`;
const slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
const service = (name: string, spec: object) => ({ metadata: { name }, spec });
const ports = [{ port: 80, protocol: "TCP", targetPort: 9376 }];

test("Kubernetes Service; EndpointSlice API, the API servers': the kubernetes service is there and has Endpoints and an EndpointSlice that agree", async () => {
  const { groups } = await api.get("/apis");
  assert.ok(groups.some(({ name }: Document) => name === "discovery.k8s.io"));
  const { resources } = await api.get("/apis/discovery.k8s.io/v1");
  assert.ok(resources.some(({ name }: Document) => name === "endpointslices"));
  const { spec } = await api.get(`${services}/kubernetes`);
  assert.deepEqual(
    spec.ports.map(({ name, port }: Document) => [name, port]),
    [["https", 443]],
  );
  const { subsets } = await api.get(`${namespace}/endpoints/kubernetes`);
  const { items } = await api.get(`${slices}?labelSelector=kubernetes.io%2Fservice-name%3Dkubernetes`);
  assert.deepEqual(
    items.flatMap(({ endpoints }: Document) => endpoints.flatMap(({ addresses }: Document) => addresses)),
    ["192.0.2.1"],
  );
  assert.deepEqual(subsets[0].addresses, [{ ip: "192.0.2.1" }]);
  for (const each of [subsets[0].ports[0], items[0].ports[0]])
    assert.deepEqual([each.name, each.port], ["https", 6443]);
});

test("Service, change type, ClusterIP to ExternalName: it has no cluster IP any more", async () => {
  const created = await api.post(services, service("to-name", { type: "ClusterIP", ports }));
  assert.match(created.spec.clusterIP, /^10\.43\./);
  const { spec } = await api.replace(`${services}/to-name`, (object) => {
    object.spec = { type: "ExternalName", externalName: "example.com" };
  });
  assert.deepEqual([spec.type, spec.externalName, spec.clusterIP], ["ExternalName", "example.com", undefined]);
  // Its address is free for others.
  const next = await api.post(services, service("next", { clusterIP: created.spec.clusterIP, ports }));
  assert.equal(next.spec.clusterIP, created.spec.clusterIP);
});

test("Service, change type, ExternalName to ClusterIP: it gets a cluster IP", async () => {
  const created = await api.post(services, service("from-name", { type: "ExternalName", externalName: "example.com" }));
  assert.equal(created.spec.clusterIP, undefined);
  const { spec } = await api.replace(`${services}/from-name`, (object) => {
    object.spec = { ...object.spec, type: "ClusterIP", externalName: "", ports };
  });
  assert.match(spec.clusterIP, /^10\.43\./);
  assert.equal(spec.externalName, undefined);
});

test("Service, change type, ExternalName to NodePort: it gets a cluster IP and node ports", async () => {
  await api.post(services, service("to-ports", { type: "ExternalName", externalName: "example.com" }));
  const { spec } = await api.replace(`${services}/to-ports`, (object) => {
    object.spec = { ...object.spec, type: "NodePort", externalName: "", ports };
  });
  assert.match(spec.clusterIP, /^10\.43\./);
  assert.ok(spec.ports[0].nodePort >= 30_000 && spec.ports[0].nodePort <= 32_767);
});

test("Service, change type, NodePort to ExternalName: its cluster IP and its node ports are free again", async () => {
  const created = await api.post(services, service("from-ports", { type: "NodePort", ports }));
  const { clusterIP } = created.spec;
  const [{ nodePort }] = created.spec.ports;
  const { spec } = await api.replace(`${services}/from-ports`, (object) => {
    object.spec = { ...object.spec, type: "ExternalName", externalName: "example.com" };
    delete object.spec.clusterIP;
    delete object.spec.clusterIPs;
    delete object.spec.ports[0].nodePort;
  });
  assert.equal(spec.clusterIP, undefined);
  assert.equal(spec.ports[0].nodePort, undefined);
  const next = service("next-ports", { type: "NodePort", clusterIP, ports: [{ ...ports[0], nodePort }] });
  assert.equal((await api.post(services, next)).spec.ports[0].nodePort, nodePort);
});

test("EndpointSlice API, slices for pods: they come with a service's pods, and go with the service", async () => {
  await api.post(services, service("sliced", { selector: { app: "sliced" }, ports }));
  await api.post(`${namespace}/pods`, {
    metadata: { name: "sliced", labels: { app: "sliced" } },
    spec: { nodeName: "node", containers: [{ name: "c", image: "i" }] },
  });
  const conditions = [{ type: "Ready", status: "True" }];
  await api.patch(`${namespace}/pods/sliced/status`, {
    status: { phase: "Running", podIP: "10.42.0.7", podIPs: [{ ip: "10.42.0.7" }], conditions },
  });
  const own = `${slices}?labelSelector=kubernetes.io%2Fservice-name%3Dsliced`;
  const slice = await api.until(own, ({ endpoints }) => endpoints?.length === 1);
  assert.deepEqual(slice.endpoints[0].addresses, ["10.42.0.7"]);
  assert.equal(slice.endpoints[0].targetRef.name, "sliced");
  assert.deepEqual(
    slice.ports.map(({ port }: Document) => port),
    [9376],
  );
  const watch = await api.watch(`${own}&resourceVersion=${slice.metadata.resourceVersion}`);
  await api.delete(`${services}/sliced`);
  for (let event = ""; !event.startsWith("DELETED"); ) [event] = await watch.next();
  watch.close();
});

test("Service endpoint latency, thresholds: each of a hundred services gets the endpoint of a pod that is there", async () => {
  await api.post(`${namespace}/pods`, {
    metadata: { name: "common", labels: { app: "common" } },
    spec: { nodeName: "node", containers: [{ name: "c", image: "i" }] },
  });
  await api.patch(`${namespace}/pods/common/status`, {
    status: {
      phase: "Running",
      podIP: "10.42.0.8",
      podIPs: [{ ip: "10.42.0.8" }],
      conditions: [{ type: "Ready", status: "True" }],
    },
  });
  for (let index = 0; index < 100; index++) {
    const name = `latency-${index}`;
    await api.post(services, service(name, { selector: { app: "common" }, ports }));
    const own = `${slices}?labelSelector=kubernetes.io%2Fservice-name%3D${name}`;
    const { endpoints } = await api.until(own, (slice) => slice.endpoints?.length === 1);
    assert.deepEqual(endpoints[0].addresses, ["10.42.0.8"]);
  }
});
