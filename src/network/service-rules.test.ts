import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointSlice, Pod, Service } from "../api/index.ts";
import { changeScript, noRules, replaceScript } from "./rule-set.ts";
import { KnownRules, type ServiceRulesInput, serviceRules, udpFlows } from "./service-rules.ts";

// The tests give only the fields that the rules read.
const service = (spec: object, status = {}) =>
  ({
    metadata: { namespace: "shop", name: "web" },
    spec: { clusterIP: "10.43.0.5", clusterIPs: ["10.43.0.5"], ports: [{ port: 80, protocol: "TCP" }], ...spec },
    status,
  }) as unknown as Service;
const endpoint = (address: string, nodeName = "here", conditions: object = { ready: true }) => ({
  addresses: [address],
  nodeName,
  conditions,
});
const slice = (endpoints: object[], ports: object[] = [{ name: "", port: 8080 }]) =>
  ({
    metadata: { namespace: "shop", name: "web-1", labels: { "kubernetes.io/service-name": "web" } },
    addressType: "IPv4",
    endpoints,
    ports,
  }) as unknown as EndpointSlice;
const whole = (input: Partial<ServiceRulesInput>): ServiceRulesInput => ({
  nodeName: "here",
  podRange: "10.42.0.0/16",
  serviceRanges: ["10.43.0.0/16"],
  services: [],
  endpointSlices: [],
  pods: [],
  ...input,
});
const rules = (input: Partial<ServiceRulesInput>) => serviceRules(whole(input));
const chain = (set: ReturnType<typeof rules>, name: string) => set.chains.get(name)?.rules;
const elements = (set: ReturnType<typeof rules>, map: string) => Object.fromEntries(set.maps.get(map)?.elements ?? []);

test("a cluster IP spreads over the ready endpoints of its port", () => {
  const set = rules({
    services: [service({})],
    endpointSlices: [
      slice([endpoint("10.42.0.7"), endpoint("10.42.1.8", "there"), endpoint("10.42.0.9", "here", { ready: false })]),
    ],
  });
  assert.deepEqual(elements(set, "service-addresses"), { "10.43.0.5 . tcp . 80": "goto service/shop/web/tcp/80" });
  assert.deepEqual(chain(set, "service/shop/web/tcp/80"), [
    "meta l4proto tcp dnat ip addr . port to numgen random mod 2 map { 0 : 10.42.0.7 . 8080, 1 : 10.42.1.8 . 8080 }",
  ]);
});

test("a service without endpoints has no entry: its address is refused", () => {
  const set = rules({ services: [service({})] });
  assert.deepEqual(elements(set, "service-addresses"), {});
  assert.ok(chain(set, "refuse-output")?.includes("ip daddr 10.43.0.0/16 meta l4proto tcp reject with tcp reset"));
});

test("what nobody has in any range of services is refused", () => {
  const set = rules({ serviceRanges: ["10.43.0.0/16", "203.0.113.0/24"] });
  assert.deepEqual(chain(set, "refuse-forward"), [
    "ip daddr 10.43.0.0/16 meta l4proto tcp reject with tcp reset",
    "ip daddr 10.43.0.0/16 reject with icmp port-unreachable",
    "ip daddr 203.0.113.0/24 meta l4proto tcp reject with tcp reset",
    "ip daddr 203.0.113.0/24 reject with icmp port-unreachable",
  ]);
});

test("endpoints that are meant for the node or its zone serve it, when each says for whom it is", () => {
  const hinted = (address: string, zones: readonly string[], nodes: readonly string[] = []) => ({
    ...endpoint(address, "there"),
    hints: { forZones: zones.map((name) => ({ name })), forNodes: nodes.map((name) => ({ name })) },
  });
  const servedBy = (endpoints: object[], zone?: string) => {
    const set = rules({ zone, services: [service({})], endpointSlices: [slice(endpoints)] });
    return chain(set, "service/shop/web/tcp/80")?.[0]?.match(/10\.42\.\d+\.\d+/g);
  };
  const both = [hinted("10.42.0.7", ["a"]), hinted("10.42.1.8", ["b"])];
  assert.deepEqual(servedBy(both, "a"), ["10.42.0.7"]);
  assert.deepEqual(servedBy(both, "b"), ["10.42.1.8"]);
  const all = ["10.42.0.7", "10.42.1.8"];
  assert.deepEqual(servedBy(both, "c"), all);
  assert.deepEqual(servedBy(both), all);
  assert.deepEqual(servedBy([hinted("10.42.0.7", ["a"]), endpoint("10.42.1.8")], "a"), all);
  // The node comes before its zone, and what is not ready says nothing.
  const near = [hinted("10.42.0.7", ["a"], ["here"]), hinted("10.42.1.8", ["a"], ["there"])];
  assert.deepEqual(servedBy(near, "a"), ["10.42.0.7"]);
  assert.deepEqual(servedBy([...both, endpoint("10.42.1.9", "there", { ready: false })], "a"), ["10.42.0.7"]);
});

test("endpoints that terminate but serve are used only where none is ready", () => {
  const leaving = endpoint("10.42.0.9", "here", { ready: false, serving: true, terminating: true });
  const alone = rules({ services: [service({})], endpointSlices: [slice([leaving])] });
  assert.match(chain(alone, "service/shop/web/tcp/80")?.[0] ?? "", /10\.42\.0\.9/);
  const both = rules({ services: [service({})], endpointSlices: [slice([leaving, endpoint("10.42.0.7")])] });
  assert.doesNotMatch(chain(both, "service/shop/web/tcp/80")?.[0] ?? "", /10\.42\.0\.9/);
});

test("a named port goes to the number that each slice gives it", () => {
  const set = rules({
    services: [
      service({
        ports: [
          { name: "http", port: 80, protocol: "TCP" },
          { name: "stats", port: 81, protocol: "TCP" },
        ],
      }),
    ],
    endpointSlices: [
      slice([endpoint("10.42.0.7")], [{ name: "http", port: 8080 }]),
      slice([endpoint("10.42.0.8")], [{ name: "http", port: 9090 }]),
    ],
  });
  assert.match(chain(set, "service/shop/web/tcp/80")?.[0] ?? "", /10\.42\.0\.7 \. 8080, 1 : 10\.42\.0\.8 \. 9090/);
  assert.equal(chain(set, "service/shop/web/tcp/81"), undefined);
});

test("a node port marks packets for masquerading and goes to all endpoints", () => {
  const set = rules({
    services: [service({ type: "NodePort", ports: [{ port: 80, nodePort: 30080 }] })],
    endpointSlices: [slice([endpoint("10.42.1.8", "there")])],
  });
  assert.deepEqual(elements(set, "local-ports"), { "tcp . 30080": "goto external/shop/web/tcp/80" });
  assert.deepEqual(chain(set, "external/shop/web/tcp/80"), [
    "meta mark set meta mark | 0x4000",
    "goto service/shop/web/tcp/80",
  ]);
});

test("externalTrafficPolicy Local keeps the source and drops where no endpoint is on this node", () => {
  const spec = { type: "NodePort", externalTrafficPolicy: "Local", ports: [{ port: 80, nodePort: 30080 }] };
  const remote = rules({ services: [service(spec)], endpointSlices: [slice([endpoint("10.42.1.8", "there")])] });
  assert.equal(chain(remote, "external/shop/web/tcp/80")?.at(-1), "drop");
  const local = rules({ services: [service(spec)], endpointSlices: [slice([endpoint("10.42.0.7")])] });
  assert.equal(chain(local, "external/shop/web/tcp/80")?.at(-1), "goto service/local/shop/web/tcp/80");
});

test("a policy of Local uses what still serves here, although others elsewhere are ready", () => {
  const spec = { type: "NodePort", externalTrafficPolicy: "Local", ports: [{ port: 80, nodePort: 30080 }] };
  const leaving = endpoint("10.42.0.9", "here", { ready: false, serving: true, terminating: true });
  const set = rules({
    services: [service(spec)],
    endpointSlices: [slice([leaving, endpoint("10.42.1.8", "there")])],
  });
  assert.match(chain(set, "service/local/shop/web/tcp/80")?.[0] ?? "", /mod 1 map \{ 0 : 10\.42\.0\.9/);
  assert.match(chain(set, "service/shop/web/tcp/80")?.[0] ?? "", /mod 1 map \{ 0 : 10\.42\.1\.8/);
});

test("internalTrafficPolicy Local uses this node's endpoints alone", () => {
  const set = rules({
    services: [service({ internalTrafficPolicy: "Local" })],
    endpointSlices: [slice([endpoint("10.42.1.8", "there"), endpoint("10.42.0.7")])],
  });
  assert.match(chain(set, "service/shop/web/tcp/80")?.[0] ?? "", /mod 1 map \{ 0 : 10\.42\.0\.7/);
});

test("ClientIP affinity remembers clients in a set that outlives changes of the endpoints", () => {
  const sticky = service({ sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } });
  const one = rules({ services: [sticky], endpointSlices: [slice([endpoint("10.42.0.7")])] });
  const two = rules({ services: [sticky], endpointSlices: [slice([endpoint("10.42.0.7"), endpoint("10.42.0.8")])] });
  const known = "clients/60/shop/web/tcp/80/10.42.0.7/8080";
  assert.match(one.maps.get(known)?.declaration ?? "", /timeout 60s/);
  const script = changeScript("roder", one, two);
  assert.doesNotMatch(script, new RegExp(`(add|delete|flush) set ip roder ${known}`));
  assert.match(script, /add set ip roder clients\/60\/shop\/web\/tcp\/80\/10\.42\.0\.8\/8080/);
});

test("headless and ExternalName services need no rules", () => {
  const headless = service({ clusterIP: "None", clusterIPs: ["None"] });
  const external = service({ type: "ExternalName", externalName: "db.example.org" });
  for (const each of [headless, external]) {
    const set = rules({ services: [each], endpointSlices: [slice([endpoint("10.42.0.7")])] });
    assert.deepEqual(elements(set, "service-addresses"), {});
  }
});

test("Services should implement service.kubernetes.io/service-proxy-name, and headless: what bears the label is left to others", () => {
  for (const label of ["service.kubernetes.io/service-proxy-name", "service.kubernetes.io/headless"]) {
    const endpointSlices = [slice([endpoint("10.42.0.7")])];
    const labelled = { ...service({}), metadata: { namespace: "shop", name: "web", labels: { [label]: "foo-bar" } } };
    assert.deepEqual(elements(rules({ services: [labelled as Service], endpointSlices }), "service-addresses"), {});
    const [plain] = endpointSlices;
    const labels = { ...plain?.metadata.labels, [label]: "foo-bar" };
    const slices = [{ ...plain, metadata: { ...plain?.metadata, labels } } as EndpointSlice];
    const set = rules({ services: [service({})], endpointSlices: slices });
    assert.deepEqual(elements(set, "service-addresses"), {});
  }
});

test("a node port with externalTrafficPolicy Local is refused, not dropped, where no endpoint is anywhere", () => {
  const local = service({ ports: [{ port: 80, protocol: "TCP", nodePort: 30080 }], externalTrafficPolicy: "Local" });
  const unserved = rules({ services: [local] });
  assert.deepEqual(elements(unserved, "local-ports"), {});
  const elsewhere = rules({ services: [local], endpointSlices: [slice([endpoint("10.42.1.8", "there")])] });
  assert.deepEqual(chain(elsewhere, "external/shop/web/tcp/80")?.at(-1), "drop");
});

test("IPv4 Service Type ClusterIP with leading zeros should work interpreted as decimal, and so should all addresses", () => {
  const zeros = service({
    clusterIP: "010.043.000.011",
    clusterIPs: ["010.043.000.011"],
    externalIPs: ["203.000.113.010", "::1"],
  });
  const set = rules({ services: [zeros], endpointSlices: [slice([endpoint("010.042.000.010")])] });
  assert.deepEqual(Object.keys(elements(set, "service-addresses")), [
    "10.43.0.11 . tcp . 80",
    "203.0.113.10 . tcp . 80",
  ]);
  assert.match(chain(set, "service/shop/web/tcp/80")?.[0] ?? "", / 10\.42\.0\.10 \. 8080 /);
  // All that the rules read of a pod.
  const onHost = (hostIP: string) =>
    ({
      metadata: {},
      spec: { containers: [{ ports: [{ hostPort: 80, containerPort: 8080, hostIP }] }] },
      status: { podIP: "10.42.0.7" },
    }) as unknown as Pod;
  const hosts = rules({ pods: [onHost("198.051.100.010"), onHost("::1"), onHost("::")] });
  assert.deepEqual(chain(hosts, "hostport/tcp/80")?.slice(1), [
    "ip daddr 198.51.100.10 meta l4proto tcp dnat to 10.42.0.7:8080",
  ]);
});

test("a host port leads to the pod, and a node port wins over it", () => {
  const pod = {
    spec: { containers: [{ ports: [{ containerPort: 80, hostPort: 8000 }] }] },
    status: { podIP: "10.42.0.9", phase: "Running" },
  } as unknown as Pod;
  const set = rules({ pods: [pod] });
  assert.deepEqual(elements(set, "local-ports"), { "tcp . 8000": "goto hostport/tcp/8000" });
  assert.equal(chain(set, "hostport/tcp/8000")?.at(-1), "meta l4proto tcp dnat to 10.42.0.9:80");
  assert.deepEqual(Object.keys(elements(set, "hairpin")), ["10.42.0.9 . 10.42.0.9"]);
  const nodePort = service({ type: "NodePort", ports: [{ port: 80, nodePort: 8000 }] });
  const both = rules({ pods: [pod], services: [nodePort], endpointSlices: [slice([endpoint("10.42.0.7")])] });
  assert.deepEqual(elements(both, "local-ports"), { "tcp . 8000": "goto external/shop/web/tcp/80" });
});

test("UDP flows are those to cluster IPs, node ports, external addresses and host ports", () => {
  const dns = service({
    type: "NodePort",
    externalIPs: ["192.0.2.9"],
    ports: [{ port: 53, protocol: "UDP", nodePort: 30053 }],
  });
  const pod = {
    spec: { containers: [{ ports: [{ containerPort: 514, hostPort: 514, protocol: "UDP" }] }] },
    status: { podIP: "10.42.0.9", phase: "Running" },
  } as unknown as Pod;
  const flows = udpFlows(whole({ services: [dns], endpointSlices: [slice([endpoint("10.42.0.7")])], pods: [pod] }));
  assert.deepEqual(
    [...flows.values()],
    [
      { address: "10.43.0.5", port: 53, endpoint: "10.42.0.7" },
      { address: "192.0.2.9", port: 53, endpoint: "10.42.0.7" },
      { port: 30053, endpoint: "10.42.0.7" },
      { port: 514, endpoint: "10.42.0.9" },
    ],
  );
});

test("the same rules twice are no change", () => {
  const input = { services: [service({})], endpointSlices: [slice([endpoint("10.42.0.7")])] };
  assert.equal(changeScript("roder", rules(input), rules(input)), "");
});

test("a service that goes takes its chain and its entry with it, the entry first", () => {
  const before = rules({ services: [service({})], endpointSlices: [slice([endpoint("10.42.0.7")])] });
  const lines = changeScript("roder", before, rules({})).split("\n");
  const entry = lines.indexOf("delete element ip roder service-addresses { 10.43.0.5 . tcp . 80 }");
  const gone = lines.indexOf("delete chain ip roder service/shop/web/tcp/80");
  assert.ok(entry >= 0 && gone > entry, lines.join("\n"));
});

test("replacing starts from an empty table, whatever was there", () => {
  assert.ok(
    replaceScript("roder", noRules).startsWith("add table ip roder\ndelete table ip roder\nadd table ip roder\n"),
  );
});

test("of the services only those are worked out again that changed, or whose endpoints did", () => {
  const named = (name: string, clusterIPs: string[]) => {
    const { metadata, ...rest } = service({ clusterIPs });
    return { ...rest, metadata: { ...metadata, name } } as Service;
  };
  const read: string[] = [];
  const sliceOf = (name: string, address: string): EndpointSlice => ({
    ...slice([]),
    metadata: { ...slice([]).metadata, labels: { "kubernetes.io/service-name": name } },
    get endpoints() {
      read.push(name);
      return [endpoint(address)];
    },
  });
  const web = named("web", ["10.43.0.5"]);
  const db = named("db", ["10.43.0.6"]);
  const dbSlice = sliceOf("db", "10.42.0.8");
  const known = new KnownRules();
  const asKnown = (input: Partial<ServiceRulesInput>) => {
    read.length = 0;
    const set = serviceRules(whole(input), known);
    const seen = [...read];
    assert.deepEqual(set, serviceRules(whole(input)));
    return seen;
  };
  assert.deepEqual(asKnown({ services: [web, db], endpointSlices: [sliceOf("web", "10.42.0.7"), dbSlice] }), [
    "web",
    "db",
  ]);
  const changed = sliceOf("web", "10.42.0.9");
  assert.deepEqual(asKnown({ services: [web, db], endpointSlices: [changed, dbSlice] }), ["web"]);
  const moved = named("web", ["10.43.0.7"]);
  assert.deepEqual(asKnown({ services: [moved, db], endpointSlices: [changed, dbSlice] }), ["web"]);
  assert.deepEqual(asKnown({ services: [moved, db], endpointSlices: [dbSlice] }), []);
  assert.deepEqual(asKnown({ services: [moved, db], endpointSlices: [dbSlice], zone: "a" }), ["db"]);
});
