import { type Device, matchNodeSelectorTerms, type Node, type ResourceSlice, ResourceSlices } from "../../api/index.ts";
import type { Informer } from "../../client/index.ts";
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
    let incompletePool: string | undefined;
    for (const slice of slices) {
      const { driver, pool } = slice.spec;
      const all = this.#slices.byIndex("pool", poolOf(slice)).map(({ spec }) => spec.pool);
      const generation = Math.max(...all.map((each) => each.generation));
      if (pool.generation < generation) continue;
      if (all.filter((each) => each.generation === generation).length !== pool.resourceSliceCount) {
        incompletePool = poolOf(slice);
        continue;
      }
      for (const device of slice.spec.devices ?? []) {
        devices.push({ device, slice, id: deviceId(driver, pool.name, device.name) });
      }
    }
    return { devices, incompletePool };
  }
}

const poolOf = ({ spec }: ResourceSlice): string => `${spec.driver}/${spec.pool.name}`;
