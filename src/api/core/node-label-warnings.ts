// Labels of nodes that have other names now: k8s.io/kubernetes/pkg/api/node/util.go.
import type { Path } from "../meta/field-error.ts";
import { isLabelValue } from "../meta/names.ts";
import type { LabelSelector, NodeSelectorTerm } from "../types.generated.ts";

const deprecatedLabels: ReadonlyMap<string, string> = new Map(
  [
    ["beta.kubernetes.io/arch", "v1.14", "kubernetes.io/arch"],
    ["beta.kubernetes.io/os", "v1.14", "kubernetes.io/os"],
    ["failure-domain.beta.kubernetes.io/region", "v1.17", "topology.kubernetes.io/region"],
    ["failure-domain.beta.kubernetes.io/zone", "v1.17", "topology.kubernetes.io/zone"],
    ["beta.kubernetes.io/instance-type", "v1.17", "node.kubernetes.io/instance-type"],
  ].map(([label = "", since, now]) => [label, `deprecated since ${since}; use "${now}" instead`]),
);

/** What to say of the label; nothing of one that has a future. */
export function nodeLabelWarnings(at: Path, label: string): string[] {
  const message = deprecatedLabels.get(label);
  return message === undefined ? [] : [`${at}: ${message}`];
}

/** As nodeLabelWarnings where the label is a field's value, which the sentence repeats. */
export function namedLabelWarnings(at: Path, label = ""): string[] {
  const message = deprecatedLabels.get(label);
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
