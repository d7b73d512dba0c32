import { type Node, Nodes } from "../api/index.ts";
import {
  also,
  type Cache,
  type ControllerDefinition,
  defineController,
  type IndexDefinition,
  keyOf,
} from "../client/index.ts";
import { type AddressRange, addressAt, parseRange, rangeSize } from "../lib/index.ts";

export interface NodeIpamOptions {
  /** The addresses of all pods: 10.42.0.0/16. */
  readonly podRange: string;
}

/** How much of the range each node gets; kube-controller-manager's --node-cidr-mask-size for IPv4. */
const nodePrefixLength = 24;

/** Gives each node its part of the pod range, in spec.podCIDR. A node keeps it until it is deleted. */
export function nodeIpamController({ podRange }: NodeIpamOptions): ControllerDefinition {
  const range = parseRange(podRange);
  if (!range) throw new Error(`the pod range "${podRange}" is no IPv4 range`);
  const parts = new Parts(range);
  return defineController({
    name: "node-ipam",
    watches: {
      for: Nodes,
      // A part that a node gives back is somebody's who waits for one.
      also: [also(Nodes, ({ metadata }, cache) => (cache.get(Nodes, metadata.name) ? [] : waitingNodes(cache)))],
    },
    indexes: [nodesByPart, nodesWithoutPart],
    // One at a time: two nodes must not choose the same part.
    concurrency: 1,
    async reconcile({ client, cache, events }, key) {
      const node = cache.get(Nodes, key);
      if (!node || node.spec.podCIDR) return;
      const part = parts.free((each) => cache.byIndex(Nodes, nodesByPart.name, each).length > 0);
      if (part === undefined) {
        events.normal(node, "CIDRNotAvailable", `Node ${key} status is now: CIDRNotAvailable`);
        return;
      }
      const spec = { podCIDR: part, podCIDRs: [part] };
      await client.patch(Nodes, { name: key }, { spec }, { type: "application/merge-patch+json" });
    },
  });
}

const nodesByPart: IndexDefinition<Node> = {
  resource: Nodes,
  name: "podCIDR",
  values: ({ spec }: Node) => spec.podCIDRs ?? (spec.podCIDR ? [spec.podCIDR] : []),
};

const nodesWithoutPart: IndexDefinition<Node> = {
  resource: Nodes,
  name: "no podCIDR",
  values: ({ spec }: Node) => (spec.podCIDR ? [] : ["true"]),
};

function waitingNodes(cache: Cache): string[] {
  return cache.byIndex(Nodes, nodesWithoutPart.name, "true").map(keyOf);
}

/** The equal parts of a range, given out in turn, so that a free one is found without asking about all before it. */
export class Parts {
  readonly #range: AddressRange;
  readonly #prefixLength: number;
  readonly #count: number;
  #next = 0;

  constructor(range: AddressRange) {
    this.#range = range;
    this.#prefixLength = Math.max(nodePrefixLength, range.prefixLength);
    this.#count = rangeSize(range) / 2 ** (32 - this.#prefixLength);
  }

  /** The next part that nobody has, after the last one given out; undefined when all are taken. */
  free(isTaken: (part: string) => boolean): string | undefined {
    for (let tried = 0; tried < this.#count; tried++) {
      const at = (this.#next + tried) % this.#count;
      const part = `${addressAt(this.#range, at * 2 ** (32 - this.#prefixLength))}/${this.#prefixLength}`;
      if (isTaken(part)) continue;
      this.#next = at + 1;
      return part;
    }
    return undefined;
  }
}
