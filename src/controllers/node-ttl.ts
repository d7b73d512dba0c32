// Tells each node for how long what it reads may be kept, which is longer the more nodes ask:
// pkg/controller/ttl/ttl_controller.go.
// https://kubernetes.io/docs/reference/labels-annotations-taints/#node-alpha-kubernetes-io-ttl
import { Nodes } from "../api/index.ts";
import { also, type ControllerDefinition, defineController } from "../client/index.ts";

const annotation = "node.alpha.kubernetes.io/ttl";

/** The sizes of clusters overlap, so that one that changes by a node does not change all its nodes each time. */
const steps = [
  { nodesMin: 0, nodesMax: 100, seconds: 0 },
  { nodesMin: 90, nodesMax: 500, seconds: 15 },
  { nodesMin: 450, nodesMax: 1000, seconds: 30 },
  { nodesMin: 900, nodesMax: 2000, seconds: 60 },
  { nodesMin: 1800, nodesMax: Infinity, seconds: 300 },
] as const;

export function nodeTtlController(): ControllerDefinition {
  const names = new Set<string>();
  let step = 0;
  /** Whether another step holds from now on. */
  const hasMoved = () => {
    const before = step;
    while (names.size > steps[step]!.nodesMax) step++;
    while (names.size < steps[step]!.nodesMin) step--;
    return step !== before;
  };
  return defineController({
    name: "ttl-controller",
    watches: {
      for: Nodes,
      also: [
        also(Nodes, ({ metadata: { name } }, cache) => {
          if (cache.get(Nodes, name)) names.add(name);
          else names.delete(name);
          return hasMoved() ? names : [];
        }),
      ],
    },
    async reconcile({ cache, client }, key) {
      const value = String(steps[step]!.seconds);
      const node = cache.get(Nodes, key);
      if (!node || node.metadata.annotations?.[annotation] === value) return;
      const patch = { metadata: { annotations: { [annotation]: value } } };
      await client.patch(Nodes, { name: key }, patch, { type: "application/merge-patch+json" });
    },
  });
}
