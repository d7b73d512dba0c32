import { conflict, type KubeObject, qualifiedResource } from "../../api/index.ts";
import { ChangeConflict, ValueTooLarge } from "../../storage/index.ts";
import type { Commitment } from "./commit-hook.ts";
import type { ObjectRequest } from "./context.ts";

/** A write that lost this many races in a row gives up; it would take as many other writers to starve it. */
const attemptsMax = 100;
/** After so many losses a write waits for the others in its namespace that lost as often: many contend for one quota. */
const attemptsBeforeTurns = 3;

/**
 * The object with what its kind's hook fills in and writes along, and the quotas that it is charged to; `next` is
 * undefined when it is deleted. Throws ApiError.
 */
export function commitmentOf(
  request: ObjectRequest,
  next: KubeObject | undefined,
  old: KubeObject | undefined,
): Commitment {
  const { context, definition } = request;
  const hook = context.commitHooks.get(qualifiedResource(definition));
  const commitment = hook ? hook.commitment(next, old) : { object: next, changes: [] };
  const charged = context.chargeQuota(request, next, old);
  return charged.length === 0 ? commitment : { ...commitment, changes: [...commitment.changes, ...charged] };
}

/**
 * Writes the object; when it is too large, again without the list of its managers, but for an apply, whose meaning that
 * is (k8s.io/apiserver/pkg/endpoints/handlers).
 */
export async function writeFitting<T>(
  { patchType }: ObjectRequest,
  object: KubeObject,
  write: (object: KubeObject) => Promise<T>,
): Promise<T> {
  try {
    return await write(object);
  } catch (error) {
    if (!(error instanceof ValueTooLarge) || patchType === "application/apply-patch+yaml") throw error;
    const { managedFields, ...metadata } = object.metadata;
    if (!managedFields) throw error;
    return write({ ...object, metadata });
  }
}

/**
 * Runs `attempt`, which reads, decides and commits, again and again until nobody came between. Throws ApiError 409 when
 * somebody always does.
 */
export async function untilUndisturbed<T>(request: ObjectRequest, attempt: () => Promise<T>): Promise<T> {
  const { definition, name, context } = request;
  for (let attempts = 1; ; attempts++) {
    try {
      if (attempts <= attemptsBeforeTurns) return await attempt();
      return await context.turns.take(request.namespace, attempt);
    } catch (error) {
      if (!(error instanceof ChangeConflict)) throw error;
      if (attempts === attemptsMax) throw conflict(definition, name);
      // The next attempt has to see what this one lost to.
      await context.cache.waitFor(Math.max(error.actual, context.storage.revision));
    }
  }
}
