import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, NodeSelectorTerm, Pod } from "../types.generated.ts";
import { matchesNodeSelector, matchNodeSelectorTerms } from "./node-selector.ts";

const node = { metadata: { name: "one", labels: { zone: "a", cores: "8", empty: "" } } } as unknown as Node;

test("node selector terms match as Kubernetes documents them", () => {
  const expression = (key: string, operator: string, ...values: string[]): NodeSelectorTerm => ({
    matchExpressions: [{ key, operator, values }],
  });
  const table: [string, readonly NodeSelectorTerm[], boolean][] = [
    ["no terms", [], false],
    ["an empty term", [{}], false],
    ["In with the value", [expression("zone", "In", "b", "a")], true],
    ["In without the label", [expression("rack", "In", "a")], false],
    ["NotIn without the label", [expression("rack", "NotIn", "a")], true],
    ["NotIn with the value", [expression("zone", "NotIn", "a")], false],
    ["Exists on an empty label", [expression("empty", "Exists")], true],
    ["DoesNotExist", [expression("zone", "DoesNotExist")], false],
    ["Gt", [expression("cores", "Gt", "7")], true],
    ["Gt at the bound", [expression("cores", "Gt", "8")], false],
    ["Lt", [expression("cores", "Lt", "9")], true],
    ["Gt on no number", [expression("zone", "Gt", "1")], false],
    ["an unknown operator", [expression("zone", "Near", "a")], false],
    ["a name that a prototype has", [expression("constructor", "Exists")], false],
    ["one term of two", [expression("zone", "In", "b"), expression("zone", "In", "a")], true],
    ["the node's name", [{ matchFields: [{ key: "metadata.name", operator: "In", values: ["one"] }] }], true],
    ["another node's name", [{ matchFields: [{ key: "metadata.name", operator: "In", values: ["two"] }] }], false],
  ];
  for (const [what, terms, expected] of table) assert.equal(matchNodeSelectorTerms(terms, node), expected, what);
});

test("a pod needs both its nodeSelector and its required affinity", () => {
  const pod = (nodeSelector: Record<string, string>, terms?: NodeSelectorTerm[]) =>
    ({
      spec: {
        nodeSelector,
        ...(terms && {
          affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } } },
        }),
      },
    }) as unknown as Pod;
  const inA = [{ matchExpressions: [{ key: "zone", operator: "In", values: ["a"] }] }];
  assert.equal(matchesNodeSelector(pod({}), node), true);
  assert.equal(matchesNodeSelector(pod({ zone: "a" }, inA), node), true);
  assert.equal(matchesNodeSelector(pod({ zone: "b" }, inA), node), false);
  assert.equal(matchesNodeSelector(pod({ zone: "a" }, []), node), false);
});
