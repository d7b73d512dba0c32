import assert from "node:assert/strict";
import { ApiError } from "../src/api/index.ts";

/** The error with which the API refuses the request. */
export async function refusal(request: Promise<unknown>): Promise<ApiError> {
  const error = await request.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ApiError, "it is refused");
  return error;
}

/** Its code and message. */
export async function refusalText(request: Promise<unknown>): Promise<string> {
  const { code, message } = await refusal(request);
  return `${code} ${message}`;
}
