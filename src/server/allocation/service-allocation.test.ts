import assert from "node:assert/strict";
import { test } from "node:test";
import { IPAddresses, type Service, ServiceCIDRs, Services } from "../../api/index.ts";
import { addressAt, parseRange, rangeContains, seededRandom, VirtualClock } from "../../lib/index.ts";
import { MemoryStorage } from "../../storage/index.ts";
import { startTestServer, type TestServer } from "../server-for-tests.ts";
import { serviceAllocation } from "./index.ts";

const range = parseRange("10.43.0.0/28")!;

async function startServer(storage = new MemoryStorage(), lastNodePort = 30003): Promise<TestServer> {
  return startTestServer({
    storage,
    commitHooks: (cache) =>
      new Map([
        [
          "services",
          serviceAllocation({
            cache,
            serviceRange: range,
            serviceRangeText: "10.43.0.0/28",
            nodePorts: { first: 30000, last: lastNodePort },
            clock: new VirtualClock(),
            random: seededRandom(3),
          }),
        ],
      ]),
  });
}

const service = (name: string, spec: object = {}) => ({
  metadata: { name },
  spec: { selector: { app: name }, ports: [{ name: "http", port: 80 }], ...spec },
});

const create = (server: TestServer, name: string, spec?: object, options = {}) =>
  server.send("create", Services, { namespace: "default", body: service(name, spec), options });

const put = (server: TestServer, next: Service) =>
  server.send("update", Services, { namespace: "default", name: next.metadata.name, body: next });

const remove = (server: TestServer, name: string) => server.send("delete", Services, { namespace: "default", name });

test("a service gets a free address of the range, with its IPAddress", async () => {
  const server = await startServer();
  const { spec } = await create(server, "web");
  assert.ok(rangeContains(range, spec.clusterIP ?? ""));
  assert.deepEqual(spec.clusterIPs, [spec.clusterIP]);
  const claim = await server.send("get", IPAddresses, { name: spec.clusterIP ?? "" });
  assert.deepEqual(claim.spec.parentRef, { group: "", resource: "services", namespace: "default", name: "web" });
  await server.close();
});

test("services created at once never share an address, and a full range says so", async () => {
  const server = await startServer();
  // 16 addresses, less the first and the last.
  const services = await Promise.all(Array.from({ length: 14 }, (_, index) => create(server, `s${index}`)));
  assert.equal(new Set(services.map(({ spec }) => spec.clusterIP)).size, 14);
  await assert.rejects(create(server, "late"), {
    code: 500,
    message: /failed to allocate a serviceIP: range is full/,
  });
  await remove(server, "s3");
  assert.equal((await create(server, "late")).spec.clusterIP, services[3]?.spec.clusterIP);
  await server.close();
});

test("an address that is chosen is had once, within the range", async () => {
  const server = await startServer();
  const clusterIP = addressAt(range, 2);
  assert.equal((await create(server, "a", { clusterIP })).spec.clusterIP, clusterIP);
  await assert.rejects(create(server, "b", { clusterIP }), {
    code: 422,
    message:
      'Service "b" is invalid: spec.clusterIPs: Invalid value: ["10.43.0.2"]: failed to allocate IP 10.43.0.2: provided IP is already allocated',
  });
  await assert.rejects(create(server, "b", { clusterIP: "10.44.0.1" }), {
    code: 422,
    message: /provided IP is not in the valid range\. The range of valid IPs is 10\.43\.0\.0\/28/,
  });
  await server.close();
});

test("an address with leading zeros is the one that it means in decimal", async () => {
  const server = await startServer();
  await create(server, "zeros", { clusterIP: "010.043.000.010" });
  await assert.rejects(create(server, "same", { clusterIP: "10.43.0.10" }), /already allocated/);
  assert.deepEqual(
    (await server.list(IPAddresses)).items.map(({ metadata }) => metadata.name),
    ["10.43.0.10"],
  );
  await remove(server, "zeros");
  assert.deepEqual((await server.list(IPAddresses)).items, []);
  await server.close();
});

test("ServiceCIDRs that are ready give addresses too, chosen ones at once and others when the first range is full", async () => {
  const server = await startServer();
  const chosen = { clusterIP: "203.0.113.10" };
  await assert.rejects(create(server, "early", chosen), { code: 422 });
  const metadata = { name: "more" };
  const more = await server.send("create", ServiceCIDRs, {
    body: { metadata, spec: { cidrs: ["203.0.113.0/24", "2001:db8:cb00::/64"] } },
  });
  assert.equal((await create(server, "chosen", chosen)).spec.clusterIP, "203.0.113.10");
  for (const clusterIP of ["203.0.113.0", "203.0.113.255"])
    await assert.rejects(create(server, "edge", { clusterIP }), /valid IPs is 10\.43\.0\.0\/28, 203\.0\.113\.0\/24/);
  for (let index = 0; index < 14; index++)
    assert.match((await create(server, `s${index}`)).spec.clusterIP ?? "", /^10\.43\.0\./);
  assert.match((await create(server, "late")).spec.clusterIP ?? "", /^203\.0\.113\./);
  const ready = { type: "Ready", status: "False", reason: "Terminating", message: "" };
  await server.send("update", ServiceCIDRs, {
    name: "more",
    subresource: "status",
    body: { ...more, status: { conditions: [{ ...ready, lastTransitionTime: "2026-01-01T00:00:00Z" }] } },
  });
  await assert.rejects(create(server, "too-late"), /range is full/);
  await remove(server, "chosen");
  assert.equal((await server.list(IPAddresses)).items.length, 15);
  await server.close();
});

test("allocation survives a restart of the server", async () => {
  const storage = new MemoryStorage();
  const first = await startServer(storage);
  const clusterIP = addressAt(range, 2);
  await create(first, "a", { clusterIP, type: "NodePort", ports: [{ port: 80, nodePort: 30001 }] });
  const second = await startServer(storage);
  await assert.rejects(create(second, "b", { clusterIP }), /already allocated/);
  await assert.rejects(create(second, "b", { type: "NodePort", ports: [{ port: 80, nodePort: 30001 }] }), {
    code: 422,
    message: 'Service "b" is invalid: spec.ports[0].nodePort: Invalid value: 30001: provided port is already allocated',
  });
  await remove(second, "a");
  assert.equal((await create(second, "b", { clusterIP })).spec.clusterIP, clusterIP);
  await first.cache.close();
  await second.close();
});

test("a dry run shows an address and takes none", async () => {
  const server = await startServer();
  assert.ok((await create(server, "web", {}, { dryRun: "All" })).spec.clusterIP);
  assert.deepEqual((await server.list(IPAddresses)).items, []);
  await server.close();
});

test("headless services and names elsewhere have no address", async () => {
  const server = await startServer();
  assert.equal((await create(server, "headless", { clusterIP: "None" })).spec.clusterIP, "None");
  const elsewhere = await create(server, "elsewhere", { type: "ExternalName", externalName: "example.com", ports: [] });
  assert.equal(elsewhere.spec.clusterIP, undefined);
  assert.deepEqual((await server.list(IPAddresses)).items, []);
  await server.close();
});

test("node ports come and go with the service's type", async () => {
  const server = await startServer();
  const web = await create(server, "web", { type: "NodePort" });
  const nodePort = web.spec.ports?.[0]?.nodePort ?? 0;
  assert.ok(nodePort >= 30000 && nodePort <= 30003);
  const inside = await put(server, { ...web, spec: { ...web.spec, type: "ClusterIP" } });
  assert.equal(inside.spec.ports?.[0]?.nodePort, undefined);
  assert.equal(inside.spec.clusterIP, web.spec.clusterIP);
  const other = await create(server, "other", { type: "NodePort", ports: [{ port: 80, nodePort }] });
  assert.equal(other.spec.ports?.[0]?.nodePort, nodePort);
  await server.close();
});

test("TCP and UDP of one port have one number on the nodes", async () => {
  const server = await startServer();
  const { spec } = await create(server, "dns", {
    type: "NodePort",
    ports: [
      { name: "udp", port: 53, protocol: "UDP", nodePort: 30002 },
      { name: "tcp", port: 53, protocol: "TCP" },
    ],
  });
  assert.deepEqual(
    spec.ports?.map((each) => each.nodePort),
    [30002, 30002],
  );
  await server.close();
});

test("a new service has one number on the nodes for a port of two protocols, a port that is added a number of its own", async () => {
  const server = await startServer();
  const tcp = { name: "tcp", port: 53 };
  const udp = { name: "udp", port: 53, protocol: "UDP" };
  const both = await create(server, "both", { type: "NodePort", ports: [tcp, udp] });
  assert.equal(both.spec.ports?.[1]?.nodePort, both.spec.ports?.[0]?.nodePort);
  const one = await create(server, "one", { type: "NodePort", ports: [tcp] });
  const { spec } = await put(server, { ...one, spec: { ...one.spec, ports: [...(one.spec.ports ?? []), udp] } });
  assert.notEqual(spec.ports?.[1]?.nodePort, spec.ports?.[0]?.nodePort);
  await server.close();
});

test("the lowest ports of the nodes are left to those who choose, until there are no others", async () => {
  // Of 18 ports 16 are left.
  const server = await startServer(new MemoryStorage(), 30017);
  const ports = [80, 81, 82].map((port) => ({ name: `p${port}`, port }));
  const { spec } = await create(server, "web", { type: "NodePort", ports });
  const given = spec.ports?.map(({ nodePort = 0 }) => nodePort) ?? [];
  assert.deepEqual(given.slice(0, 2).sort(), [30016, 30017]);
  assert.ok((given[2] ?? 0) < 30016);
  await server.close();
});

test("a load balancer without ports on the nodes has those that it names, until it names none", async () => {
  const server = await startServer();
  const own = { type: "LoadBalancer", allocateLoadBalancerNodePorts: false };
  const ports = [{ name: "a", port: 80, nodePort: 30001 }];
  const balanced = await create(server, "balanced", { ...own, ports });
  const taken = { type: "NodePort", ports };
  await assert.rejects(create(server, "other", taken), /provided port is already allocated/);
  const without = await put(server, { ...balanced, spec: { ...balanced.spec, ports: [{ name: "a", port: 80 }] } });
  assert.equal(without.spec.ports?.[0]?.nodePort, undefined);
  await create(server, "other", taken);
  const given = await create(server, "given", { type: "LoadBalancer" });
  const kept = await put(server, { ...given, spec: { ...given.spec, allocateLoadBalancerNodePorts: false } });
  assert.deepEqual(kept.spec.ports, given.spec.ports);
  await server.close();
});

test("a port for health that is taken is an internal error", async () => {
  const server = await startServer();
  await create(server, "web", { type: "NodePort", ports: [{ port: 80, nodePort: 30001 }] });
  const local = { type: "LoadBalancer", externalTrafficPolicy: "Local", allocateLoadBalancerNodePorts: false };
  await assert.rejects(create(server, "local", { ...local, healthCheckNodePort: 30001 }), {
    code: 500,
    message:
      "Internal error occurred: failed to allocate requested HealthCheck NodePort 30001: provided port is already allocated",
  });
  await server.close();
});

test("a service of a family that the cluster has not is refused, but for names without a selector", async () => {
  const server = await startServer();
  const refused = (spec: object, why: string) =>
    assert.rejects(create(server, "x", spec), { code: 422, message: `Service "x" is invalid: ${why}` });
  const notDual =
    'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services';
  const dual = "must be 'RequireDualStack' or 'PreferDualStack' when multiple";
  await refused({ ipFamilyPolicy: "RequireDualStack" }, notDual);
  await refused({ clusterIP: "None", ipFamilyPolicy: "RequireDualStack" }, notDual);
  await refused(
    { clusterIP: "None", ipFamilies: ["IPv6"] },
    'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster',
  );
  await refused(
    { ipFamilies: ["IPv4", "IPv6"] },
    `spec.ipFamilyPolicy: Invalid value: "SingleStack": ${dual} IP families are specified`,
  );
  await refused(
    { clusterIP: "fd00::1" },
    'spec.clusterIPs[0]: Invalid value: ["fd00::1"]: IPv6 is not configured on this cluster',
  );
  const bare = await create(server, "bare", { clusterIP: "None", selector: {} });
  assert.deepEqual([bare.spec.ipFamilyPolicy, bare.spec.ipFamilies], ["RequireDualStack", ["IPv4", "IPv6"]]);
  const single = { clusterIP: "None", selector: {}, ipFamilyPolicy: "SingleStack", ipFamilies: ["IPv6"] };
  assert.deepEqual((await create(server, "single", single)).spec.ipFamilies, ["IPv6"]);
  await server.close();
});

test("a service that becomes a name elsewhere gives its address back", async () => {
  const server = await startServer();
  const web = await create(server, "web");
  const next = { ...web, spec: { ...web.spec, type: "ExternalName", externalName: "example.com" } };
  assert.equal((await put(server, next)).spec.clusterIP, undefined);
  assert.deepEqual((await server.list(IPAddresses)).items, []);
  await server.close();
});
