import { performance } from "node:perf_hooks";
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Clock } from "../lib/index.ts";

/** The memory of JavaScript as the process has it. */
export interface ProcessHeap {
  /** What it has taken from the machine, in bytes. */
  heldBytes(): number;
  /** The part of the time since it was last asked in which the process was busy, from 0 to 1. */
  busyShare(): number;
  /** Collects everything that nobody needs, and gives the room back. */
  collect(): void;
}

const lookMs = 5_000;
const idleShareMax = 0.1;
/** Less than this is not worth the pause: some 3 ms for each megabyte that is in use. */
const worthBytes = 16 * 1024 * 1024;
const worthFactor = 1.2;

/**
 * Gives back what a burst of work took: V8 collects as it allocates, so a process that has come to rest keeps the garbage
 * of what came before, and the room for it, until the next burst. `shed` first lets go of what is kept only to be quick.
 * Returns what ends that.
 */
export function collectWhenIdle(clock: Clock, shed: () => void, heap: ProcessHeap = processHeap()): () => void {
  let keptBytes = 0;
  // A start is a burst. What little comes together at rest is V8's own to collect: each pause of these costs more.
  let isAfterBurst = true;
  const look = () => {
    if (heap.busyShare() >= idleShareMax) isAfterBurst = true;
    else if (isAfterBurst && heap.heldBytes() > keptBytes * worthFactor + worthBytes) {
      shed();
      heap.collect();
      keptBytes = heap.heldBytes();
      isAfterBurst = false;
      heap.busyShare();
    }
    timer = clock.setTimer(lookMs, look);
  };
  heap.busyShare();
  let timer = clock.setTimer(lookMs, look);
  return () => timer.cancel();
}

function processHeap(): ProcessHeap {
  let gc: NodeJS.GCFunction | undefined;
  let since = performance.eventLoopUtilization();
  return {
    heldBytes() {
      const { total_heap_size: heap, external_memory: external } = getHeapStatistics();
      return heap + external;
    },
    busyShare() {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, since);
      since = now;
      return utilization;
    },
    collect() {
      gc ??= exposedCollector();
      // What the first finds free lies scattered; the second moves what is left together.
      gc({ type: "major", execution: "sync" });
      gc({ type: "major", execution: "sync", flavor: "last-resort" });
    },
  };
}

/**
 * V8's collector, which each new context has once the flag is set: no process has to be started with it. The inspector's
 * HeapProfiler.collectGarbage does the same and leaves 40 MB more of a large heap.
 */
function exposedCollector(): NodeJS.GCFunction {
  setFlagsFromString("--expose-gc");
  const collector: NodeJS.GCFunction = runInNewContext("gc");
  setFlagsFromString("--no-expose-gc");
  return collector;
}
