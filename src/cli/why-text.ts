import { type Decision, type Explanation, type NodeVerdict, type RuleScore, totalOf } from "../scheduler/index.ts";

/** Nodes that are printed one by one; the others are counted. */
const nodesMax = 100;

/** What `roder why` prints. */
export function renderExplanation(explanation: Explanation): string {
  const { namespace, name, schedulerName, node, waiting, decision, nodes } = explanation;
  const lines = [
    node === undefined
      ? `pod ${namespace}/${name} has no node${waiting === undefined ? "" : `: it ${waiting}`}`
      : `pod ${namespace}/${name} is on ${node}`,
  ];
  lines.push(...(decision ? renderDecision(decision) : ["nothing is remembered of how that was decided"]));
  if (nodes.length === 0) lines.push(`scheduler "${schedulerName}" is another's, or there are no nodes`);
  else lines.push("", `what scheduler "${schedulerName}" says of it now, as if it had no node:`, ...renderNodes(nodes));
  return lines.join("\n");
}

function renderDecision({ time, attempts, node, scores = [], message, rejections = [] }: Decision): string[] {
  const tries = attempts === 1 ? "at the first attempt" : `at attempt ${attempts}`;
  if (node !== undefined) {
    const score = scores.length === 0 ? "" : `, score ${totalOf(scores)}: ${renderScores(scores)}`;
    return [`chosen ${time} ${tries}: ${node}${score}`];
  }
  return [
    `rejected ${time} ${tries}: ${message}`,
    ...rejections.map(({ rule, reason, nodes }) => `  ${rule}: ${reason}${someOf(nodes)}`),
  ];
}

function someOf(nodes: readonly string[]): string {
  if (nodes.length === 0) return "";
  const shown = nodes.slice(0, 5).join(", ");
  return nodes.length > 5 ? ` (${shown} and ${nodes.length - 5} more)` : ` (${shown})`;
}

/** "NodeResourcesFit 75, TaintToleration 3 × 100" */
function renderScores(scores: readonly RuleScore[]): string {
  return scores.map(({ rule, score, weight }) => `${rule} ${weight === 1 ? "" : `${weight} × `}${score}`).join(", ");
}

function renderNodes(nodes: readonly NodeVerdict[]): string[] {
  const shown = nodes.slice(0, nodesMax);
  const width = Math.max(4, ...shown.map(({ node }) => node.length));
  const lines = shown.map(({ node, objections, scores }) => {
    const verdict =
      objections.length > 0
        ? objections.map(({ rule, reasons }) => `${rule}: ${reasons.join(", ")}`).join("; ")
        : `fits, score ${totalOf(scores)}${scores.length === 0 ? "" : `: ${renderScores(scores)}`}`;
    return `  ${node.padEnd(width)}   ${verdict}`;
  });
  if (nodes.length > shown.length) lines.push(`  and ${nodes.length - shown.length} more (-o json prints all)`);
  return lines;
}
