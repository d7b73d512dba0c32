import { defineResource } from "../resource.ts";
import type { ReplicationController } from "../types.generated.ts";

export const ReplicationControllers = defineResource<ReplicationController>({
  group: "",
  version: "v1",
  kind: "ReplicationController",
  plural: "replicationcontrollers",
  shortNames: ["rc"],
  categories: ["all"],
});
