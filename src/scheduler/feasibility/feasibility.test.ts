import assert from "node:assert/strict";
import { test } from "node:test";
import { makePod, makeSnapshot, type NodeOptions, type PodOptions } from "../objects-for-tests.ts";
import { checkOf, type FeasibilityRule } from "../rule.ts";
import { nodeAffinity } from "./node-affinity.ts";
import { nodeName } from "./node-name.ts";
import { nodePorts } from "./node-ports.ts";
import { nodeUnschedulable } from "./node-unschedulable.ts";
import { resourcesFit } from "./resources-fit.ts";
import { taintToleration } from "./taint-toleration.ts";

interface Case {
  readonly name: string;
  readonly rule: FeasibilityRule;
  readonly pod: PodOptions;
  readonly node?: NodeOptions;
  /** What is on the node. */
  readonly placed?: readonly PodOptions[];
  /** The reasons for which the node is rejected; none when it is feasible. */
  readonly reasons: readonly string[];
  /** Whether removing pods could help. */
  readonly isResolvable?: boolean;
}

const affinity = (key: string, operator: string, ...values: string[]): PodOptions => ({
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key, operator, values }] }],
      },
    },
  },
});
const port = (hostPort: number, protocol = "TCP", hostIP?: string): PodOptions => ({
  ports: [{ containerPort: 80, hostPort, protocol, ...(hostIP === undefined ? {} : { hostIP }) }],
});
const labelsDiffer = ["node(s) didn't match Pod's node affinity/selector"];
const portTaken = ["node(s) didn't have free ports for the requested pod ports"];
const untolerated = ["node(s) had untolerated taint(s)"];
const gpuTaint = { key: "gpu", value: "yes", effect: "NoSchedule" };

const noneIgnored = { names: new Set<string>(), groups: new Set<string>() };

const cases: readonly Case[] = [
  { name: "a node that is not cordoned", rule: nodeUnschedulable, pod: {}, reasons: [] },
  {
    name: "a cordoned node",
    rule: nodeUnschedulable,
    pod: {},
    node: { unschedulable: true },
    reasons: ["node(s) were unschedulable"],
  },
  {
    name: "a cordoned node, tolerated",
    rule: nodeUnschedulable,
    pod: { tolerations: [{ key: "node.kubernetes.io/unschedulable", operator: "Exists", effect: "NoSchedule" }] },
    node: { unschedulable: true },
    reasons: [],
  },
  { name: "the node that is named", rule: nodeName, pod: { nodeName: "node" }, reasons: [] },
  {
    name: "another node than the one that is named",
    rule: nodeName,
    pod: { nodeName: "other" },
    reasons: ["node(s) didn't match the requested node name"],
  },
  { name: "a taint", rule: taintToleration, pod: {}, node: { taints: [gpuTaint] }, reasons: untolerated },
  {
    name: "a taint that evicts",
    rule: taintToleration,
    pod: {},
    node: { taints: [{ key: "node.kubernetes.io/unreachable", effect: "NoExecute" }] },
    reasons: untolerated,
  },
  {
    name: "a taint to avoid only",
    rule: taintToleration,
    pod: {},
    node: { taints: [{ ...gpuTaint, effect: "PreferNoSchedule" }] },
    reasons: [],
  },
  {
    name: "a taint that is tolerated",
    rule: taintToleration,
    pod: { tolerations: [{ key: "gpu", operator: "Equal", value: "yes" }] },
    node: { taints: [gpuTaint] },
    reasons: [],
  },
  {
    name: "two taints of which one is tolerated",
    rule: taintToleration,
    pod: { tolerations: [{ key: "gpu", operator: "Exists" }] },
    node: { taints: [gpuTaint, { key: "disk", effect: "NoSchedule" }] },
    reasons: untolerated,
  },
  {
    name: "a node selector that matches",
    rule: nodeAffinity(undefined),
    pod: { nodeSelector: { disk: "ssd" } },
    node: { labels: { disk: "ssd" } },
    reasons: [],
  },
  {
    name: "a node selector that does not match",
    rule: nodeAffinity(undefined),
    pod: { nodeSelector: { disk: "ssd" } },
    node: { labels: { disk: "hdd" } },
    reasons: labelsDiffer,
  },
  {
    name: "an affinity that matches",
    rule: nodeAffinity(undefined),
    pod: affinity("zone", "In", "a", "b"),
    node: { labels: { zone: "b" } },
    reasons: [],
  },
  {
    name: "an affinity that does not match",
    rule: nodeAffinity(undefined),
    pod: affinity("zone", "NotIn", "a", "b"),
    node: { labels: { zone: "b" } },
    reasons: labelsDiffer,
  },
  {
    name: "an affinity that matches beside a selector that does not",
    rule: nodeAffinity(undefined),
    pod: { ...affinity("zone", "Exists"), nodeSelector: { disk: "ssd" } },
    node: { labels: { zone: "b" } },
    reasons: labelsDiffer,
  },
  { name: "a free port", rule: nodePorts, pod: port(80), placed: [port(81)], reasons: [] },
  { name: "a taken port", rule: nodePorts, pod: port(80), placed: [port(80)], reasons: portTaken, isResolvable: true },
  { name: "a port taken in another protocol", rule: nodePorts, pod: port(80), placed: [port(80, "UDP")], reasons: [] },
  {
    name: "a port taken on another address",
    rule: nodePorts,
    pod: port(80, "TCP", "10.0.0.1"),
    placed: [port(80, "TCP", "10.0.0.2")],
    reasons: [],
  },
  {
    name: "a port taken on all addresses",
    rule: nodePorts,
    pod: port(80, "TCP", "10.0.0.1"),
    placed: [port(80, "TCP", "0.0.0.0")],
    reasons: portTaken,
    isResolvable: true,
  },
  {
    name: "a port taken by a sidecar",
    rule: nodePorts,
    pod: port(80),
    placed: [
      {
        initContainers: [{ name: "proxy", restartPolicy: "Always", ports: [{ containerPort: 80, hostPort: 80 }] }],
      },
    ],
    reasons: portTaken,
    isResolvable: true,
  },
  {
    name: "enough of everything",
    rule: resourcesFit(noneIgnored),
    pod: { requests: { cpu: "4", memory: "8Gi" } },
    reasons: [],
  },
  {
    name: "exactly what is left",
    rule: resourcesFit(noneIgnored),
    pod: { requests: { cpu: "1500m" } },
    placed: [{ requests: { cpu: "2500m" } }],
    reasons: [],
  },
  {
    name: "a little more than what is left",
    rule: resourcesFit(noneIgnored),
    pod: { requests: { cpu: "1501m" } },
    placed: [{ requests: { cpu: "2500m" } }],
    reasons: ["Insufficient cpu"],
    isResolvable: true,
  },
  {
    name: "more than the empty node has",
    rule: resourcesFit(noneIgnored),
    pod: { requests: { cpu: "5", memory: "9Gi", "ephemeral-storage": "30Gi" } },
    reasons: ["Insufficient cpu", "Insufficient memory", "Insufficient ephemeral-storage"],
  },
  {
    name: "nothing, on an overcommitted node",
    rule: resourcesFit(noneIgnored),
    pod: {},
    placed: [{ requests: { cpu: "8" } }],
    reasons: [],
  },
  {
    name: "one pod too many",
    rule: resourcesFit(noneIgnored),
    pod: {},
    node: { allocatable: { pods: "1" } },
    placed: [{}],
    reasons: ["Too many pods"],
    isResolvable: true,
  },
  {
    name: "an extended resource that the node does not have",
    rule: resourcesFit(noneIgnored),
    pod: { requests: { "example.com/gpu": "1" } },
    reasons: ["Insufficient example.com/gpu"],
  },
  {
    name: "an extended resource that is used up",
    rule: resourcesFit(noneIgnored),
    pod: { requests: { "example.com/gpu": "1" } },
    node: { allocatable: { "example.com/gpu": "2" } },
    placed: [{ requests: { "example.com/gpu": "2" } }],
    reasons: ["Insufficient example.com/gpu"],
    isResolvable: true,
  },
  {
    name: "what an init container needs for itself",
    rule: resourcesFit(noneIgnored),
    pod: {
      requests: { cpu: "1" },
      initContainers: [{ name: "init", resources: { requests: { cpu: "5" } } }],
    },
    reasons: ["Insufficient cpu"],
  },
];

for (const { name, rule, pod, node = {}, placed = [], reasons, isResolvable = false } of cases) {
  test(`${rule.name}: ${name}`, () => {
    const snapshot = makeSnapshot([node], { node: placed });
    const toPlace = makePod(pod);
    const check = checkOf(rule, { pod: toPlace, shape: snapshot.shapes.of(toPlace) }, snapshot);
    const rejection = check(snapshot.nodes[0]!);
    assert.deepEqual(rejection?.reasons ?? [], reasons);
    assert.equal(rejection?.isResolvable ?? false, isResolvable);
  });
}
