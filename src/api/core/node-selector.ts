import type { Node, NodeSelectorRequirement, NodeSelectorTerm, Pod } from "../types.generated.ts";

/** Whether any of the terms matches; no terms match no node. */
export function matchNodeSelectorTerms(terms: readonly NodeSelectorTerm[] | undefined, node: Node): boolean {
  return terms?.some((term) => matchNodeSelectorTerm(term, node)) ?? false;
}

/** Whether all requirements of the term hold for the node; an empty term matches no node. */
export function matchNodeSelectorTerm(term: NodeSelectorTerm, node: Node): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length === 0 && fields.length === 0) return false;
  const labels = node.metadata.labels ?? {};
  const labelOf = (key: string) => (Object.hasOwn(labels, key) ? labels[key] : undefined);
  return (
    expressions.every((requirement) => holds(requirement, labelOf(requirement.key))) &&
    fields.every((requirement) => requirement.key === "metadata.name" && holds(requirement, node.metadata.name))
  );
}

/** Whether the pod's nodeSelector and its required node affinity allow the node. */
export function matchesNodeSelector(pod: Pick<Pod, "spec">, node: Node): boolean {
  const labels = node.metadata.labels ?? {};
  for (const [key, value] of Object.entries(pod.spec.nodeSelector ?? {})) {
    if (!Object.hasOwn(labels, key) || labels[key] !== value) return false;
  }
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required ? matchNodeSelectorTerms(required.nodeSelectorTerms, node) : true;
}

const integer = /^[+-]?\d+$/;

function holds(requirement: NodeSelectorRequirement, value: string | undefined): boolean {
  const values = requirement.values ?? [];
  switch (requirement.operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "Gt":
    case "Lt": {
      const [bound] = values;
      if (value === undefined || bound === undefined || !integer.test(value) || !integer.test(bound)) return false;
      return requirement.operator === "Gt" ? BigInt(value) > BigInt(bound) : BigInt(value) < BigInt(bound);
    }
    default:
      return false;
  }
}
