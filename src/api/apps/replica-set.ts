import { defineResource } from "../resource.ts";
import type { ReplicaSet } from "../types.generated.ts";

export const ReplicaSets = defineResource<ReplicaSet>({
  group: "apps",
  version: "v1",
  kind: "ReplicaSet",
  plural: "replicasets",
  shortNames: ["rs"],
  categories: ["all"],
});
