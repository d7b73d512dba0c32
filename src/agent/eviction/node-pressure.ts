// When the node has too little of something: the kubelet's signals, thresholds and conditions.
// https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/
import { binaryQuantity, formatQuantity, parseQuantity, quantityValue } from "../../api/index.ts";
import type { MachineLoad } from "../host.ts";

const evictionSignals = [
  "memory.available",
  "nodefs.available",
  "nodefs.inodesFree",
  "imagefs.available",
  "imagefs.inodesFree",
  "pid.available",
] as const;
export type EvictionSignal = (typeof evictionSignals)[number];

/** The least that must be there, a quantity or a percentage, by signal; a signal that is left out is not looked at. */
export type EvictionThresholds = Readonly<Partial<Record<EvictionSignal, string>>>;

/** evictionHard of the kubelet's configuration: its defaults. */
export const evictionHardDefaults: EvictionThresholds = {
  "memory.available": "100Mi",
  "nodefs.available": "10%",
  "nodefs.inodesFree": "5%",
  "imagefs.available": "15%",
  "imagefs.inodesFree": "5%",
};

export type StarvedResource = "memory" | "ephemeral-storage" | "inodes" | "pids";
export const pressureTypes = ["MemoryPressure", "DiskPressure", "PIDPressure"] as const;
export type PressureType = (typeof pressureTypes)[number];

/** A signal that is below its threshold. */
export interface MetThreshold {
  readonly signal: EvictionSignal;
  readonly resource: StarvedResource;
  /** As messages give them. */
  readonly quantity: string;
  readonly available: string;
}

interface Observed {
  readonly resource: StarvedResource;
  readonly condition: PressureType;
  readonly available: number;
  readonly capacity: number;
}

/** Images and containers lie on the file system of the agent's data: the signals of both look at the same one. */
function observe(signal: EvictionSignal, load: MachineLoad, memoryBytes: number): Observed {
  switch (signal) {
    case "memory.available":
      return {
        resource: "memory",
        condition: "MemoryPressure",
        available: load.memoryAvailableBytes,
        capacity: memoryBytes,
      };
    case "nodefs.available":
    case "imagefs.available":
      return {
        resource: "ephemeral-storage",
        condition: "DiskPressure",
        available: load.diskAvailableBytes,
        capacity: load.diskCapacityBytes,
      };
    case "nodefs.inodesFree":
    case "imagefs.inodesFree":
      return {
        resource: "inodes",
        condition: "DiskPressure",
        available: load.inodesAvailable,
        capacity: load.inodes,
      };
    case "pid.available":
      return {
        resource: "pids",
        condition: "PIDPressure",
        available: load.pidsMax - load.pids,
        capacity: load.pidsMax,
      };
  }
}

/** How much a threshold is of a capacity. The kubelet keeps percentages as 32-bit floats, and users see the difference. */
export function thresholdValue(threshold: string, capacity: number): number {
  if (!threshold.endsWith("%")) return quantityValue(threshold);
  return Math.floor(capacity * Math.fround(Number(threshold.slice(0, -1)) / 100));
}

export interface PressureOptions {
  readonly thresholds: EvictionThresholds;
  /** How long a condition stays after it was last seen: eviction-pressure-transition-period. */
  readonly transitionMs: number;
  /** The machine's. */
  readonly memoryBytes: number;
}

/** What the node is short of, and was until a while ago. */
export class NodePressure {
  readonly #options: PressureOptions;
  readonly #seenAtMs = new Map<PressureType, number>();

  constructor(options: PressureOptions) {
    this.#options = options;
  }

  /** The thresholds that are met now, the first to be dealt with first: memory before everything else. */
  observe(load: MachineLoad, nowMs: number): MetThreshold[] {
    const { thresholds, memoryBytes } = this.#options;
    return evictionSignals.flatMap((signal) => {
      const threshold = thresholds[signal];
      if (threshold === undefined) return [];
      const { resource, condition, available, capacity } = observe(signal, load, memoryBytes);
      const value = thresholdValue(threshold, capacity);
      // A file system that has no such thing as inodes has none of them and lacks none.
      if (capacity === 0 || available >= value) return [];
      this.#seenAtMs.set(condition, nowMs);
      const isCounted = resource === "inodes" || resource === "pids";
      return [
        {
          signal,
          resource,
          quantity: threshold.endsWith("%") ? binaryQuantity(value) : formatQuantity(parseQuantity(threshold)),
          available: isCounted ? formatQuantity(parseQuantity(String(available))) : binaryQuantity(available),
        },
      ];
    });
  }

  /** The conditions that the node has. */
  conditions(nowMs: number): PressureType[] {
    const { transitionMs } = this.#options;
    return pressureTypes.filter((type) => {
      const seenAtMs = this.#seenAtMs.get(type);
      return seenAtMs !== undefined && nowMs - seenAtMs < transitionMs;
    });
  }
}
