import assert from "node:assert/strict";
import { test } from "node:test";
import { cells, created, errorsOnCreate, type Partially } from "../definition-fixture.ts";
import type { NetworkPolicyPeer, NetworkPolicyPort } from "../types.generated.ts";
import { NetworkPolicies } from "./network-policy.ts";

test("a policy is about what comes in, and about what goes out when it says so", () => {
  const spec = created(NetworkPolicies, { spec: { ingress: [{ ports: [{ port: 80 }] }] } }).spec;
  assert.deepEqual(spec, {
    podSelector: {},
    policyTypes: ["Ingress"],
    ingress: [{ ports: [{ port: 80, protocol: "TCP" }] }],
  });
  assert.deepEqual(created(NetworkPolicies, { spec: { egress: [{}] } }).spec.policyTypes, ["Ingress", "Egress"]);
});

const peers: readonly (readonly [string, Partially<NetworkPolicyPeer>, readonly string[]])[] = [
  ["a good one", { podSelector: {}, namespaceSelector: {} }, []],
  ["a good range", { ipBlock: { cidr: "10.0.0.0/8", except: ["10.1.0.0/16"] } }, []],
  ["nobody", {}, ["spec.ingress[0].from[0]: Required value: must specify a peer"]],
  [
    "a range and pods",
    { podSelector: {}, ipBlock: { cidr: "10.0.0.0/8" } },
    ["spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer"],
  ],
  ["no range", { ipBlock: {} }, ["spec.ingress[0].from[0].ipBlock.cidr: Required value"]],
  [
    "a range that is none",
    { ipBlock: { cidr: "10.0.0.0" } },
    [
      'spec.ingress[0].from[0].ipBlock.cidr: Invalid value: "10.0.0.0": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
    ],
  ],
  [
    "a range without what it does not hold",
    { ipBlock: { cidr: "10.0.0.0/8", except: ["11.0.0.0/16"] } },
    ['spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`'],
  ],
];

for (const [name, peer, errors] of peers)
  test(`a peer is validated: ${name}`, () => {
    assert.deepEqual(errorsOnCreate(NetworkPolicies, { spec: { ingress: [{ from: [peer] }] } }), errors);
  });

const ports: readonly (readonly [string, NetworkPolicyPort, readonly string[]])[] = [
  ["a good one", { port: 80, endPort: 90 }, []],
  ["a good name", { port: "http" }, []],
  [
    "an unknown protocol",
    { protocol: "ICMP" },
    ['spec.egress[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"'],
  ],
  [
    "an end before the start",
    { port: 80, endPort: 79 },
    ["spec.egress[0].ports[0].endPort: Invalid value: 80: must be greater than or equal to `port`"],
  ],
  [
    "an end of a name",
    { port: "http", endPort: 90 },
    ["spec.egress[0].ports[0].endPort: Invalid value: 90: may not be specified when `port` is non-numeric"],
  ],
  [
    "an end of nothing",
    { endPort: 90 },
    ["spec.egress[0].ports[0].endPort: Invalid value: 90: may not be specified when `port` is not specified"],
  ],
  ["no port", { port: 0 }, ["spec.egress[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive"]],
];

for (const [name, port, errors] of ports)
  test(`a policy's port is validated: ${name}`, () => {
    assert.deepEqual(errorsOnCreate(NetworkPolicies, { spec: { egress: [{ ports: [port] }] } }), errors);
  });

test("a policy is of types that there are", () => {
  assert.deepEqual(errorsOnCreate(NetworkPolicies, { spec: { policyTypes: ["Both"] } }), [
    'spec.policyTypes[0]: Unsupported value: "Both": supported values: "Ingress", "Egress"',
  ]);
  assert.deepEqual(errorsOnCreate(NetworkPolicies, { spec: { policyTypes: ["Ingress", "Egress", "Egress"] } }), [
    'spec.policyTypes: Invalid value: ["Ingress","Egress","Egress"]: may not specify more than two policyTypes',
  ]);
});

test("the row of a policy", () => {
  const metadata = { name: "deny", creationTimestamp: "2024-12-31T23:59:00Z" };
  const row = cells(NetworkPolicies, { metadata, spec: { podSelector: { matchLabels: { app: "web" } } } });
  assert.deepEqual(row, { Name: "deny", "Pod-Selector": "app=web", Age: "60s" });
  assert.equal(cells(NetworkPolicies, { metadata, spec: {} })["Pod-Selector"], "<none>");
});
