// What pods say about being near to, or apart from, other pods, made ready for matching.
import {
  isEmptyLabelSelector,
  type LabelRequirement,
  type Labels,
  labelSelectorRequirements,
  matchesLabelSelector,
  matchesLabels,
  matchesNodeSelector,
  type Node,
  type Pod,
  type PodAffinityTerm,
  type PodSpec,
  type TopologySpreadConstraint,
  untoleratedTaint,
} from "../api/index.ts";
import type { PodShape } from "./pod-shape.ts";

/** The labels of a namespace; undefined when it is not known. */
export type NamespaceLabels = (namespace: string) => Labels | undefined;

/** One term of pod affinity or anti-affinity. */
export interface PodTerm {
  readonly topologyKey: string;
  /** 1 for required terms. */
  readonly weight: number;
  /** Whether the term means this pod. */
  readonly matches: (pod: Pod, namespaceLabels: NamespaceLabels) => boolean;
}

export interface PodTerms {
  readonly requiredAffinity: readonly PodTerm[];
  readonly requiredAntiAffinity: readonly PodTerm[];
  readonly preferredAffinity: readonly PodTerm[];
  readonly preferredAntiAffinity: readonly PodTerm[];
}

/** A topology spread constraint with its defaults filled in. */
export interface SpreadConstraint {
  readonly maxSkew: number;
  readonly topologyKey: string;
  readonly minDomains: number;
  /** Whether a pod of the same namespace, by its labels, is one of those to spread. */
  readonly selects: (labels: Labels | undefined) => boolean;
  /** Whether pods on the node are counted. */
  readonly includes: (node: Node) => boolean;
  /** A text that is the same for constraints that select the same pods. */
  readonly selection: string;
}

/** For how many namespaces the terms of a shape are remembered: these come and go, and parsing again costs little. */
export const namespacesMax = 1_000;

/** By shape and namespace: a term without namespaces means that of its pod. */
const termsOfShapes = new WeakMap<PodShape, Map<string, PodTerms>>();

/** The affinity terms of pods of a shape in a namespace. */
export function podTermsOf(shape: PodShape, namespace: string): PodTerms {
  const byNamespace = termsOfShapes.getOrInsertComputed(shape, () => new Map());
  if (byNamespace.size >= namespacesMax && !byNamespace.has(namespace)) byNamespace.clear();
  return byNamespace.getOrInsertComputed(namespace, () => parseTerms(shape.spec, namespace));
}

function parseTerms({ affinity }: PodSpec, namespace: string): PodTerms {
  const { podAffinity, podAntiAffinity } = affinity ?? {};
  const required = (term: PodAffinityTerm) => podTerm(term, 1, namespace);
  const weighted = (each: { readonly podAffinityTerm: PodAffinityTerm; readonly weight: number }) =>
    podTerm(each.podAffinityTerm, each.weight, namespace);
  return {
    requiredAffinity: podAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.map(required) ?? [],
    requiredAntiAffinity: podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.map(required) ?? [],
    preferredAffinity: podAffinity?.preferredDuringSchedulingIgnoredDuringExecution?.map(weighted) ?? [],
    preferredAntiAffinity: podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution?.map(weighted) ?? [],
  };
}

function podTerm(term: PodAffinityTerm, weight: number, ownNamespace: string): PodTerm {
  const { namespaces = [], namespaceSelector, topologyKey } = term;
  const named = namespaces.length === 0 && namespaceSelector === undefined ? [ownNamespace] : namespaces;
  const requirements = labelSelectorRequirements(term.labelSelector);
  const allNamespaces = namespaceSelector !== undefined && isEmptyLabelSelector(namespaceSelector);
  return {
    topologyKey,
    weight,
    matches(pod, namespaceLabels) {
      // No selector means no pods.
      if (requirements === undefined || !matchesLabels(requirements, pod.metadata.labels)) return false;
      const { namespace = "" } = pod.metadata;
      if (allNamespaces || named.includes(namespace)) return true;
      return namespaceSelector !== undefined && matchesLabelSelector(namespaceSelector, namespaceLabels(namespace));
    },
  };
}

/** Whether any of a pod's terms means `other`. */
export function termsMean(terms: PodTerms, other: Pod, namespaceLabels: NamespaceLabels): boolean {
  const means = (term: PodTerm) => term.matches(other, namespaceLabels);
  return (
    terms.requiredAffinity.some(means) ||
    terms.requiredAntiAffinity.some(means) ||
    terms.preferredAffinity.some(means) ||
    terms.preferredAntiAffinity.some(means)
  );
}

/** The pod's spread constraints with this action. */
export function spreadConstraintsOf(pod: Pod, action: "DoNotSchedule" | "ScheduleAnyway"): SpreadConstraint[] {
  const constraints = pod.spec.topologySpreadConstraints ?? [];
  return constraints.filter((each) => each.whenUnsatisfiable === action).map((each) => spreadConstraint(each, pod));
}

/** A constraint as it is for one pod. */
export function spreadConstraint(constraint: TopologySpreadConstraint, pod: Pod): SpreadConstraint {
  const requirements = labelSelectorRequirements(constraint.labelSelector);
  const own: LabelRequirement[] = (constraint.matchLabelKeys ?? []).flatMap((key) => {
    const { labels = {} } = pod.metadata;
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
    return value === undefined ? [] : [{ key, operator: "=", values: [value] }];
  });
  return {
    maxSkew: constraint.maxSkew,
    topologyKey: constraint.topologyKey,
    minDomains: constraint.minDomains ?? 1,
    selects: (labels) =>
      requirements !== undefined && matchesLabels(requirements, labels) && matchesLabels(own, labels),
    includes(node) {
      if ((constraint.nodeAffinityPolicy ?? "Honor") === "Honor" && !matchesNodeSelector(pod, node)) return false;
      if (constraint.nodeTaintsPolicy !== "Honor") return true;
      const { taints } = node.spec ?? {};
      return untoleratedTaint(taints, pod.spec.tolerations, ["NoSchedule", "NoExecute"]) === undefined;
    },
    selection: JSON.stringify([constraint.labelSelector, own]),
  };
}
