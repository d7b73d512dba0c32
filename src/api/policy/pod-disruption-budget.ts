import { defineResource } from "../resource.ts";
import type { PodDisruptionBudget } from "../types.generated.ts";

export const PodDisruptionBudgets = defineResource<PodDisruptionBudget>({
  group: "policy",
  version: "v1",
  kind: "PodDisruptionBudget",
  plural: "poddisruptionbudgets",
  shortNames: ["pdb"],
});
