import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointSlice, Service } from "../../api/index.ts";
import { answerQuestion, type DnsAnswer, type DnsView } from "./records.ts";

// The tests give only the fields that name resolution reads.
const service = (name: string, spec: object) =>
  ({ metadata: { namespace: "shop", name }, spec, status: {} }) as Service;
const slice = (of: string, endpoints: object[], ports: object[] = []) =>
  ({
    metadata: { namespace: "shop", name: `${of}-1`, labels: { "kubernetes.io/service-name": of } },
    addressType: "IPv4",
    endpoints,
    ports,
  }) as unknown as EndpointSlice;

const services = [
  service("web", {
    clusterIP: "10.43.0.5",
    clusterIPs: ["10.43.0.5"],
    ports: [{ name: "http", port: 80, protocol: "TCP" }],
  }),
  service("db", { clusterIP: "None", clusterIPs: ["None"], ports: [{ name: "sql", port: 3306 }] }),
  service("idle", { clusterIP: "None" }),
  service("out", { type: "ExternalName", externalName: "db.example.org" }),
  service("alias", { type: "ExternalName", externalName: "web.shop.svc.cluster.local." }),
];
const slices = [
  slice(
    "db",
    [
      { addresses: ["10.42.0.7"], hostname: "db-0", conditions: { ready: true } },
      { addresses: ["10.42.0.8"], conditions: { ready: true } },
      { addresses: ["10.42.0.9"], hostname: "db-2", conditions: { ready: false } },
    ],
    [{ name: "sql", port: 3306, protocol: "TCP" }],
  ),
];
const view: DnsView = {
  domain: "cluster.local",
  service: (namespace, name) =>
    services.find((each) => each.metadata.namespace === namespace && each.metadata.name === name),
  endpointSlices: (_, of) => slices.filter((each) => each.metadata.labels?.["kubernetes.io/service-name"] === of),
  serviceByAddress: (address) => services.find((each) => each.spec.clusterIP === address),
  slicesByAddress: (address) => slices.filter((each) => each.endpoints?.some((end) => end.addresses.includes(address))),
  namespaceExists: (namespace) => namespace === "shop",
};
const ask = (name: string, type = "A") => answerQuestion(view, name, type);
const data = (answer: DnsAnswer) => (answer.kind === "found" ? answer.records.map((each) => each.data) : answer.kind);

test("a service's name is its cluster IP", () => {
  assert.deepEqual(data(ask("web.shop.svc.cluster.local")), ["10.43.0.5"]);
});

test("a name without records of the asked type exists all the same", () => {
  assert.deepEqual(data(ask("web.shop.svc.cluster.local", "AAAA")), []);
  assert.deepEqual(data(ask("shop.svc.cluster.local")), []);
  assert.deepEqual(data(ask("svc.cluster.local")), []);
});

test("a headless service's name is the addresses of its ready endpoints", () => {
  assert.deepEqual(data(ask("db.shop.svc.cluster.local")), ["10.42.0.7", "10.42.0.8"]);
});

test("an endpoint has its hostname below the service, or its address with dashes", () => {
  assert.deepEqual(data(ask("db-0.db.shop.svc.cluster.local")), ["10.42.0.7"]);
  assert.deepEqual(data(ask("10-42-0-8.db.shop.svc.cluster.local")), ["10.42.0.8"]);
  assert.equal(data(ask("db-2.db.shop.svc.cluster.local")), "missing");
});

test("a named port is an SRV record", () => {
  assert.deepEqual(data(ask("_http._tcp.web.shop.svc.cluster.local", "SRV")), [
    { target: "web.shop.svc.cluster.local", port: 80 },
  ]);
  assert.deepEqual(data(ask("_sql._tcp.db.shop.svc.cluster.local", "SRV")), [
    { target: "db-0.db.shop.svc.cluster.local", port: 3306 },
    { target: "10-42-0-8.db.shop.svc.cluster.local", port: 3306 },
  ]);
  assert.equal(data(ask("_http._udp.web.shop.svc.cluster.local", "SRV")), "missing");
});

test("an ExternalName is an alias, followed inside the cluster and named for outside", () => {
  assert.deepEqual(ask("out.shop.svc.cluster.local"), {
    kind: "found",
    records: [{ type: "CNAME", name: "out.shop.svc.cluster.local", data: "db.example.org" }],
    alias: "db.example.org",
  });
  assert.deepEqual(data(ask("alias.shop.svc.cluster.local")), ["web.shop.svc.cluster.local", "10.43.0.5"]);
});

test("addresses of services and endpoints have names", () => {
  assert.deepEqual(data(ask("5.0.43.10.in-addr.arpa", "PTR")), ["web.shop.svc.cluster.local"]);
  assert.deepEqual(data(ask("7.0.42.10.in-addr.arpa", "PTR")), ["db-0.db.shop.svc.cluster.local"]);
  assert.equal(data(ask("1.0.0.127.in-addr.arpa", "PTR")), "forward");
});

test("a pod's address stands in its name", () => {
  assert.deepEqual(data(ask("10-42-0-7.shop.pod.cluster.local")), ["10.42.0.7"]);
  assert.equal(data(ask("10-42-0-7.nowhere.pod.cluster.local")), "missing");
  assert.equal(data(ask("elsewhere.shop.pod.cluster.local")), "missing");
});

test("unknown names of the cluster are missing, all others are forwarded", () => {
  assert.equal(data(ask("none.shop.svc.cluster.local")), "missing");
  assert.equal(data(ask("idle.shop.svc.cluster.local")), "missing");
  assert.equal(data(ask("web.nowhere.svc.cluster.local")), "missing");
  assert.equal(data(ask("other.cluster.local")), "missing");
  assert.equal(data(ask("deb.example.org")), "forward");
  assert.deepEqual(data(ask("dns-version.cluster.local", "TXT")), ["1.1.0"]);
});
