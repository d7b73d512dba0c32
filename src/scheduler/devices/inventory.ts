import { type Device, matchNodeSelectorTerms, type Node, type ResourceSlice, ResourceSlices } from "../../api/index.ts";
import type { Informer } from "../../client/index.ts";
import type { Int64 } from "../../lib/index.ts";
import type { PluginContext } from "../plugin.ts";

/** A device that a node reaches. */
export interface NodeDevice {
  readonly device: Device;
  readonly slice: ResourceSlice;
  /** Unique in the cluster. */
  readonly id: string;
}

export interface NodeInventory {
  readonly devices: readonly NodeDevice[];
  /** A pool whose slices are being replaced: nobody knows all of its devices. */
  readonly incompletePool: string | undefined;
  /** A pool that has a name for more than one device: none of them can be given. */
  readonly invalidPool?: string | undefined;
}

/** The newest generation of a pool: how many of its slices are there, and whether two of its devices have one name. */
interface Pool {
  readonly generation: Int64;
  readonly sliceCount: number;
  readonly isAmbiguous: boolean;
}

export function deviceId(driver: string, pool: string, device: string): string {
  return `${driver}/${pool}/${device}`;
}

/** What drivers publish. */
export class Inventory {
  readonly #slices: Informer<ResourceSlice>;

  constructor({ informer }: PluginContext) {
    this.#slices = informer(ResourceSlices);
    this.#slices.addIndex("node", ({ spec }) => [spec.nodeName ?? ""]);
    this.#slices.addIndex("pool", (slice) => [poolOf(slice)]);
  }

  /** The devices that pods on the node can use, of the newest generation of each pool. */
  of(node: Node): NodeInventory {
    const everywhere = this.#slices.byIndex("node", "").filter(({ spec }) => {
      return spec.allNodes === true || matchNodeSelectorTerms(spec.nodeSelector?.nodeSelectorTerms, node);
    });
    const slices = [...this.#slices.byIndex("node", node.metadata.name), ...everywhere];
    const devices: NodeDevice[] = [];
    const pools = new Map<string, Pool>();
    let incompletePool: string | undefined;
    let invalidPool: string | undefined;
    for (const slice of slices) {
      const { driver, pool } = slice.spec;
      const name = poolOf(slice);
      const { generation, sliceCount, isAmbiguous } = pools.getOrInsertComputed(name, () => this.#pool(name));
      if (pool.generation < generation) continue;
      if (sliceCount !== pool.resourceSliceCount) {
        incompletePool = name;
        continue;
      }
      if (isAmbiguous) {
        invalidPool = name;
        continue;
      }
      for (const device of slice.spec.devices ?? []) {
        devices.push({ device, slice, id: deviceId(driver, pool.name, device.name) });
      }
    }
    return { devices, incompletePool, invalidPool };
  }

  #pool(name: string): Pool {
    const all = this.#slices.byIndex("pool", name).map(({ spec }) => spec);
    const generations = all.map(({ pool }) => pool.generation).sort((a, b) => (a < b ? 1 : -1));
    const [generation = 0] = generations;
    const current = all.filter(({ pool }) => pool.generation === generation);
    const names = current.flatMap(({ devices = [] }) => devices.map((device) => device.name));
    return { generation, sliceCount: current.length, isAmbiguous: new Set(names).size < names.length };
  }
}

const poolOf = ({ spec }: ResourceSlice): string => `${spec.driver}/${spec.pool.name}`;
