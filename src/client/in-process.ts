import type {
  KubeObject,
  ObjectList,
  ResourceHandler,
  ResourceReference,
  ResourceRequest,
  ResourceResponse,
  User,
  WatchEvent,
} from "../api/index.ts";
import {
  type Client,
  identified,
  type ListOptions,
  type ObjectKey,
  type ReadOptions,
  type WriteOptions,
} from "./client.ts";

/** The media type of a patch whose caller names none; it is the one that every kind takes. */
export const defaultPatchType = "application/merge-patch+json";

/**
 * A Client that calls the API server's pipeline in the same process as `user`: no sockets and no JSON, and what comes
 * back are the very objects that the server's cache holds. `program` is what a User-Agent says elsewhere: who manages the
 * fields that are written.
 */
export function inProcessClient(handler: ResourceHandler, user: User, program?: string): Client {
  const send = async (request: ResourceRequest) => {
    request.signal?.throwIfAborted();
    return await handler.handle(program === undefined ? request : managedBy(program, request), user);
  };
  return {
    async get(resource, key, options) {
      return objectOf(await send({ ...target("get", resource, key, options), ...requestOptions(options) }));
    },
    async list<T extends KubeObject>(resource: ResourceReference<T>, options?: ListOptions) {
      const response = await send(collection("list", resource, options));
      if (response.type !== "list") throw unexpected("list", response);
      // The handler answers a list of the resource that was asked for; the reference says of what.
      return response.list as ObjectList<T>;
    },
    watch<T extends KubeObject>(resource: ResourceReference<T>, options: ListOptions) {
      return new LazyEvents(async () => {
        const response = await send(collection("watch", resource, options));
        if (response.type !== "watch") throw unexpected("watch", response);
        // As in list.
        return response.events as AsyncIterable<WatchEvent<T>>;
      });
    },
    async create(resource, object, options) {
      const { namespace } = object.metadata;
      return objectOf(
        await send({
          ...target("create", resource, { ...(namespace === undefined ? {} : { namespace }) }, options),
          ...requestOptions(options),
          body: identified(resource, object, options?.subresource),
        }),
      );
    },
    async update(resource, object, options) {
      const { namespace, name } = object.metadata;
      return objectOf(
        await send({
          ...target(
            "update",
            resource,
            { ...(namespace === undefined ? {} : { namespace }), ...(name === undefined ? {} : { name }) },
            options,
          ),
          ...requestOptions(options),
          body: identified(resource, object, options?.subresource),
        }),
      );
    },
    async patch(resource, key, patch, options) {
      return objectOf(
        await send({
          ...target("patch", resource, key, options),
          ...requestOptions(options),
          body: patch,
          patchType: options?.type ?? defaultPatchType,
        }),
      );
    },
    async delete(resource, key, options) {
      await send({
        ...target("delete", resource, key),
        ...(options?.body === undefined ? {} : { body: options.body }),
        ...signalOf(options),
      });
    },
    async deleteCollection(resource, options) {
      await send({
        ...collection("deletecollection", resource, options),
        ...(options?.body === undefined ? {} : { body: options.body }),
      });
    },
    async createSubresource<Body extends object, Answer>(
      resource: ResourceReference,
      key: ObjectKey,
      subresource: string,
      body: Body,
      options?: ReadOptions,
    ) {
      const response = await send({
        ...target("create", resource, key, { subresource }),
        body,
        ...signalOf(options),
      });
      if (response.type !== "object") throw unexpected("create", response);
      // The caller names the kind that the subresource answers with.
      return response.object as Answer;
    },
  };
}

/** Events of a watch that begins when the first is asked for. No generator: each would add promises to every event. */
class LazyEvents<T> implements AsyncIterableIterator<T, undefined> {
  readonly #open: () => Promise<AsyncIterable<T>>;
  #events: AsyncIterator<T> | undefined;
  #isOver = false;

  constructor(open: () => Promise<AsyncIterable<T>>) {
    this.#open = open;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    return this.#events ? this.#events.next() : this.#first();
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.#isOver = true;
    await this.#events?.return?.();
    return { done: true, value: undefined };
  }

  async #first(): Promise<IteratorResult<T, undefined>> {
    if (this.#isOver) return { done: true, value: undefined };
    // One that cannot begin is over.
    this.#isOver = true;
    this.#events = (await this.#open())[Symbol.asyncIterator]();
    return this.#events.next();
  }
}

/** A write that names no manager with this one; who applies has to name itself. */
function managedBy(program: string, request: ResourceRequest): ResourceRequest {
  const writes = request.verb === "create" || request.verb === "update" || request.verb === "patch";
  if (!writes || request.patchType === "application/apply-patch+yaml") return request;
  return { ...request, options: { fieldManager: program, ...request.options } };
}

function target(
  verb: ResourceRequest["verb"],
  resource: ResourceReference,
  key: Partial<ObjectKey>,
  options?: { readonly subresource?: string },
): ResourceRequest {
  return {
    verb,
    group: resource.group,
    version: resource.version,
    plural: resource.plural,
    ...(key.namespace === undefined ? {} : { namespace: key.namespace }),
    ...(key.name === undefined ? {} : { name: key.name }),
    ...(options?.subresource === undefined ? {} : { subresource: options.subresource }),
  };
}

function collection(verb: ResourceRequest["verb"], resource: ResourceReference, options?: ListOptions) {
  const { namespace, ...rest } = options ?? {};
  return { ...target(verb, resource, namespace === undefined ? {} : { namespace }), ...requestOptions(rest) };
}

/** Splits the options of a call into the query parameters and the signal of a request. */
function requestOptions(
  options: (WriteOptions & ListOptions & { readonly body?: unknown; readonly type?: unknown }) | undefined,
): Pick<ResourceRequest, "options" | "signal"> {
  const { signal, subresource: _subresource, body: _body, type: _type, ...query } = options ?? {};
  return { options: query, ...(signal === undefined ? {} : { signal }) };
}

function signalOf(options: ReadOptions | undefined): Pick<ResourceRequest, "signal"> {
  return options?.signal === undefined ? {} : { signal: options.signal };
}

function objectOf<T extends KubeObject>(response: ResourceResponse): T {
  if (response.type !== "object") throw unexpected("an object", response);
  // The handler answers with an object of the resource that was asked for; the reference says which.
  return response.object as T;
}

function unexpected(wanted: string, response: ResourceResponse): Error {
  return new Error(`the API server answered ${response.type} where ${wanted} was asked for`);
}
