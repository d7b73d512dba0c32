// The conditions of a CRD: k8s.io/apiextensions-apiserver/pkg/apihelpers.
import type { CustomResourceDefinition } from "../types.generated.ts";

/** Keeps a CRD until the objects of its kind are deleted. */
export const customResourceCleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io";

export function hasCondition({ status }: CustomResourceDefinition, type: string): boolean {
  return status.conditions?.some((each) => each.type === type && each.status === "True") ?? false;
}
