import { containsLabels, type ReplicationController, ReplicationControllers } from "../api/index.ts";
import { replicaController } from "./replicas.ts";

/** Keeps the number of pods that each ReplicationController asks for. */
export const replicationControllerController = replicaController<ReplicationController>({
  name: "replication-controller",
  resource: ReplicationControllers,
  selects: ({ spec }, labels) => {
    const selector = spec.selector ?? {};
    return Object.keys(selector).length > 0 && containsLabels(labels, selector);
  },
  asksFor: ({ spec }) => spec.selector,
  countsTerminating: false,
  family: (controller) => [controller],
});
