import { type RankingRule, ratingMax } from "../rule.ts";

/** Prefers nodes of whose cpu and memory more is left. */
export const leastAllocated: RankingRule = {
  name: "NodeResourcesFit",
  weight: 1,
  prepare({ shape }) {
    const wanted = shape.assumedRequests;
    return {
      rate({ assumed, allocatable }) {
        const shares = [];
        if (allocatable.milliCpu > 0) shares.push(freeShare(assumed.milliCpu + wanted.milliCpu, allocatable.milliCpu));
        if (allocatable.memoryBytes > 0)
          shares.push(freeShare(assumed.memoryBytes + wanted.memoryBytes, allocatable.memoryBytes));
        if (shares.length === 0) return 0;
        return Math.floor(shares.reduce((a, b) => a + b) / shares.length);
      },
    };
  },
};

function freeShare(requested: number, allocatable: number): number {
  return requested > allocatable ? 0 : Math.floor(((allocatable - requested) * ratingMax) / allocatable);
}
