import { getHeapSnapshot } from "node:v8";
import { type Clock, pause } from "../../lib/index.ts";
import type { Profiler } from "../http/index.ts";

/** Profiles of this process by V8's own means. */
export function processProfiler(clock: Clock): Profiler {
  return {
    async cpuProfile(durationMs, signal) {
      // Most processes are never looked into.
      const { Session } = await import("node:inspector/promises");
      const session = new Session();
      session.connect();
      try {
        await session.post("Profiler.enable");
        await session.post("Profiler.start");
        await pause(clock, durationMs, signal);
        const { profile } = await session.post("Profiler.stop");
        return JSON.stringify(profile);
      } finally {
        session.disconnect();
      }
    },
    heapSnapshot: () => getHeapSnapshot(),
  };
}
