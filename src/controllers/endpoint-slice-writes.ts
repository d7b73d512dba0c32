import { ApiError, type EndpointSlice, EndpointSlices, type NewObject } from "../api/index.ts";
import type { ReconcileContext } from "../client/index.ts";
import { errorMessage } from "../lib/index.ts";
import { isNamespaceTerminating } from "./pod-control.ts";

/** What is to be done with the slices of a service. */
export interface SlicePlan {
  readonly create: readonly NewObject<EndpointSlice>[];
  readonly update: readonly EndpointSlice[];
  readonly remove: readonly EndpointSlice[];
}

/** `owner` has the slices, in errors: Service default/web. `tell` hears what could not be done. */
export async function writeSlices(
  { client }: Pick<ReconcileContext, "client">,
  plan: SlicePlan,
  owner: string,
  tell: (failure: string) => void = () => {},
): Promise<void> {
  const attempt = async (what: string, run: () => Promise<unknown>) => {
    try {
      await run();
    } catch (error) {
      if (!isNamespaceTerminating(error)) tell(`failed to ${what} EndpointSlice for ${owner}: ${errorMessage(error)}`);
      throw error;
    }
  };
  try {
    for (const slice of plan.create) await attempt("create", () => client.create(EndpointSlices, slice));
  } catch (error) {
    if (isNamespaceTerminating(error)) return;
    throw error;
  }
  for (const slice of plan.update)
    await attempt(`update ${slice.metadata.name}`, () => client.update(EndpointSlices, slice));
  for (const { metadata } of plan.remove) {
    await attempt(`delete ${metadata.name}`, async () => {
      try {
        await client.delete(EndpointSlices, metadata);
      } catch (error) {
        // Somebody else was faster.
        if (!(error instanceof ApiError && error.code === 404)) throw error;
      }
    });
  }
}
