import { apiVersionOf, badRequest, type KubeObject } from "../../api/index.ts";
import type { Draft } from "../../lib/index.ts";
import type { ObjectRequest } from "./context.ts";

/** What a body must be: a kind with its version. */
export interface ExpectedKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** The body as an object of the kind, that may be changed. Throws 400 when it is something else. */
export function decodeObject(request: ObjectRequest, body: unknown, expected: ExpectedKind): Draft<KubeObject> {
  const object = asRecord(body, expected);
  const apiVersion = apiVersionOf(expected);
  if (object.apiVersion !== undefined && object.apiVersion !== apiVersion)
    throw badRequest(
      `the API version in the data (${object.apiVersion}) does not match the expected API version (${apiVersion})`,
    );
  if (object.kind !== undefined && object.kind !== expected.kind)
    throw badRequest(
      `${object.kind} in version ${JSON.stringify(expected.version)} cannot be handled as a ${expected.kind}`,
    );
  object.metadata ??= {};
  request.definition.defaults?.(object as unknown as Draft<KubeObject>);
  return object as unknown as Draft<KubeObject>;
}

function asRecord(body: unknown, expected: ExpectedKind): Record<string, unknown> {
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw badRequest(`the object provided is unrecognized (must be of type ${expected.kind})`);
  // A JSON object; its fields are looked at one by one.
  return body as Record<string, unknown>;
}
