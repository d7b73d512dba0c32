// The shape of a request to the API server below HTTP: what the in-process client sends and what HTTP is parsed into.
import type { KubeObject, ObjectList } from "./resource.ts";
import type { SentencesInOrder } from "./schema/json.ts";
import type { UserInfo } from "./types.generated.ts";

export type Verb = "get" | "list" | "watch" | "create" | "update" | "patch" | "delete" | "deletecollection";

export const httpMethods = {
  get: "GET",
  list: "GET",
  watch: "GET",
  create: "POST",
  update: "PUT",
  patch: "PATCH",
  delete: "DELETE",
  deletecollection: "DELETE",
} as const satisfies Readonly<Record<Verb, string>>;

/** The media types of a patch's body. */
export type PatchType =
  | "application/json-patch+json"
  | "application/merge-patch+json"
  | "application/strategic-merge-patch+json"
  | "application/apply-patch+yaml";

/** Who asks, as authentication found. */
export interface User {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** As the API tells of a user. */
export function userInfo({ name, uid, groups, extra }: User): UserInfo {
  return { username: name, ...(uid ? { uid } : {}), groups, ...(extra ? { extra } : {}) };
}

/** The query parameters of the API under their published names. */
export interface RequestOptions {
  readonly labelSelector?: string;
  /** Of custom.metrics.k8s.io: which series of a metric. */
  readonly metricLabelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: "NotOlderThan" | "Exact";
  readonly allowWatchBookmarks?: boolean;
  readonly sendInitialEvents?: boolean;
  readonly timeoutSeconds?: number;
  readonly dryRun?: "All";
  readonly fieldManager?: string;
  readonly fieldValidation?: "Ignore" | "Warn" | "Strict";
  readonly force?: boolean;
}

export interface ResourceRequest {
  readonly verb: Verb;
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
  readonly options?: RequestOptions;
  /** The object, the patch or the DeleteOptions. The pipeline takes it over: the sender does not change it any more. */
  readonly body?: unknown;
  /** Sentences about what stood twice in the text of the body, as its reader found it. */
  readonly duplicateFields?: readonly string[];
  /** These and the sentences about unknown fields, where the reader of the text knows an order. */
  readonly sentencesInOrder?: SentencesInOrder | undefined;
  readonly patchType?: PatchType;
  /** Brings what the body says where that is still to be read: only who may do what they ask for is listened to. */
  readonly readBody?: () => Promise<
    Pick<ResourceRequest, "options" | "body" | "duplicateFields" | "sentencesInOrder" | "patchType">
  >;
  readonly signal?: AbortSignal;
  /** When the sender waits for it no longer, on the monotonic clock: what is written after that, nobody hears of. */
  readonly endMs?: number;
  /** Takes what the server notes about the request for the audit log. */
  readonly annotate?: Annotate;
}

/** Takes a note for the audit log. One that tells what objects contain is for those logs that have their content. */
export type Annotate = (key: string, value: string, about?: "decision" | "content") => void;

export type WatchEvent<T extends KubeObject = KubeObject> =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: T }
  /** Only `metadata.resourceVersion` (and the initial-events-end annotation) says something. */
  | { readonly type: "BOOKMARK"; readonly object: KubeObject };

/** How the API server answers below HTTP. Failures are thrown as ApiError. */
export type ResourceResponse =
  | {
      readonly type: "object";
      readonly code: 200 | 201 | 202;
      readonly object: object;
      readonly warnings: readonly string[];
    }
  | { readonly type: "list"; readonly list: ObjectList; readonly warnings: readonly string[] }
  | { readonly type: "watch"; readonly events: AsyncIterable<WatchEvent>; readonly warnings: readonly string[] };

/** The API server as something to call: the seam between the in-process client and the pipeline. */
export interface ResourceHandler {
  handle(request: ResourceRequest, user: User): Promise<ResourceResponse>;
}
