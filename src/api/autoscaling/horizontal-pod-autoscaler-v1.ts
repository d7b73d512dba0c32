import type { Draft } from "../../lib/index.ts";
import { type Column, defineResource, type ResourceDefinition } from "../resource.ts";
import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerV1 } from "../types.generated.ts";
import { HorizontalPodAutoscalers } from "./horizontal-pod-autoscaler.ts";
import { fromV2, statusAnnotations, toV2 } from "./horizontal-pod-autoscaler-conversion.ts";

export const HorizontalPodAutoscalersV1 = defineResource<HorizontalPodAutoscalerV1>({
  group: "autoscaling",
  version: "v1",
  kind: "HorizontalPodAutoscaler",
  plural: "horizontalpodautoscalers",
  shortNames: ["hpa"],
  categories: ["all"],
  columns: HorizontalPodAutoscalers.columns.map(
    (column): Column<HorizontalPodAutoscalerV1> => ({
      ...column,
      of: (object, nowMs) => column.of(toV2(object), nowMs),
    }),
  ),
  hasGeneration: false,
  stored: {
    // The store treats all kinds alike; it asks a definition about its own objects only.
    definition: () => HorizontalPodAutoscalers as unknown as ResourceDefinition,
    toStored: (object) => toV2(object as HorizontalPodAutoscalerV1),
    fromStored: (stored) => fromV2(stored as HorizontalPodAutoscaler),
  },
  defaults: ({ spec }) => {
    spec.minReplicas ??= 1;
  },
  prepareForCreate: (draft) => {
    keepStatusAnnotations(draft, undefined);
  },
  prepareForUpdate: keepStatusAnnotations,
  validate: (object, at) => HorizontalPodAutoscalers.validate?.(toV2(object), at) ?? [],
  validateStatusUpdate: (next, old, at) =>
    HorizontalPodAutoscalers.validateStatusUpdate?.(toV2(next), toV2(old), at) ?? [],
});

/** What annotations hold of the status is changed with the status only. */
function keepStatusAnnotations(
  { metadata }: Draft<HorizontalPodAutoscalerV1>,
  old: HorizontalPodAutoscalerV1 | undefined,
): void {
  for (const name of statusAnnotations) {
    const before = old?.metadata.annotations?.[name];
    if (before !== undefined) metadata.annotations = { ...metadata.annotations, [name]: before };
    else if (metadata.annotations) delete metadata.annotations[name];
  }
}
