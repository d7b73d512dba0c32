// The conditions of a CRD: k8s.io/apiextensions-apiserver/pkg/apihelpers.
import { type Draft, timestamp } from "../../lib/index.ts";
import type { CustomResourceDefinition, CustomResourceDefinitionCondition } from "../types.generated.ts";

/** Keeps a CRD until the objects of its kind are deleted. */
export const customResourceCleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io";

type Conditions = readonly CustomResourceDefinitionCondition[];

export function hasCondition({ status }: CustomResourceDefinition, type: string): boolean {
  return status.conditions?.some((each) => each.type === type && each.status === "True") ?? false;
}

/** The conditions with this one, whose time of transition changes with its status only. */
export function withCondition(
  conditions: Conditions = [],
  condition: CustomResourceDefinitionCondition,
  nowMs: number,
): Draft<CustomResourceDefinitionCondition>[] {
  const old = conditions.find((each) => each.type === condition.type);
  const lastTransitionTime =
    old?.status === condition.status && old.lastTransitionTime ? old.lastTransitionTime : timestamp(nowMs);
  const next = { ...condition, lastTransitionTime };
  return old ? conditions.map((each) => (each === old ? next : each)) : [...conditions, next];
}
