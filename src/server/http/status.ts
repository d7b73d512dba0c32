import { ApiError, internalError, type Status } from "../../api/index.ts";
import { errorMessage, isAbort, type Logger } from "../../lib/index.ts";
import { StorageClosed, StorageFull, ValueTooLarge } from "../../storage/index.ts";
import type { HttpHeaders } from "./message.ts";

/** The error that a client is told. What nobody foresaw is a 500 and is logged. */
export function toApiError(error: unknown, log: Logger, what: string): ApiError {
  if (error instanceof ApiError) return error;
  // As Kubernetes hands on what etcd says of these: a 500 without a reason.
  if (error instanceof StorageFull || error instanceof ValueTooLarge) return new ApiError(500, "", error.message);
  if (error instanceof StorageClosed) return new ApiError(503, "ServiceUnavailable", "the server is shutting down");
  if (isAbort(error)) return new ApiError(503, "ServiceUnavailable", "the request was cancelled");
  log.error("a request failed unexpectedly", {
    request: what,
    error: errorMessage(error),
    stack: error instanceof Error ? error.stack : undefined,
  });
  return internalError(error);
}

/** The headers that go with a Status of failure. */
export function statusHeaders(status: Status): HttpHeaders {
  const headers: HttpHeaders = {};
  const retryAfterSeconds = status.details?.retryAfterSeconds;
  if (retryAfterSeconds) headers["retry-after"] = retryAfterSeconds;
  return headers;
}
