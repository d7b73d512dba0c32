import { formatJson, int64 } from "../../lib/index.ts";
import type { Status, StatusCause } from "../types.generated.ts";

/** An error at the API: what it carries is the Status that the client gets, with the HTTP code in `status.code`. */
export class ApiError extends Error {
  readonly status: Status & { readonly code: number; readonly reason?: string; readonly message: string };

  constructor(code: number, reason: string, message: string, details?: Status["details"], options?: ErrorOptions) {
    super(message, options);
    this.name = "ApiError";
    this.status = {
      kind: "Status",
      apiVersion: "v1",
      metadata: {} as Status["metadata"],
      status: "Failure",
      message,
      ...(reason === "" ? {} : { reason }),
      ...(details === undefined ? {} : { details }),
      code,
    } as ApiError["status"];
  }

  get code(): number {
    return this.status.code;
  }

  get reason(): string {
    return this.status.reason ?? "";
  }

  /** An ApiError with exactly this Status; for clients that received it. */
  static from(status: Status): ApiError {
    return new ApiError(status.code ?? 500, status.reason ?? "", status.message ?? "unknown", status.details);
  }
}

/** The resource as messages and details name it: `deployments.apps`, `pods`. */
export interface GroupResource {
  readonly group: string;
  readonly plural: string;
}

export function qualifiedResource(resource: GroupResource): string {
  return resource.group === "" ? resource.plural : `${resource.plural}.${resource.group}`;
}

function detailsOf(resource: GroupResource, name: string): Status["details"] {
  return {
    ...(name === "" ? {} : { name }),
    ...(resource.group === "" ? {} : { group: resource.group }),
    ...(resource.plural === "" ? {} : { kind: resource.plural }),
  };
}

// The messages are those of k8s.io/apimachinery/pkg/api/errors: clients and people match on them.

export function notFound(resource: GroupResource, name: string): ApiError {
  return new ApiError(404, "NotFound", `${qualifiedResource(resource)} "${name}" not found`, detailsOf(resource, name));
}

export function alreadyExists(resource: GroupResource, name: string): ApiError {
  const message = `${qualifiedResource(resource)} "${name}" already exists`;
  return new ApiError(409, "AlreadyExists", message, detailsOf(resource, name));
}

/** As alreadyExists, for a name that the server made up: the client did nothing wrong and may try again. */
export function generatedNameTaken(resource: GroupResource, name: string): ApiError {
  const message = `${qualifiedResource(resource)} "${name}" already exists, the server was not able to generate a unique name for the object`;
  return new ApiError(409, "AlreadyExists", message, { ...detailsOf(resource, name), retryAfterSeconds: 1 });
}

const modifiedMessage = "the object has been modified; please apply your changes to the latest version and try again";

export function conflict(resource: GroupResource, name: string, why: string = modifiedMessage): ApiError {
  const message = `Operation cannot be fulfilled on ${qualifiedResource(resource)} "${name}": ${why}`;
  return new ApiError(409, "Conflict", message, detailsOf(resource, name));
}

export function forbidden(resource: GroupResource, name: string, why: string): ApiError {
  const subject = name === "" ? qualifiedResource(resource) : `${qualifiedResource(resource)} "${name}"`;
  const message = resource.plural === "" ? `forbidden: ${why}` : `${subject} is forbidden: ${why}`;
  return new ApiError(403, "Forbidden", message, detailsOf(resource, name));
}

export function badRequest(message: string): ApiError {
  return new ApiError(400, "BadRequest", message);
}

export function unauthorized(message = "Unauthorized"): ApiError {
  return new ApiError(401, "Unauthorized", message);
}

export function methodNotSupported(resource: GroupResource, verb: string): ApiError {
  const message = `${verb} is not supported on resources of kind "${qualifiedResource(resource)}"`;
  return new ApiError(405, "MethodNotAllowed", message, detailsOf(resource, ""));
}

/** Nothing is served at the path: no such resource or subresource, whatever the object. */
export function resourceNotServed(): ApiError {
  return new ApiError(404, "NotFound", "the server could not find the requested resource", {});
}

/** The path has no such method, whatever it leads to. */
export function methodNotAllowed(): ApiError {
  return new ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {});
}

/** 410 with reason Expired: the resourceVersion or continue token is older than what is kept. */
export function expired(message: string): ApiError {
  return new ApiError(410, "Expired", message);
}

export function tooLarge(message: string): ApiError {
  return new ApiError(413, "RequestEntityTooLarge", message);
}

export function unsupportedMediaType(message: string): ApiError {
  return new ApiError(415, "UnsupportedMediaType", message);
}

export function notAcceptable(message: string): ApiError {
  return new ApiError(406, "NotAcceptable", message);
}

export function tooManyRequests(message: string, retryAfterSeconds: number): ApiError {
  return new ApiError(429, "TooManyRequests", message, { retryAfterSeconds });
}

/** 504 with reason Timeout: the work was not done in time, and may still be done. */
export function timeout(message: string): ApiError {
  return new ApiError(504, "Timeout", `Timeout: ${message}`, {});
}

export function serviceUnavailable(message: string): ApiError {
  return new ApiError(503, "ServiceUnavailable", message);
}

export function internalError(error: unknown): ApiError {
  const message = error instanceof Error ? error.message : String(error);
  const details = { causes: [{ message }] };
  return new ApiError(500, "InternalError", `Internal error occurred: ${message}`, details, { cause: error });
}

/** What the causes of one answer may say, in characters: thousands of errors that each show a whole list are gigabytes. */
const causesLengthMax = 1024 * 1024;

/** 422 with one cause for each field error, as far as there is room. */
export function invalid(kind: { group: string; kind: string }, name: string, errors: readonly FieldError[]): ApiError {
  const causes: StatusCause[] = [];
  // What is found twice is said once; the causes have it twice.
  const sentences = new Set<string>();
  let length = 0;
  for (const each of errors) {
    if (length > causesLengthMax) {
      sentences.add("and more");
      break;
    }
    const message = fieldErrorBody(each);
    length += message.length + each.field.length;
    causes.push({ reason: each.type, message, field: each.field });
    sentences.add(`${each.field}: ${message}`);
  }
  const list = sentences.size === 1 ? [...sentences][0] : `[${[...sentences].join(", ")}]`;
  const qualified = kind.group === "" ? kind.kind : `${kind.kind}.${kind.group}`;
  const details = {
    ...(name === "" ? {} : { name }),
    ...(kind.group === "" ? {} : { group: kind.group }),
    kind: kind.kind,
    causes,
  };
  return new ApiError(422, "Invalid", `${qualified} "${name}" is invalid: ${list}`, details);
}

/** The reasons of k8s.io/apimachinery/pkg/util/validation/field. */
export type FieldErrorType =
  | "FieldValueNotFound"
  | "FieldValueRequired"
  | "FieldValueDuplicate"
  | "FieldValueInvalid"
  | "FieldValueNotSupported"
  | "FieldValueForbidden"
  | "FieldValueTooLong"
  | "FieldValueTooMany"
  | "FieldValueTypeInvalid"
  | "InternalError";

/** One thing that is wrong with one field. Make it with `required`, `invalidValue`, … of field-error.ts. */
export interface FieldError {
  readonly type: FieldErrorType;
  /** Where, as `spec.containers[0].image`. */
  readonly field: string;
  readonly detail: string;
  /** Left out where the error is about fields together and no value would say more. */
  readonly value?: unknown;
}

const fieldErrorWords: Record<FieldErrorType, string> = {
  FieldValueNotFound: "Not found",
  FieldValueRequired: "Required value",
  FieldValueDuplicate: "Duplicate value",
  FieldValueInvalid: "Invalid value",
  FieldValueNotSupported: "Unsupported value",
  FieldValueForbidden: "Forbidden",
  FieldValueTooLong: "Too long",
  FieldValueTooMany: "Too many",
  FieldValueTypeInvalid: "Invalid value",
  InternalError: "Internal error",
};

/** The error without its field, as Kubernetes words it: `Invalid value: "x": must be …`. */
export function fieldErrorBody(error: FieldError): string {
  const words = fieldErrorWords[error.type];
  const withoutValue =
    error.type === "FieldValueRequired" ||
    error.type === "FieldValueForbidden" ||
    error.type === "FieldValueTooLong" ||
    error.type === "InternalError" ||
    !("value" in error);
  const value = withoutValue ? "" : `: ${printValue(error.value)}`;
  return `${words}${value}${error.detail === "" ? "" : `: ${error.detail}`}`;
}

function printValue(value: unknown): string {
  if (value === undefined || value === null) return "null";
  // A bigint that a number could hold is one of Kubernetes' unsigned numbers, which Go's %#v writes so.
  if (typeof value === "bigint" && typeof int64(value) === "number") return `0x${value.toString(16)}`;
  return formatJson(value);
}
