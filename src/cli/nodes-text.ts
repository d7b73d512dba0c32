import type { ClusterStatus } from "../cluster/index.ts";

/** So many nodes, or nodes that are not ready, are told one by one; there may be thousands of simulated ones. */
const toldMax = 10;

/** The lines of `roder status` about nodes: a label and a text each. */
export function nodesText(nodes: ClusterStatus["nodes"]): [label: string, text: string][] {
  const told = nodes.map(({ name, ready, address }): [string, string] => [
    "node",
    `${name} ${ready ? "Ready" : "NotReady"} ${address}`,
  ]);
  if (nodes.length <= toldMax) return told;
  const ready = nodes.filter((each) => each.ready).length;
  const silent = told.filter((_, at) => !nodes[at]?.ready).slice(0, toldMax);
  return [["nodes", `${nodes.length}, of them ${ready} Ready`], ...silent];
}
