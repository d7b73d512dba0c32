import type { Pod } from "../api/index.ts";
import type { PodShape } from "./pod-shape.ts";
import type { NodeState, PlacedPod, Snapshot } from "./snapshot.ts";

/** A pod that needs a node. */
export interface PodToPlace {
  readonly pod: Pod;
  readonly shape: PodShape;
}

/** Why a node is not feasible. */
export interface Rejection {
  /** As `kubectl describe pod` shows them, counted over the nodes; the texts are those of Kubernetes. */
  readonly reasons: readonly string[];
  /** Whether the node could become feasible by removing pods from it. */
  readonly isResolvable: boolean;
  /** The rule could not judge the node, for what the pod asks is wrong: the attempt ends with an error. */
  readonly isError?: true;
}

/** How a node to be judged differs from the one that is in the snapshot: what if these came, and those went? */
export interface NodeChange {
  readonly added: readonly PlacedPod[];
  readonly removed: readonly PlacedPod[];
}

/**
 * Says why the pod cannot be on the node; undefined when nothing speaks against it. With `change`, `node` is as it would
 * be then; who counts the pods of more than one node has to take the change into account.
 */
export type NodeCheck = (node: NodeState, change?: NodeChange) => Rejection | undefined;

/** One reason for which nodes are not feasible. */
export interface FeasibilityRule {
  /** The name of Kubernetes' plugin, which its messages use. */
  readonly name: string;
  /**
   * The rule for one pod; undefined when it has nothing against any node, a rejection when no node can be right, whose
   * reasons are then said once rather than for each node.
   */
  readonly prepare: (toPlace: PodToPlace, snapshot: Snapshot) => NodeCheck | Rejection | undefined;
  /**
   * Whether the verdict on a node may depend on more than the pod's shape and that node: on other nodes, or on objects
   * that the snapshot does not hold. Such a rule is asked for each pod anew, of one node after the other.
   */
  readonly isRelative?: boolean;
  /** Whether the rule may reject with an error, so that nodes are asked also when a feasible one has been found. */
  readonly mayFail?: (toPlace: PodToPlace) => boolean;
}

/** How good a node is for a pod, by one measure. */
export interface NodeRating {
  /** From 0, the worst, to 100, the best; any scale where the rule normalizes. */
  readonly rate: (node: NodeState) => number;
  /**
   * Brings the ratings of all feasible nodes to 0…100, in place. Such a rating depends on the other nodes, so plans with
   * it rate all nodes anew.
   */
  readonly normalize?: (ratings: number[], nodes: readonly NodeState[]) => void;
}

/** One measure of how good nodes are; what counts is the weighted sum. */
export interface RankingRule {
  readonly name: string;
  /** The weight in Kubernetes' default profile. */
  readonly weight: number;
  /** The rating for one pod; undefined when it would be the same for all nodes. */
  readonly prepare: (toPlace: PodToPlace, snapshot: Snapshot) => NodeRating | undefined;
  /** What the rating depends on beside the pod's shape and the node itself: while it is equal, old ratings hold. */
  readonly basis?: (toPlace: PodToPlace, snapshot: Snapshot) => number;
  /**
   * Whether the rating of a node depends on more than the pod's shape, the node and `basis`: on other nodes, or on
   * objects that the snapshot does not hold. Such a pod is planned by a search over the nodes, each time anew.
   */
  readonly isRelative?: (toPlace: PodToPlace, snapshot: Snapshot) => boolean;
}

export const ratingMax = 100;

/** A rejection that removing pods could mend. */
export function resolvable(...reasons: readonly string[]): Rejection {
  return { reasons, isResolvable: true };
}

/** A rejection that removing pods does not mend. */
export function unresolvable(...reasons: readonly string[]): Rejection {
  return { reasons, isResolvable: false };
}

/** What is wrong with what the pod asks. */
export function impossible(reason: string): Rejection {
  return { reasons: [reason], isResolvable: false, isError: true };
}

/** The rule for one pod as a check of nodes, also where it rejects all of them or none. */
export function checkOf(rule: FeasibilityRule, toPlace: PodToPlace, snapshot: Snapshot): NodeCheck {
  const prepared = rule.prepare(toPlace, snapshot);
  return typeof prepared === "function" ? prepared : () => prepared;
}

/** Brings ratings to 0…100 by the highest; all stay 0 when none is above. */
export function normalizeToHighest(ratings: number[]): void {
  const highest = ratings.reduce((a, b) => Math.max(a, b), 0);
  if (highest === 0) return;
  for (let i = 0; i < ratings.length; i++) ratings[i] = Math.floor((ratingMax * ratings[i]!) / highest);
}

/** As normalizeToHighest, for ratings of which less is better. */
export function normalizeToLowest(ratings: number[]): void {
  normalizeToHighest(ratings);
  for (let i = 0; i < ratings.length; i++) ratings[i] = ratingMax - ratings[i]!;
}
