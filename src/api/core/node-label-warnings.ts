// Labels of nodes that have other names now: k8s.io/kubernetes/pkg/api/node/util.go.
import type { Path } from "../meta/field-error.ts";
import { isLabelValue } from "../meta/names.ts";
import type { LabelSelector, NodeSelectorTerm } from "../types.generated.ts";

const deprecatedLabels: ReadonlyMap<string, { readonly since: string; readonly now: string }> = new Map([
  ["beta.kubernetes.io/arch", { since: "v1.14", now: "kubernetes.io/arch" }],
  ["beta.kubernetes.io/os", { since: "v1.14", now: "kubernetes.io/os" }],
  ["failure-domain.beta.kubernetes.io/region", { since: "v1.17", now: "topology.kubernetes.io/region" }],
  ["failure-domain.beta.kubernetes.io/zone", { since: "v1.17", now: "topology.kubernetes.io/zone" }],
  ["beta.kubernetes.io/instance-type", { since: "v1.17", now: "node.kubernetes.io/instance-type" }],
]);

/** The name that the label of old has now; undefined for others. */
export function currentNodeLabel(label: string): string | undefined {
  return deprecatedLabels.get(label)?.now;
}

function deprecation(label: string): string | undefined {
  const found = deprecatedLabels.get(label);
  return found && `deprecated since ${found.since}; use "${found.now}" instead`;
}

/** What to say of the label; nothing of one that has a future. */
export function nodeLabelWarnings(at: Path, label: string): string[] {
  const message = deprecation(label);
  return message === undefined ? [] : [`${at}: ${message}`];
}

/** As nodeLabelWarnings where the label is a field's value, which the sentence repeats. */
export function namedLabelWarnings(at: Path, label = ""): string[] {
  const message = deprecation(label);
  return message === undefined ? [] : [`${at}: ${label} is ${message}`];
}

/** `checkValues`: values that no label can have are accepted there, and match nothing. */
export function nodeSelectorTermWarnings(term: NodeSelectorTerm, at: Path, checkValues = false): string[] {
  return (term.matchExpressions ?? []).flatMap(({ key, values = [] }, index) => {
    const place = at.child("matchExpressions").index(index);
    const wrongValues = values.flatMap((value, valueIndex) =>
      isLabelValue(value).map(
        (message) => `${place.child("values").index(valueIndex)}: ${value} is invalid, ${message}`,
      ),
    );
    return [...namedLabelWarnings(place.child("key"), key), ...(checkValues ? wrongValues : [])];
  });
}

export function nodeLabelSelectorWarnings(selector: LabelSelector, at: Path): string[] {
  return [
    ...nodeSelectorTermWarnings(selector, at),
    ...Object.keys(selector.matchLabels ?? {}).flatMap((label) =>
      nodeLabelWarnings(at.child("matchLabels", label), label),
    ),
  ];
}
