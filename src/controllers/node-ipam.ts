import { type Node, Nodes } from "../api/index.ts";
import { type ControllerDefinition, defineController } from "../client/index.ts";
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
  return defineController({
    name: "node-ipam",
    watches: { for: Nodes },
    // One at a time: two nodes must not choose the same part.
    concurrency: 1,
    async reconcile({ client, cache, events }, key) {
      const node = cache.get(Nodes, key);
      if (!node || node.spec.podCIDR) return;
      const part = freePart(range, cache.list(Nodes));
      if (part === undefined) {
        events.warning(node, "CIDRNotAvailable", `Node ${key} status is now: CIDRNotAvailable`);
        return;
      }
      const spec = { podCIDR: part, podCIDRs: [part] };
      await client.patch(Nodes, { name: key }, { spec }, { type: "application/merge-patch+json" });
    },
  });
}

/** The first part of `range` that no node has; undefined when all are given out. */
export function freePart(range: AddressRange, nodes: readonly Node[]): string | undefined {
  const taken = new Set(nodes.flatMap((node) => node.spec.podCIDRs ?? (node.spec.podCIDR ? [node.spec.podCIDR] : [])));
  const prefixLength = Math.max(nodePrefixLength, range.prefixLength);
  const step = 2 ** (32 - prefixLength);
  for (let offset = 0; offset < rangeSize(range); offset += step) {
    const part = `${addressAt(range, offset)}/${prefixLength}`;
    if (!taken.has(part)) return part;
  }
  return undefined;
}
