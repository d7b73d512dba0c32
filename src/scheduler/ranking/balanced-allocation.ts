import { type RankingRule, ratingMax } from "../rule.ts";

/** Prefers nodes whose cpu and memory would be used to the same share. */
export const balancedAllocation: RankingRule = {
  name: "NodeResourcesBalancedAllocation",
  weight: 1,
  prepare({ shape }) {
    const wanted = shape.requests;
    // A pod that asks for nothing would be drawn to one node: https://github.com/kubernetes/kubernetes/issues/129138
    if (wanted.milliCpu === 0 && wanted.memoryBytes === 0) return undefined;
    return {
      rate({ requested, allocatable }) {
        if (allocatable.milliCpu === 0 || allocatable.memoryBytes === 0) return ratingMax;
        const cpu = Math.min(1, (requested.milliCpu + wanted.milliCpu) / allocatable.milliCpu);
        const memory = Math.min(1, (requested.memoryBytes + wanted.memoryBytes) / allocatable.memoryBytes);
        // The standard deviation of two shares.
        return Math.floor((1 - Math.abs(cpu - memory) / 2) * ratingMax);
      },
    };
  },
};
