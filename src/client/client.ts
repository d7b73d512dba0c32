import {
  apiVersionOf,
  type DeleteOptions,
  type KubeObject,
  type NewObject,
  type ObjectList,
  type PatchType,
  type RequestOptions,
  type ResourceReference,
  type WatchEvent,
} from "../api/index.ts";

/** Which object. `namespace` is left out for cluster-scoped kinds. */
export interface ObjectKey {
  readonly namespace?: string;
  readonly name: string;
}

export interface ReadOptions {
  readonly signal?: AbortSignal;
}
/** The selectors are for metrics, which are read of many objects as if they were one. */
export interface GetOptions extends ReadOptions, Pick<RequestOptions, "labelSelector" | "metricLabelSelector"> {
  readonly subresource?: string;
}
export interface ListOptions
  extends ReadOptions,
    Pick<
      RequestOptions,
      "labelSelector" | "fieldSelector" | "limit" | "continue" | "resourceVersion" | "resourceVersionMatch"
    > {
  /** All namespaces when left out. */
  readonly namespace?: string;
}
export interface WatchOptions
  extends ListOptions,
    Pick<RequestOptions, "allowWatchBookmarks" | "sendInitialEvents" | "timeoutSeconds"> {
  readonly signal: AbortSignal;
}
export interface WriteOptions
  extends ReadOptions,
    Pick<RequestOptions, "dryRun" | "fieldManager" | "fieldValidation" | "force"> {
  readonly subresource?: string;
}

/**
 * The only way by which a component sees the cluster. Every method throws ApiError with the Status the server gave.
 * Objects that come back are frozen.
 */
export interface Client {
  get<T extends KubeObject>(resource: ResourceReference<T>, key: ObjectKey, options?: GetOptions): Promise<T>;
  list<T extends KubeObject>(resource: ResourceReference<T>, options?: ListOptions): Promise<ObjectList<T>>;
  /** The events after `resourceVersion` (or the present state and what follows). Ends when the server ends it; throws 410 when the past is gone. */
  watch<T extends KubeObject>(resource: ResourceReference<T>, options: WatchOptions): AsyncIterable<WatchEvent<T>>;
  create<T extends KubeObject>(
    resource: ResourceReference<T>,
    object: NewObject<T>,
    options?: WriteOptions,
  ): Promise<T>;
  /** Replaces the object that its metadata names; with a resourceVersion only if it is still at that. */
  update<T extends KubeObject>(
    resource: ResourceReference<T>,
    object: T | NewObject<T>,
    options?: WriteOptions,
  ): Promise<T>;
  patch<T extends KubeObject>(
    resource: ResourceReference<T>,
    key: ObjectKey,
    patch: unknown,
    options?: WriteOptions & { readonly type?: PatchType },
  ): Promise<T>;
  delete<T extends KubeObject>(
    resource: ResourceReference<T>,
    key: ObjectKey,
    options?: ReadOptions & { body?: DeleteOptions },
  ): Promise<void>;
  deleteCollection<T extends KubeObject>(
    resource: ResourceReference<T>,
    options?: ListOptions & { body?: DeleteOptions },
  ): Promise<void>;
  /** POST to a subresource that takes another kind: binding, eviction, token. */
  createSubresource<Body extends object, Answer = unknown>(
    resource: ResourceReference,
    key: ObjectKey,
    subresource: string,
    body: Body,
    options?: ReadOptions,
  ): Promise<Answer>;
}

/**
 * The object with what it is. The API server knows that of its own kinds by the path; a custom resource has to say it
 * itself, and those who write one through a reference need not. Subresources may be of another kind.
 */
export function identified(resource: ResourceReference, object: object, subresource?: string): object {
  if (subresource !== undefined && subresource !== "status") return object;
  return { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object };
}
