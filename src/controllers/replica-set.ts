import { controllerOf, matchesLabelSelector, type ReplicaSet, ReplicaSets } from "../api/index.ts";
import { replicaController } from "./replicas.ts";

/** Keeps the number of pods that each ReplicaSet asks for. */
export const replicaSetController = replicaController<ReplicaSet>({
  name: "replicaset-controller",
  resource: ReplicaSets,
  selects: ({ spec }, labels) => matchesLabelSelector(spec.selector, labels),
  asksFor: ({ spec }) => spec.selector.matchLabels,
  countsTerminating: true,
  // All ReplicaSets of one Deployment, so that a rollout keeps its pods spread over the nodes.
  family(set, cache) {
    const controller = controllerOf(set);
    return controller ? cache.ownedBy(ReplicaSets, { metadata: controller }) : [set];
  },
});
