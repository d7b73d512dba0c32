// Who would have to go from a node, and from which node the least is lost. Pure; the rules are those of kube-scheduler's
// defaultpreemption plugin and its preemption evaluator.
import { type LabelRequirement, matchesLabels, type Pod } from "../../api/index.ts";
import { priorityOf } from "../pod-key.ts";
import type { NodeCheck, Rejection } from "../rule.ts";
import type { NodeState, PlacedPod } from "../snapshot.ts";

/** How many more of some pods may be ended. */
export interface Budget {
  readonly namespace: string;
  readonly requirements: readonly LabelRequirement[];
  readonly disruptionsAllowed: number;
  /** The pods whose end is counted already. */
  readonly disruptedPods: ReadonlySet<string>;
}

/** What it costs to make a node feasible. */
export interface Candidate {
  readonly node: NodeState;
  /** The most important first; at least one. */
  readonly victims: readonly PlacedPod[];
  /** How many of them their budgets do not allow. */
  readonly violations: number;
}

/**
 * The fewest pods of lower priority without which the pod fits on the node; why there are none, when it does not fit
 * without all of them. `fits` is asked of the node as it would be.
 */
export function selectVictims(
  pod: Pod,
  node: NodeState,
  fits: NodeCheck,
  budgets: readonly Budget[],
): Candidate | Rejection | undefined {
  const priority = priorityOf(pod);
  if (node.lowestPriority >= priority) return undefined;
  const removed = new Set([...node.pods.values()].filter((placed) => priorityOf(placed.pod) < priority));
  const trial = node.with({ added: [], removed: [...removed] });
  const check = () => fits(trial, { added: [], removed: [...removed] });
  const rejection = check();
  if (rejection) return rejection;
  const { violating, others } = divideByBudgets([...removed].sort(byImportance), budgets);
  let violations = 0;
  // As many as possible stay, first those that their budgets protect, then the important ones.
  for (const placed of [...violating, ...others]) {
    trial.add(placed);
    removed.delete(placed);
    if (check() === undefined) continue;
    trial.remove(placed);
    removed.add(placed);
    if (violating.includes(placed)) violations++;
  }
  return { node, victims: [...removed].sort(byImportance), violations };
}

/** Those of higher priority first, then those that have run for longer. One without a start has only begun. */
function byImportance({ pod: a }: PlacedPod, { pod: b }: PlacedPod): number {
  const byPriority = priorityOf(b) - priorityOf(a);
  if (byPriority !== 0) return byPriority;
  const [startA, startB] = [startOf(a), startOf(b)];
  return startA < startB ? -1 : Number(startA > startB);
}

/** Times of the API compare as texts; this is after all of them. */
const notStarted = "~";

function startOf(pod: Pod): string {
  return pod.status?.startTime ?? notStarted;
}

/** The pods that cannot all go without breaking a budget, and the others, both in their order. */
function divideByBudgets(pods: readonly PlacedPod[], budgets: readonly Budget[]) {
  const left = budgets.map(({ disruptionsAllowed }) => disruptionsAllowed);
  const violating: PlacedPod[] = [];
  const others: PlacedPod[] = [];
  for (const placed of pods) {
    const { namespace, name, labels } = placed.pod.metadata;
    const hasLabels = Object.keys(labels ?? {}).length > 0;
    let breaks = false;
    for (const [index, budget] of budgets.entries()) {
      // A pod without labels is in no budget, whatever the selector.
      if (budget.namespace !== namespace || budget.requirements.length === 0 || !hasLabels) continue;
      if (!matchesLabels(budget.requirements, labels) || budget.disruptedPods.has(name)) continue;
      if (--left[index]! < 0) breaks = true;
    }
    (breaks ? violating : others).push(placed);
  }
  return { violating, others };
}

/** Where the least is lost, by one measure after the other; the first of equals. Undefined when there are none. */
export function leastLoss(candidates: readonly Candidate[]): Candidate | undefined {
  let [best, ...others] = candidates;
  for (const other of best ? others : []) if (compareLoss(other, best!) < 0) best = other;
  return best;
}

/** Priorities may be negative: raised, so that fewer victims are never worse than more. */
const priorityRaise = 2 ** 31;

function compareLoss(a: Candidate, b: Candidate): number {
  const highest = ({ victims }: Candidate) => priorityOf(victims[0]!.pod);
  const sum = ({ victims }: Candidate) =>
    victims.reduce((total, { pod }) => total + priorityOf(pod) + priorityRaise, 0);
  const byNumbers =
    a.violations - b.violations || highest(a) - highest(b) || sum(a) - sum(b) || a.victims.length - b.victims.length;
  if (byNumbers !== 0) return byNumbers;
  const [startA, startB] = [earliestStart(a), earliestStart(b)];
  return startA > startB ? -1 : Number(startA < startB);
}

/** When the first of the victims of highest priority started. */
function earliestStart({ victims }: Candidate): string {
  const highest = priorityOf(victims[0]!.pod);
  let earliest = notStarted;
  for (const { pod } of victims) if (priorityOf(pod) === highest && startOf(pod) < earliest) earliest = startOf(pod);
  return earliest;
}
