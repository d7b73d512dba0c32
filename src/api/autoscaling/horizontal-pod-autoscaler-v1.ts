import { defineResource } from "../resource.ts";
import type { HorizontalPodAutoscalerV1 } from "../types.generated.ts";

export const HorizontalPodAutoscalersV1 = defineResource<HorizontalPodAutoscalerV1>({
  group: "autoscaling",
  version: "v1",
  kind: "HorizontalPodAutoscaler",
  plural: "horizontalpodautoscalers",
  shortNames: ["hpa"],
  categories: ["all"],
});
