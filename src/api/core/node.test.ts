import assert from "node:assert/strict";
import { test } from "node:test";
import type { Draft } from "../../lib/index.ts";
import { cells, created, errorsOnCreate, errorsOnUpdate, type Partially } from "../definition-fixture.ts";
import type { Node } from "../types.generated.ts";
import { isNodeReady, Nodes } from "./node.ts";

type PartialNode = Partially<Node>;

test("a node can allocate what it has, and its ranges agree", () => {
  const node = created(Nodes, { spec: { podCIDR: "10.1.0.0/24" }, status: { capacity: { cpu: "4" } } });
  assert.deepEqual(node.status.allocatable, { cpu: "4" });
  assert.deepEqual(node.spec.podCIDRs, ["10.1.0.0/24"]);
});

const invalid: readonly (readonly [string, PartialNode, readonly string[]])[] = [
  [
    "a good one",
    {
      spec: { taints: [{ key: "a", effect: "NoSchedule" }] },
      status: { capacity: { cpu: "100m", "example.com/gpu": "2" } },
    },
    [],
  ],
  [
    "taints",
    {
      spec: {
        taints: [
          { key: "a", effect: "Never" },
          { key: "b", effect: "NoExecute", value: "-" },
          { key: "c", effect: "NoExecute" },
          { key: "c", effect: "NoExecute" },
        ],
      },
    },
    [
      'metadata.taints[0].effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
      `metadata.taints[1].value: Invalid value: "-": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
      'metadata.taints[3]: Duplicate value: {"Key":"c","Value":"","Effect":"NoExecute","TimeAdded":null}: taints must be unique by key and effect pair',
    ],
  ],
  [
    "amounts",
    { status: { capacity: { "example.com/gpu": "1500m" }, allocatable: { memory: "-1" } } },
    [
      'status.capacity.example.com/gpu: Invalid value: "1500m": must be an integer',
      'status.allocatable.memory: Invalid value: "-1": must be greater than or equal to 0',
    ],
  ],
  [
    "ranges of one family",
    { spec: { podCIDRs: ["10.1.0.0/24", "10.2.0.0/24"] } },
    [
      'spec.podCIDRs: Invalid value: ["10.1.0.0/24","10.2.0.0/24"]: may specify no more than one CIDR for each IP family',
    ],
  ],
];

for (const [name, node, errors] of invalid)
  test(`a node is validated: ${name}`, () => {
    assert.deepEqual(errorsOnCreate(Nodes, node), errors);
  });

const subdomain =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

const updates: readonly (readonly [string, PartialNode, (draft: Draft<Node>) => void, readonly string[]])[] = [
  [
    "its range",
    { spec: { podCIDR: "10.1.0.0/24" } },
    (node) => {
      node.spec = { podCIDR: "10.2.0.0/24" };
    },
    ['spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'],
  ],
  [
    "both of its ranges",
    { spec: { podCIDRs: ["10.1.0.0/24", "fd00:1::/64"] } },
    (node) => {
      node.spec = { podCIDRs: ["10.2.0.0/24", "fd00:2::/64"] };
    },
    Array(2).fill('spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'),
  ],
  [
    "one range more",
    { spec: { podCIDRs: ["10.1.0.0/24"] } },
    (node) => {
      node.spec.podCIDRs = ["10.1.0.0/24", "fd00:2::/64"];
    },
    ['spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'],
  ],
  [
    "a configuration of nowhere",
    {},
    (node) => {
      node.spec.configSource = {};
    },
    ['spec.configSource: Invalid value: {"ConfigMap":null}: exactly one reference subfield must be non-nil'],
  ],
  [
    "a configuration that is not named",
    {},
    (node) => {
      node.spec.configSource = { configMap: { namespace: "", name: "A", kubeletConfigKey: "", uid: "u" } };
    },
    [
      "spec.configSource.configMap.uid: Forbidden: uid must not be set in spec",
      "spec.configSource.configMap.namespace: Required value: namespace must be set",
      `spec.configSource.configMap.name: Invalid value: "A": ${subdomain}`,
      "spec.configSource.configMap.kubeletConfigKey: Required value: kubeletConfigKey must be set",
    ],
  ],
  [
    "its first range",
    {},
    (node) => {
      node.spec.podCIDR = "10.2.0.0/24";
    },
    [],
  ],
  [
    "its provider's name for it",
    { spec: { providerID: "a" } },
    (node) => {
      node.spec.providerID = "b";
    },
    ['spec.providerID: Forbidden: node updates may not change providerID except from "" to valid'],
  ],
  [
    "an address twice",
    {},
    (node) => {
      node.status.addresses = [
        { type: "InternalIP", address: "10.0.0.1" },
        { type: "InternalIP", address: "10.0.0.1" },
      ];
    },
    ['status.addresses[1]: Duplicate value: {"Type":"InternalIP","Address":"10.0.0.1"}'],
  ],
];

for (const [name, old, change, errors] of updates)
  test(`an update of a node is validated: ${name}`, () => {
    assert.deepEqual(errorsOnUpdate(Nodes, old, change), errors);
  });

test("the row of a node", () => {
  const node: PartialNode = {
    metadata: {
      name: "one",
      creationTimestamp: "2024-12-31T00:00:00Z",
      labels: { "node-role.kubernetes.io/worker": "", "kubernetes.io/role": "edge", "node-role.kubernetes.io/": "" },
    },
    spec: { unschedulable: true },
    status: {
      conditions: [{ type: "Ready", status: "True" }],
      addresses: [{ type: "InternalIP", address: "10.0.0.1" }],
      nodeInfo: { kubeletVersion: "v1.35.0", osImage: "Linux", containerRuntimeVersion: "containerd://2" },
    },
  };
  assert.deepEqual(cells(Nodes, node), {
    Name: "one",
    Status: "Ready,SchedulingDisabled",
    Roles: "edge,worker",
    Age: "24h",
    Version: "v1.35.0",
    "Internal-IP": "10.0.0.1",
    "External-IP": "<none>",
    "OS-Image": "Linux",
    "Kernel-Version": "<unknown>",
    "Container-Runtime": "containerd://2",
  });
  const { Status, Roles } = cells(Nodes, { metadata: { name: "one" }, spec: {}, status: {} });
  assert.deepEqual([Status, Roles], ["Unknown", "<none>"]);
});

test("a node is ready when it says so", () => {
  const ready = (status: string) =>
    isNodeReady(created(Nodes, { status: { conditions: [{ type: "Ready", status }] } }));
  assert.deepEqual(["True", "False", "Unknown"].map(ready), [true, false, false]);
  assert.equal(isNodeReady(created(Nodes, {})), false);
});
