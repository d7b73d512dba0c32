import { ApiError } from "./api-error.ts";

/**
 * Whether a write that named the object's uid failed for want of that object: it is gone, or its name is another's by now.
 * A delete is refused by its precondition, a patch because the uid cannot be changed.
 */
export function isGone(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  const { code, message, status } = error;
  if (code === 409) return message.includes("the UID in the precondition");
  if (code === 422) return status.details?.causes?.some(({ field }) => field === "metadata.uid") ?? false;
  return code === 404;
}
