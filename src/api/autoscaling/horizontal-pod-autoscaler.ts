import { defineResource } from "../resource.ts";
import type { HorizontalPodAutoscaler } from "../types.generated.ts";

export const HorizontalPodAutoscalers = defineResource<HorizontalPodAutoscaler>({
  group: "autoscaling",
  version: "v2",
  kind: "HorizontalPodAutoscaler",
  plural: "horizontalpodautoscalers",
  shortNames: ["hpa"],
  categories: ["all"],
});
