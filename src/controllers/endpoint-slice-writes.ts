import { ApiError, type EndpointSlice, EndpointSlices, type NewObject } from "../api/index.ts";
import type { ReconcileContext } from "../client/index.ts";
import { isNamespaceTerminating } from "./pod-control.ts";

/** What is to be done with the slices of a service. */
export interface SlicePlan {
  readonly create: readonly NewObject<EndpointSlice>[];
  readonly update: readonly EndpointSlice[];
  readonly remove: readonly EndpointSlice[];
}

export async function writeSlices({ client }: ReconcileContext, plan: SlicePlan): Promise<void> {
  try {
    for (const slice of plan.create) await client.create(EndpointSlices, slice);
  } catch (error) {
    if (isNamespaceTerminating(error)) return;
    throw error;
  }
  for (const slice of plan.update) await client.update(EndpointSlices, slice);
  for (const { metadata } of plan.remove) {
    try {
      await client.delete(EndpointSlices, metadata);
    } catch (error) {
      // Somebody else was faster.
      if (!(error instanceof ApiError && error.code === 404)) throw error;
    }
  }
}
