import type { Pod } from "../api/index.ts";
import type { Random } from "../lib/index.ts";
import { CandidateHeap } from "./candidate-heap.ts";
import { Diagnosis, type NodeRejection, type PodRejection } from "./diagnosis.ts";
import type { RuleScore } from "./explanation.ts";
import { priorityOf } from "./pod-key.ts";
import type { PodShape } from "./pod-shape.ts";
import { podTermsOf, spreadConstraintsOf, termsMean } from "./pod-terms.ts";
import type { Profile } from "./profile.ts";
import {
  type FeasibilityRule,
  type NodeChange,
  type NodeCheck,
  type NodeRating,
  type PodToPlace,
  type RankingRule,
  unresolvable,
} from "./rule.ts";
import type { NodeState, PlacedPod, Snapshot } from "./snapshot.ts";

/** The node that a pod should go to, or why there is none. */
export type Plan =
  | { readonly nodeName: string; readonly scores: readonly RuleScore[] }
  | { readonly diagnosis: Diagnosis };

interface WeightedRating extends NodeRating {
  readonly rule: string;
  readonly weight: number;
}

interface NamedCheck {
  readonly rule: string;
  readonly check: NodeCheck;
}

/** The rules as they are for one pod. */
interface PreparedRules {
  readonly checks: readonly NamedCheck[];
  readonly ratings: readonly WeightedRating[];
  /** Why the pod can go to no node at all. */
  readonly podRejection?: PodRejection;
}

/** All nodes as they are for one shape, at one number of change. */
interface Standing {
  /** Like pods; no uid, for what is nominated counts for all of them. */
  readonly toPlace: Pick<PodToPlace, "shape">;
  readonly rules: PreparedRules;
  /** What the ranking rules depended on beside shape and node. */
  readonly bases: readonly number[];
  readonly heap: CandidateHeap;
  changeNumber: number;
  /** Why there is no candidate, at `diagnosedAt`. */
  diagnosis?: Diagnosis;
  diagnosedAt?: number;
}

/** How many shapes keep a standing; each costs a few words for every node. */
const standingsMax = 128;
// How many feasible nodes are enough where all are looked at anew: kube-scheduler's numFeasibleNodesToFind.
const feasibleNodesMin = 100;
const feasiblePercentMin = 5;

/**
 * Chooses nodes: what is feasible, then what ranks highest. It only reads the snapshot.
 *
 * Pods of one shape see the same nodes in the same order, so that order is kept, and brought up to date with the nodes
 * that changed since: the plan for the next of a thousand like pods looks at one node, not at all. Rules about more than
 * one node are asked along that order, until they let one pass.
 */
export class Planner {
  readonly #snapshot: Snapshot;
  readonly #profile: Profile;
  readonly #random: Random;
  /** The filters whose verdict on a node depends on that node alone, and the others. */
  readonly #ownFilters: readonly FeasibilityRule[];
  readonly #relativeFilters: readonly FeasibilityRule[];
  readonly #relativeScores: readonly RankingRule[];
  /** Undefined for shapes that were seen once: a standing is worth its making when there are more of them. */
  readonly #standings = new Map<PodShape, Standing | undefined>();
  /** Where the next search over all nodes begins, so that all have their turn. */
  #searchStart = 0;

  constructor(snapshot: Snapshot, profile: Profile, random: Random) {
    this.#snapshot = snapshot;
    this.#profile = profile;
    this.#random = random;
    this.#ownFilters = profile.filters.filter((rule) => !rule.isRelative);
    this.#relativeFilters = profile.filters.filter((rule) => rule.isRelative);
    this.#relativeScores = profile.scores.map(({ rule }) => rule).filter((rule) => rule.isRelative);
  }

  /** `shape` is that of the pod. Throws an Error when a rule cannot judge the pod, for what it asks is wrong. */
  plan(pod: Pod, shape = this.#snapshot.shapes.of(pod)): Plan {
    const toPlace: PodToPlace = { pod, shape };
    const nominated = this.#snapshot.nominatedNode(pod.metadata.uid);
    if (nominated !== undefined && this.#fitsWhereNominated(toPlace, nominated))
      return { nodeName: nominated, scores: [] };
    const { nodeNames } = toPlace.shape;
    if (nodeNames !== undefined) return this.#planByNames(toPlace, nodeNames);
    const isSearched = pod.spec.nodeName || this.#isRatedRelatively(toPlace) || this.#mayFail(toPlace);
    const standing = isSearched ? undefined : this.#standing(toPlace);
    return standing === undefined ? this.#planByAllNodes(toPlace) : this.#planByStanding(toPlace, standing);
  }

  /** All that the rules say of a node, in one check, also of a node as it would be. */
  checkFor(pod: Pod): NodeCheck {
    const toPlace = { pod, shape: this.#snapshot.shapes.of(pod) };
    const { checks, podRejection } = this.#prepare(toPlace);
    if (podRejection) return () => podRejection.rejection;
    return (node, change) => rejectionOf(checks, node, toPlace, change)?.rejection;
  }

  /** Room was made for the pod there: nobody else is asked when it fits. */
  #fitsWhereNominated(toPlace: PodToPlace, nodeName: string): boolean {
    const node = this.#snapshot.node(nodeName);
    if (node === undefined) return false;
    const { checks, podRejection } = this.#prepare(toPlace);
    return podRejection === undefined && rejectionOf(checks, node, toPlace) === undefined;
  }

  /** Whether a pod that fitted nowhere may fit after `node` has changed. */
  mayFit(toPlace: PodToPlace, node: NodeState): boolean {
    const { nodeNames, hasAffinityTerms, hasSpreadConstraints } = toPlace.shape;
    if (nodeNames !== undefined && !nodeNames.has(node.name)) return false;
    // For these a change of one node may open another.
    if (hasAffinityTerms || hasSpreadConstraints) return true;
    const { checks, podRejection } = this.#prepare(toPlace);
    return podRejection === undefined && rejectionOf(checks, node, toPlace) === undefined;
  }

  /**
   * Whether the rule that kept a pod from a node as it was before has nothing against it any more. Then it is tried, even
   * if another rule keeps it away now: people who mended what they were told are to see what is left.
   */
  isJudgedAnew(toPlace: PodToPlace, before: NodeState, node: NodeState): boolean {
    const { nodeNames } = toPlace.shape;
    if (nodeNames !== undefined && !nodeNames.has(node.name)) return false;
    const { checks, podRejection } = this.#prepare(toPlace, this.#profile.filters, []);
    if (podRejection) return false;
    const rejection = rejectionOf(checks, before, toPlace);
    return rejection !== undefined && rejection.rule !== rejectionOf(checks, node, toPlace)?.rule;
  }

  /** Whether it can matter to a pod without a node that another was placed or went. */
  isConcernedBy({ pod, shape: own }: PodToPlace, { pod: other, shape: others }: PodToPlace): boolean {
    const { namespaceLabels } = this.#snapshot;
    const { namespace = "", labels } = other.metadata;
    if (own.hasAffinityTerms && termsMean(podTermsOf(own, pod.metadata.namespace ?? ""), other, namespaceLabels)) {
      return true;
    }
    if (
      own.hasSpreadConstraints &&
      namespace === pod.metadata.namespace &&
      spreadConstraintsOf(pod, "DoNotSchedule").some((constraint) => constraint.selects(labels))
    ) {
      return true;
    }
    return others.hasAffinityTerms && termsMean(podTermsOf(others, namespace), pod, namespaceLabels);
  }

  /** Whether how good a node is depends on more than the pod's shape and the node by itself. */
  #isRatedRelatively(toPlace: PodToPlace): boolean {
    return this.#relativeScores.some((rule) => rule.isRelative?.(toPlace, this.#snapshot));
  }

  #mayFail(toPlace: PodToPlace): boolean {
    return this.#profile.filters.some((rule) => rule.mayFail?.(toPlace));
  }

  /** For pods that may only go to nodes that they name: no other is looked at. */
  #planByNames(toPlace: PodToPlace, names: ReadonlySet<string>): Plan {
    const { checks, ratings, podRejection } = this.#prepare(toPlace);
    if (podRejection) return { diagnosis: new Diagnosis(this.#snapshot.nodes.length, [], podRejection) };
    const nodes = [...names].flatMap((name) => this.#snapshot.node(name) ?? []);
    const { feasible, rejections } = search(nodes, 0, nodes.length, checks, toPlace);
    throwFailureAmong(rejections);
    if (feasible.length > 0) return this.#best(feasible, ratings);
    const others = this.#snapshot.nodes.filter((node) => !names.has(node.name));
    const all = [...rejections, ...others.map((node) => ({ node, rejection: notNamed, rule: "NodeAffinity" }))];
    return { diagnosis: new Diagnosis(this.#snapshot.nodes.length, all) };
  }

  #planByStanding(toPlace: PodToPlace, standing: Standing): Plan {
    const { nodes } = this.#snapshot;
    const { checks, podRejection } = this.#prepare(toPlace, this.#relativeFilters, []);
    if (podRejection === undefined && checks.length === 0) {
      const { best } = standing.heap;
      return best === undefined ? { diagnosis: this.#diagnosisOf(standing) } : chosen(nodes[best]!, standing);
    }
    for (const index of podRejection ? [] : standing.heap.inOrder()) {
      const node = nodes[index]!;
      if (rejectionOf(checks, node, toPlace) === undefined) return chosen(node, standing);
    }
    // All rules in their order say why.
    const all = this.#prepare(toPlace);
    const { rejections } = search(nodes, 0, nodes.length, all.checks, toPlace);
    throwFailureAmong(rejections);
    return { diagnosis: new Diagnosis(nodes.length, all.podRejection ? [] : rejections, all.podRejection) };
  }

  #diagnosisOf(standing: Standing): Diagnosis {
    if (standing.diagnosis === undefined || standing.diagnosedAt !== standing.changeNumber) {
      const { nodes } = this.#snapshot;
      const { rejections } = search(nodes, 0, nodes.length, standing.rules.checks, standing.toPlace);
      standing.diagnosis = new Diagnosis(nodes.length, rejections);
      standing.diagnosedAt = standing.changeNumber;
    }
    return standing.diagnosis;
  }

  #planByAllNodes(toPlace: PodToPlace): Plan {
    const { checks, ratings, podRejection } = this.#prepare(toPlace);
    const { nodes } = this.#snapshot;
    if (podRejection) return { diagnosis: new Diagnosis(nodes.length, [], podRejection) };
    const { feasible, rejections } = search(
      nodes,
      this.#searchStart,
      enoughFeasible(nodes.length, this.#profile.percentageOfNodesToScore),
      checks,
      toPlace,
    );
    this.#searchStart = (this.#searchStart + feasible.length + rejections.length) % Math.max(1, nodes.length);
    throwFailureAmong(rejections);
    if (feasible.length === 0) return { diagnosis: new Diagnosis(nodes.length, rejections) };
    return this.#best(feasible, ratings);
  }

  /** One of the nodes with the highest sum, each with the same chance. */
  #best(nodes: readonly NodeState[], ratings: readonly WeightedRating[]): Plan {
    const sums = new Array<number>(nodes.length).fill(0);
    const all: number[][] = [];
    for (const { rate, normalize, weight } of ratings) {
      const rated = nodes.map(rate);
      all.push(rated);
      normalize?.(rated, nodes);
      for (let i = 0; i < sums.length; i++) sums[i]! += weight * rated[i]!;
    }
    let best = 0;
    let equals = 1;
    for (let i = 1; i < sums.length; i++) {
      if (sums[i]! > sums[best]!) {
        best = i;
        equals = 1;
      } else if (sums[i] === sums[best] && this.#random.next() * ++equals < 1) {
        best = i;
      }
    }
    const scores = ratings.map(({ rule, weight }, i) => ({ rule, weight, score: all[i]![best]! }));
    return { nodeName: nodes[best]!.name, scores };
  }

  /**
   * The standing of a shape, up to date; undefined when its ratings depend on all nodes, so that none can be kept, or
   * when this is the first pod of the shape.
   */
  #standing(toPlace: PodToPlace): Standing | undefined {
    const { shape } = toPlace;
    if (!this.#standings.has(shape)) {
      this.#keep(shape, undefined);
      return undefined;
    }
    const old = this.#standings.get(shape);
    const bases = this.#profile.scores.map(({ rule }) => rule.basis?.(toPlace, this.#snapshot) ?? 0);
    const basesHold = old?.bases.every((basis, i) => basis === bases[i]);
    const changed = old && basesHold ? this.#snapshot.changedSince(old.changeNumber) : undefined;
    let standing: Standing;
    if (old && changed) {
      standing = old;
      for (const node of new Set(changed)) this.#rate(standing, node);
    } else {
      const rules = this.#prepare(toPlace, this.#ownFilters);
      // A pod that is rejected as a whole is rejected for something that is not in its shape.
      if (rules.podRejection || rules.ratings.some((rating) => rating.normalize)) return undefined;
      const { nodes } = this.#snapshot;
      standing = { toPlace: { shape }, rules, bases, heap: new CandidateHeap(nodes.length), changeNumber: 0 };
      for (const node of nodes) this.#rate(standing, node);
    }
    standing.changeNumber = this.#snapshot.changeNumber;
    this.#keep(shape, standing);
    return standing;
  }

  #keep(shape: PodShape, standing: Standing | undefined): void {
    // A map keeps the order of insertion: the first is the one that was not used for longest.
    this.#standings.delete(shape);
    this.#standings.set(shape, standing);
    if (this.#standings.size <= standingsMax) return;
    for (const longestUnused of this.#standings.keys()) {
      this.#standings.delete(longestUnused);
      break;
    }
  }

  #rate({ rules, heap, toPlace }: Standing, node: NodeState): void {
    if (rejectionOf(rules.checks, node, toPlace) !== undefined) {
      heap.delete(node.index);
      return;
    }
    // Ratings are whole numbers; a fraction by chance decides among equals.
    let score = this.#random.next();
    for (const { rate, weight } of rules.ratings) score += weight * rate(node);
    heap.set(node.index, score);
  }

  #prepare(toPlace: PodToPlace, filters = this.#profile.filters, scores = this.#profile.scores): PreparedRules {
    const checks: NamedCheck[] = [];
    for (const rule of filters) {
      const check = rule.prepare(toPlace, this.#snapshot);
      if (typeof check === "function") checks.push({ rule: rule.name, check });
      else if (check) return { checks, ratings: [], podRejection: { rejection: check, rule: rule.name } };
    }
    const ratings: WeightedRating[] = [];
    for (const { rule, weight } of scores) {
      const rating = rule.prepare(toPlace, this.#snapshot);
      if (rating) ratings.push({ ...rating, rule: rule.name, weight });
    }
    return { checks, ratings };
  }
}

const notNamed = unresolvable("node(s) didn't satisfy plugin(s) [NodeAffinity]");

function chosen(node: NodeState, { rules }: Standing): Plan {
  const scores = rules.ratings.map(({ rule, rate, weight }) => ({ rule, weight, score: rate(node) }));
  return { nodeName: node.name, scores };
}

/** A pod, or all pods of its shape. */
type Candidate = Pick<PodToPlace, "shape"> & Partial<PodToPlace>;

/**
 * Why a node is not feasible: as it is, or with the pods for which room is being made there. Those may come or not, so
 * both have to be right. With `change`, `node` is as it would be then.
 */
function rejectionOf(
  checks: readonly NamedCheck[],
  node: NodeState,
  candidate: Candidate,
  change?: NodeChange,
): NodeRejection | undefined {
  const nominated = node.nominated.size > 0 ? nominatedBefore(candidate, node) : [];
  if (nominated.length > 0) {
    const then = node.with({ added: nominated, removed: [] });
    const all = { added: [...(change?.added ?? []), ...nominated], removed: change?.removed ?? [] };
    const rejection = firstRejection(checks, then, all);
    if (rejection) return { ...rejection, node };
  }
  return firstRejection(checks, node, change);
}

function firstRejection(
  checks: readonly NamedCheck[],
  node: NodeState,
  change: NodeChange | undefined,
): NodeRejection | undefined {
  for (const { check, rule } of checks) {
    const rejection = check(node, change);
    if (rejection) return { node, rejection, rule };
  }
  return undefined;
}

/** The pods nominated to the node to which the candidate has to leave the room. */
export function nominatedBefore({ pod, shape }: Candidate, node: NodeState): readonly PlacedPod[] {
  const { priority = 0 } = shape.spec;
  return [...node.nominated.values()].filter(
    (other) => other.pod.metadata.uid !== pod?.metadata.uid && priorityOf(other.pod) >= priority,
  );
}

interface Found {
  readonly feasible: NodeState[];
  readonly rejections: NodeRejection[];
}

/** Looks at the nodes from `start` round until `enough` are feasible. */
function search(
  nodes: readonly NodeState[],
  start: number,
  enough: number,
  checks: readonly NamedCheck[],
  candidate: Candidate,
): Found {
  const feasible: NodeState[] = [];
  const rejections: NodeRejection[] = [];
  for (let i = 0; i < nodes.length && feasible.length < enough; i++) {
    const node = nodes[(start + i) % nodes.length]!;
    const rejection = rejectionOf(checks, node, candidate);
    if (rejection) rejections.push(rejection);
    else feasible.push(node);
  }
  return { feasible, rejections };
}

/** What a rule could not judge ends the attempt, in the words of kube-scheduler's framework: it is to be seen and mended. */
function throwFailureAmong(rejections: readonly NodeRejection[]): void {
  const failure = rejections.find(({ rejection }) => rejection.isError);
  if (failure) throw new Error(`running "${failure.rule}" filter plugin: ${failure.rejection.reasons.join(", ")}`);
}

/** How many feasible nodes a search over all nodes ranks: all of a small cluster, a sinking share of a large one. */
function enoughFeasible(nodeCount: number, percentage: number): number {
  const percent = percentage > 0 ? percentage : Math.max(feasiblePercentMin, 50 - Math.floor(nodeCount / 125));
  return Math.max(feasibleNodesMin, Math.floor((nodeCount * percent) / 100));
}
