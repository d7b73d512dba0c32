import { type Amounts, amountOf, isBasicResource } from "../amounts.ts";
import { type RankingRule, ratingMax } from "../rule.ts";
import type { NodeState } from "../snapshot.ts";

/** A resource and how much it counts beside the others. */
export interface ResourceWeight {
  readonly name: string;
  readonly weight: number;
}

/** A point of the function from use, in percent, to a score from 0 to 10. */
export interface ShapePoint {
  readonly utilization: number;
  readonly score: number;
}

/** How NodeResourcesFit rates: https://kubernetes.io/docs/concepts/scheduling-eviction/resource-bin-packing/ */
export type ScoringStrategy =
  | { readonly type: "LeastAllocated" | "MostAllocated"; readonly resources: readonly ResourceWeight[] }
  | {
      readonly type: "RequestedToCapacityRatio";
      readonly resources: readonly ResourceWeight[];
      readonly shape: readonly ShapePoint[];
    };

export const defaultResourceWeights: readonly ResourceWeight[] = [
  { name: "cpu", weight: 1 },
  { name: "memory", weight: 1 },
];

/** The score of one resource of which `requested` would be taken of `allocatable`, which is not 0. */
type ResourceScore = (requested: number, allocatable: number) => number;

const scores: Readonly<Record<"LeastAllocated" | "MostAllocated", ResourceScore>> = {
  LeastAllocated: (requested, allocatable) =>
    requested > allocatable ? 0 : Math.floor(((allocatable - requested) * ratingMax) / allocatable),
  MostAllocated: (requested, allocatable) => Math.floor((Math.min(requested, allocatable) * ratingMax) / allocatable),
};

/** Prefers nodes by how much of their resources is taken: little, much, or by a function of it. */
export function resourceAllocation(strategy: ScoringStrategy): RankingRule {
  const byRatio = strategy.type === "RequestedToCapacityRatio";
  const scoreOf = byRatio ? ratioScore(strategy.shape) : scores[strategy.type];
  return {
    name: "NodeResourcesFit",
    weight: 1,
    prepare({ shape }) {
      // Pods that ask for nothing count something.
      const wanted = shape.assumedRequests;
      const resources = countedResources(strategy.resources, wanted);
      return {
        rate(node) {
          let sum = 0;
          let weights = 0;
          for (const { name, weight } of resources) {
            const allocatable = amountOf(node.allocatable, name);
            if (allocatable === 0) continue;
            const score = scoreOf(amountOf(node.assumed, name) + amountOf(wanted, name), allocatable);
            if (byRatio && score === 0) continue;
            sum += score * weight;
            weights += weight;
          }
          if (weights === 0) return 0;
          return byRatio ? Math.round(sum / weights) : Math.floor(sum / weights);
        },
      };
    },
  };
}

/** A broken line through the points. */
function ratioScore(shape: readonly ShapePoint[]): ResourceScore {
  const points = shape.map(({ utilization, score }) => ({ utilization, score: score * 10 }));
  return (requested, allocatable) => {
    const use = requested > allocatable ? 100 : Math.floor((requested * 100) / allocatable);
    let before = points[0]!;
    for (const point of points) {
      if (use <= point.utilization) {
        if (point === before) return point.score;
        const steps = (point.score - before.score) * (use - before.utilization);
        return before.score + Math.trunc(steps / (point.utilization - before.utilization));
      }
      before = point;
    }
    return before.score;
  };
}

/** Prefers nodes whose resources would be used to the same share. */
export function balancedAllocation(weights: readonly ResourceWeight[]): RankingRule {
  return {
    name: "NodeResourcesBalancedAllocation",
    weight: 1,
    prepare({ shape }) {
      const wanted = shape.requests;
      const resources = countedResources(weights, wanted).map(({ name }) => name);
      // A pod that asks for nothing would be drawn to one node: https://github.com/kubernetes/kubernetes/issues/129138
      if (resources.every((name) => amountOf(wanted, name) === 0)) return undefined;
      const [one = "", other = ""] = resources;
      const deviationOf = (node: NodeState) =>
        resources.length === 2
          ? deviationOfTwo(shareOf(node, one, wanted), shareOf(node, other, wanted))
          : deviation(resources.map((name) => shareOf(node, name, wanted)));
      return { rate: (node) => Math.floor((1 - deviationOf(node)) * ratingMax) };
    },
  };
}

/** How much of a resource would be used, from 0 to 1; undefined where the node has none. */
function shareOf({ requested, allocatable }: NodeState, name: string, wanted: Amounts): number | undefined {
  const all = amountOf(allocatable, name);
  return all > 0 ? Math.min(1, (amountOf(requested, name) + amountOf(wanted, name)) / all) : undefined;
}

/** As `deviation`, for the common case, which is asked of many nodes for each pod. */
function deviationOfTwo(a: number | undefined, b: number | undefined): number {
  return a === undefined || b === undefined ? 0 : Math.abs(a - b) / 2;
}

/** The standard deviation of those that are there. */
function deviation(all: readonly (number | undefined)[]): number {
  const shares = all.filter((share) => share !== undefined);
  if (shares.length < 2) return 0;
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  return Math.sqrt(shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / shares.length);
}

/** Extended resources count for pods that ask for them. */
function countedResources(resources: readonly ResourceWeight[], wanted: Amounts): readonly ResourceWeight[] {
  return resources.filter(({ name }) => isBasicResource(name) || amountOf(wanted, name) > 0);
}
