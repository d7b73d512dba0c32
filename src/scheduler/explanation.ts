// What every rule says of every node about one pod: for people who wonder why it is where it is, or nowhere.
import type { Pod } from "../api/index.ts";
import { nominatedBefore } from "./planner.ts";
import type { Profile } from "./profile.ts";
import { checkOf } from "./rule.ts";
import type { NodeState, Snapshot } from "./snapshot.ts";

/** What a rule rates a node, from 0 to 100, and how much that counts. */
export interface RuleScore {
  readonly rule: string;
  readonly score: number;
  readonly weight: number;
}

/** What a rule has against a node. */
export interface RuleObjection {
  readonly rule: string;
  readonly reasons: readonly string[];
}

export interface NodeVerdict {
  readonly node: string;
  /** Empty when the node is feasible. */
  readonly objections: readonly RuleObjection[];
  /** Of feasible nodes only. */
  readonly scores: readonly RuleScore[];
}

/** Asks all rules of a profile about all nodes, the best nodes first, as if the pod had none. */
export function explainNodes(pod: Pod, profile: Profile, snapshot: Snapshot): readonly NodeVerdict[] {
  // Rules that count pods must not count it.
  const placed = snapshot.unplace(pod.metadata.uid);
  const { nodeName: _, ...spec } = pod.spec;
  const verdicts = askRules({ ...pod, spec }, profile, snapshot);
  if (placed) snapshot.place(placed.pod, placed.nodeName, placed);
  return verdicts;
}

/** The pod must not be in the snapshot. */
function askRules(pod: Pod, profile: Profile, snapshot: Snapshot): readonly NodeVerdict[] {
  const toPlace = { pod, shape: snapshot.shapes.of(pod) };
  const checks = profile.filters.map((rule) => ({ rule: rule.name, check: checkOf(rule, toPlace, snapshot) }));
  const objectionsTo = (node: NodeState): readonly RuleObjection[] => {
    const nominated = node.nominated.size > 0 ? nominatedBefore(toPlace, node) : [];
    const change = { added: nominated, removed: [] };
    const then = nominated.length > 0 ? node.with(change) : undefined;
    return checks.flatMap(({ rule, check }) => {
      const rejection = check(node) ?? (then && check(then, change));
      return rejection ? [{ rule, reasons: rejection.reasons }] : [];
    });
  };
  const objections = new Map(snapshot.nodes.map((node) => [node, objectionsTo(node)]));
  const feasible = snapshot.nodes.filter((node) => objections.get(node)?.length === 0);
  const scores = new Map<NodeState, RuleScore[]>(feasible.map((node) => [node, []]));
  for (const { rule, weight } of profile.scores) {
    const rating = rule.prepare(toPlace, snapshot);
    if (rating === undefined) continue;
    const rated = feasible.map(rating.rate);
    rating.normalize?.(rated, feasible);
    for (const [index, node] of feasible.entries()) {
      scores.get(node)?.push({ rule: rule.name, score: rated[index] ?? 0, weight });
    }
  }
  const verdicts = snapshot.nodes.map((node) => ({
    node: node.name,
    objections: objections.get(node) ?? [],
    scores: scores.get(node) ?? [],
  }));
  return verdicts.sort((a, b) => a.objections.length - b.objections.length || totalOf(b.scores) - totalOf(a.scores));
}

export function totalOf(scores: readonly RuleScore[]): number {
  return scores.reduce((total, { score, weight }) => total + score * weight, 0);
}
