import { ApiError } from "../../api/index.ts";
import { errorMessage, type Logger } from "../../lib/index.ts";
import type { AuditTrail } from "../audit/index.ts";
import { TurnedAway } from "../flow-control/index.ts";
import { PathNotFound } from "../path-not-found.ts";
import type { HttpRequest, HttpResponse } from "./message.ts";
import { type Negotiated, plainAnswers } from "./negotiation.ts";
import { headersOf } from "./resource-writer.ts";
import { statusHeaders, toApiError } from "./status.ts";
import { encode, encoderOf } from "./writer.ts";

export function notFoundPath(): ApiError {
  return new PathNotFound();
}

/** An error is told even to clients that accept no form of it. */
export const readableJson: Negotiated = { ...plainAnswers.negotiate(undefined), pretty: true };

export interface FailureContext {
  readonly log: Logger;
  readonly trail: AuditTrail | undefined;
}

/** Answers with what went wrong, unless the answer has begun: then it is only logged. */
export function sendFailure(
  error: unknown,
  request: HttpRequest,
  response: HttpResponse,
  { log, trail }: FailureContext,
): void {
  if (response.started) {
    log.debug("a request failed after its answer", { path: request.path, error: errorMessage(error) });
    return;
  }
  const { status } = toApiError(error, log, `${request.method} ${request.path}`);
  trail?.failed(status);
  if (status.reason === "InternalError" && !(error instanceof ApiError)) trail?.write("Panic", 500);
  const text = plainText(error);
  if (text !== undefined) {
    const headers = { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" };
    response.end(status.code, { ...headers, ...statusHeaders(status) }, `${text}\n`);
    return;
  }
  const negotiated = plainAnswers.find(request.header("accept")) ?? readableJson;
  const encoder = encoderOf(request, negotiated, new URLSearchParams(request.query));
  const headers = headersOf({ request, response, encoder, transform: undefined, log }, []);
  response.end(status.code, { ...headers, ...statusHeaders(status) }, encode(encoder, status));
}

/** What clients get as text, as Go's own server writes it, and not as a Status. */
function plainText(error: unknown): string | undefined {
  if (error instanceof PathNotFound) return "404 page not found";
  return error instanceof TurnedAway ? error.message : undefined;
}
