// The rules about where a pod may be relative to others.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodAffinityTerm, TopologySpreadConstraint } from "../../api/index.ts";
import { makePod, makeSnapshot, type NodeOptions, type PodOptions } from "../objects-for-tests.ts";
import { checkOf, type FeasibilityRule } from "../rule.ts";
import { ownConstraints } from "../spread-defaults.ts";
import { podAffinity } from "./pod-affinity.ts";
import { topologySpread } from "./topology-spread.ts";

interface Case {
  readonly name: string;
  readonly rule: FeasibilityRule;
  readonly pod: PodOptions;
  readonly nodes?: readonly NodeOptions[];
  readonly placed?: Readonly<Record<string, readonly PodOptions[]>>;
  readonly namespaces?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Why each node, in their order, is rejected; "" when it is feasible. */
  readonly reasons: readonly string[];
}

const web = { app: "web" };
const zoned: readonly NodeOptions[] = [
  { name: "a", labels: { zone: "x" } },
  { name: "b", labels: { zone: "x" } },
  { name: "c", labels: { zone: "y" } },
];

const spread = (more: Partial<TopologySpreadConstraint> = {}): PodOptions => ({
  labels: web,
  topologySpreadConstraints: [
    {
      maxSkew: 1,
      topologyKey: "zone",
      whenUnsatisfiable: "DoNotSchedule",
      labelSelector: { matchLabels: web },
      ...more,
    },
  ],
});
const term = (more: Partial<PodAffinityTerm> = {}): PodAffinityTerm => ({
  topologyKey: "zone",
  labelSelector: { matchLabels: web },
  ...more,
});
const near = (...terms: readonly PodAffinityTerm[]): PodOptions => ({
  affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } },
});
const apart = (...terms: readonly PodAffinityTerm[]): PodOptions => ({
  affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } },
});

const tooSkewed = "node(s) didn't match pod topology spread constraints";
const inNoDomain = `${tooSkewed} (missing required label)`;
const notNear = "node(s) didn't match pod affinity rules";
const notApart = "node(s) didn't match pod anti-affinity rules";
const notWanted = "node(s) didn't satisfy existing pods anti-affinity rules";

const cases: readonly Case[] = [
  {
    name: "the domain with the fewest pods is open, the others are up to maxSkew",
    rule: topologySpread(ownConstraints),
    pod: spread(),
    placed: { a: [{ labels: web }] },
    reasons: [tooSkewed, tooSkewed, ""],
  },
  {
    name: "a larger skew is allowed",
    rule: topologySpread(ownConstraints),
    pod: spread({ maxSkew: 2 }),
    placed: { a: [{ labels: web }] },
    reasons: ["", "", ""],
  },
  {
    name: "only pods of the selector and namespace that stay are counted",
    rule: topologySpread(ownConstraints),
    pod: spread(),
    placed: {
      a: [
        { labels: { app: "db" } },
        { labels: web, namespace: "other" },
        { labels: web, deletionTimestamp: "2026-01-01T00:00:00Z" },
      ],
    },
    reasons: ["", "", ""],
  },
  {
    name: "a pod that its own constraint does not select adds nothing",
    rule: topologySpread(ownConstraints),
    pod: { ...spread(), labels: { app: "db" } },
    placed: { a: [{ labels: web }] },
    reasons: ["", "", ""],
  },
  {
    name: "matchLabelKeys narrow the selector to the pod's own values",
    rule: topologySpread(ownConstraints),
    pod: { ...spread({ matchLabelKeys: ["version"] }), labels: { ...web, version: "2" } },
    placed: { a: [{ labels: { ...web, version: "1" } }] },
    reasons: ["", "", ""],
  },
  {
    name: "matchLabelKeys that the pod does not have narrow nothing, whatever their names",
    rule: topologySpread(ownConstraints),
    pod: { ...spread({ matchLabelKeys: ["version", "constructor"] }), labels: web },
    placed: { a: [{ labels: web }] },
    reasons: [tooSkewed, tooSkewed, ""],
  },
  {
    name: "a node without the label is in no domain",
    rule: topologySpread(ownConstraints),
    pod: spread(),
    nodes: [...zoned, { name: "d" }],
    reasons: ["", "", "", inNoDomain],
  },
  {
    name: "the first constraint that does not hold says why",
    rule: topologySpread(ownConstraints),
    pod: {
      labels: web,
      topologySpreadConstraints: ["rack", "zone"].flatMap(
        (topologyKey) => spread({ topologyKey }).topologySpreadConstraints ?? [],
      ),
    },
    nodes: [
      { name: "a", labels: { rack: "1", zone: "x" } },
      { name: "b", labels: { rack: "2", zone: "y" } },
      { name: "c", labels: { rack: "1" } },
      { name: "d", labels: { rack: "2" } },
    ],
    placed: { a: [{ labels: web }] },
    reasons: [tooSkewed, "", tooSkewed, inNoDomain],
  },
  {
    name: "with fewer domains than minDomains, an empty one is imagined",
    rule: topologySpread(ownConstraints),
    pod: spread({ minDomains: 3 }),
    placed: { a: [{ labels: web }], c: [{ labels: web }] },
    reasons: [tooSkewed, tooSkewed, tooSkewed],
  },
  {
    name: "nodes that the node selector excludes are no domain",
    rule: topologySpread(ownConstraints),
    pod: { ...spread(), nodeSelector: { zone: "x" } },
    placed: { a: [{ labels: web }] },
    reasons: ["", "", ""],
  },
  {
    name: "tainted nodes are a domain unless the constraint honors taints",
    rule: topologySpread(ownConstraints),
    pod: spread({ nodeTaintsPolicy: "Honor" }),
    nodes: [zoned[0]!, { ...zoned[2]!, taints: [{ key: "k", effect: "NoSchedule" }] }],
    placed: { a: [{ labels: web }] },
    reasons: ["", ""],
  },
  {
    name: "near to a pod means in its domain",
    rule: podAffinity,
    pod: near(term()),
    placed: { a: [{ labels: web }] },
    reasons: ["", "", notNear],
  },
  {
    name: "near to nobody is nowhere",
    rule: podAffinity,
    pod: near(term()),
    reasons: [notNear, notNear, notNear],
  },
  {
    name: "the first of a group may go to any domain",
    rule: podAffinity,
    pod: { ...near(term()), labels: web },
    nodes: [...zoned, { name: "d" }],
    reasons: ["", "", "", notNear],
  },
  {
    name: "several terms have to be met by one and the same pod",
    rule: podAffinity,
    pod: near(term(), term({ labelSelector: { matchLabels: { tier: "front" } } })),
    placed: { a: [{ labels: web }, { labels: { tier: "front" } }], c: [{ labels: { ...web, tier: "front" } }] },
    reasons: [notNear, notNear, ""],
  },
  {
    name: "pods of other namespaces do not count",
    rule: podAffinity,
    pod: near(term()),
    placed: { a: [{ labels: web, namespace: "other" }] },
    reasons: [notNear, notNear, notNear],
  },
  {
    name: "pods of namespaces that the term names count",
    rule: podAffinity,
    pod: near(term({ namespaces: ["other"] })),
    placed: { a: [{ labels: web, namespace: "other" }], c: [{ labels: web }] },
    reasons: ["", "", notNear],
  },
  {
    name: "pods of namespaces that the term selects count",
    rule: podAffinity,
    pod: near(term({ namespaceSelector: { matchLabels: { team: "a" } } })),
    namespaces: { other: { team: "a" }, third: { team: "b" } },
    placed: { a: [{ labels: web, namespace: "other" }], c: [{ labels: web, namespace: "third" }] },
    reasons: ["", "", notNear],
  },
  {
    name: "an empty selector of namespaces means all",
    rule: podAffinity,
    pod: near(term({ namespaceSelector: {} })),
    placed: { a: [{ labels: web, namespace: "other" }] },
    reasons: ["", "", notNear],
  },
  {
    name: "apart from a pod means in another domain",
    rule: podAffinity,
    pod: apart(term()),
    placed: { a: [{ labels: web }] },
    reasons: [notApart, notApart, ""],
  },
  {
    name: "apart on the node only",
    rule: podAffinity,
    pod: apart(term({ topologyKey: "kubernetes.io/hostname" })),
    placed: { a: [{ labels: web }] },
    reasons: [notApart, "", ""],
  },
  {
    name: "a node without the label is apart from everybody",
    rule: podAffinity,
    pod: apart(term()),
    nodes: [zoned[0]!, { name: "d" }],
    placed: { a: [{ labels: web }] },
    reasons: [notApart, ""],
  },
  {
    name: "pods that do not want the pod near them are obeyed",
    rule: podAffinity,
    pod: { labels: web },
    placed: { a: [apart(term())] },
    reasons: [notWanted, notWanted, ""],
  },
  {
    name: "pods that do not mind the pod are not in its way",
    rule: podAffinity,
    pod: { labels: { app: "db" } },
    placed: { a: [apart(term())] },
    reasons: ["", "", ""],
  },
];

for (const { name, rule, pod, nodes = zoned, placed = {}, namespaces = {}, reasons } of cases) {
  test(`${rule.name}: ${name}`, () => {
    const snapshot = makeSnapshot(nodes, placed);
    for (const [namespace, labels] of Object.entries(namespaces)) snapshot.setNamespace(namespace, labels);
    const toPlace = makePod(pod);
    const check = checkOf(rule, { pod: toPlace, shape: snapshot.shapes.of(toPlace) }, snapshot);
    assert.deepEqual(
      snapshot.nodes.map((node) => check(node)?.reasons.join() ?? ""),
      reasons,
    );
  });
}
