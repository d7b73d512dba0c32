import {
  ApiError,
  badRequest,
  methodNotSupported,
  notFound,
  type ResourceHandler,
  type ResourceRequest,
  type Status,
  type User,
} from "../api/index.ts";
import type { Clock, Logger, Random } from "../lib/index.ts";
import type { Storage, StoredObject, WatchCache } from "../storage/index.ts";
import type { AdmissionPlugin } from "./admission/admission.ts";
import type { Attributes, Authorizer } from "./authorization/authorizer.ts";
import { forbiddenError } from "./authorization/index.ts";
import type { CommitHook } from "./pipeline/commit-hook.ts";
import type { ObjectRequest, PipelineContext } from "./pipeline/context.ts";
import { createObject } from "./pipeline/create.ts";
import { decodeBody } from "./pipeline/decode.ts";
import { deleteObject } from "./pipeline/delete.ts";
import { deleteCollection } from "./pipeline/delete-collection.ts";
import { deleteOptions } from "./pipeline/delete-options.ts";
import { type Form, wholeForm } from "./pipeline/form.ts";
import { answersDeletedObject } from "./pipeline/kind-rules.ts";
import { listObjects } from "./pipeline/list.ts";
import { ListSnapshots } from "./pipeline/list-snapshots.ts";
import { type Modified, modifyObject } from "./pipeline/modify.ts";
import { patchBody } from "./pipeline/patch.ts";
import { ResourceStore } from "./pipeline/resource-store.ts";
import { waitForRead } from "./pipeline/revision.ts";
import { watchObjects } from "./pipeline/watch.ts";
import type { ResourceRegistry } from "./registry.ts";
import { ServedList, type ServedObject, type ServedResponse, ServedWatch } from "./served-response.ts";

export interface ApiServerOptions {
  readonly registry: ResourceRegistry;
  readonly storage: Storage;
  readonly cache: WatchCache;
  readonly authorizer: Authorizer;
  /** In the order in which they run. */
  readonly admission: readonly AdmissionPlugin[];
  /** What is written in one commit with objects of a kind, by `<plural>.<group>`. */
  readonly commitHooks?: ReadonlyMap<string, CommitHook>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** The API server below HTTP: authorizes every request and carries it through the one pipeline. */
export interface ApiServer extends ResourceHandler {
  readonly registry: ResourceRegistry;
  readonly authorizer: Authorizer;
  handle(request: ResourceRequest, user: User): Promise<ServedResponse>;
  /** Throws ApiError 403 when the authorizer does not allow it. */
  authorize(attributes: Attributes): Promise<void>;
}

export function createApiServer(options: ApiServerOptions): ApiServer {
  return new Pipeline(options);
}

class Pipeline implements ApiServer {
  readonly registry: ResourceRegistry;
  readonly authorizer: Authorizer;
  readonly #context: PipelineContext;

  constructor(options: ApiServerOptions) {
    const stores = new WeakMap<object, ResourceStore>();
    this.registry = options.registry;
    this.authorizer = options.authorizer;
    this.#context = {
      ...options,
      commitHooks: options.commitHooks ?? new Map(),
      snapshots: new ListSnapshots(options.clock),
      storeOf(definition) {
        let store = stores.get(definition);
        if (!store) {
          store = new ResourceStore(definition, options.cache);
          stores.set(definition, store);
        }
        return store;
      },
    };
  }

  async authorize(attributes: Attributes): Promise<void> {
    const { allowed, reason } = await this.authorizer.authorize(attributes);
    if (!allowed) throw forbiddenError(attributes, reason);
  }

  async handle(request: ResourceRequest, user: User): Promise<ServedResponse> {
    const { verb, group, version, plural, namespace = "", name = "", subresource = "" } = request;
    await this.authorize({ user, verb, resource: { group, version, plural, subresource, namespace, name } });
    const objectRequest = this.#objectRequest(request, user);
    if (subresource !== "") throw notFound({ group, plural }, name);
    return serve(objectRequest, request);
  }

  #objectRequest(request: ResourceRequest, user: User): ObjectRequest {
    const { group, version, plural, namespace = "", name = "", subresource = "", options = {} } = request;
    const definition = this.registry.find(group, version, plural);
    if (!definition) throw new ApiError(404, "NotFound", "the server could not find the requested resource");
    return {
      context: this.#context,
      user,
      definition,
      store: this.#context.storeOf(definition),
      namespace,
      name,
      subresource,
      options,
      body: request.body,
      duplicateFields: request.duplicateFields ?? [],
      patchType: request.patchType,
      signal: request.signal,
      dryRun: options.dryRun === "All",
      warnings: [],
    };
  }
}

async function serve(request: ObjectRequest, { verb }: ResourceRequest): Promise<ServedResponse> {
  const { definition, namespace, name } = request;
  const needsNamespace = definition.namespaced && verb !== "list" && verb !== "watch";
  if (!definition.verbs.includes(verb) || (needsNamespace && namespace === ""))
    throw methodNotSupported(definition, verb);
  const needsName = verb === "get" || verb === "update" || verb === "patch" || verb === "delete";
  if (needsName && name === "") throw badRequest("resource name may not be empty");
  switch (verb) {
    case "get":
      return getObject(request);
    case "list":
      return new ServedList(await listObjects(request), request.warnings);
    case "watch":
      return new ServedWatch(await watchObjects(request), request.warnings);
    case "create":
      return stored(request, 201, await createObject(request, decodeBody(request, definition)));
    case "update":
      return modified(request, await updateObject(request, wholeForm(definition), definition.allowsCreateOnUpdate));
    case "patch":
      return modified(request, await patchObject(request, wholeForm(definition), true));
    case "delete":
      return deleteOne(request);
    case "deletecollection":
      return new ServedList(await deleteCollection(request), request.warnings);
  }
}

async function getObject(request: ObjectRequest): Promise<ServedObject> {
  const { context, store, definition, namespace, name, options } = request;
  await waitForRead(context, options, request.signal);
  const found = store.get(namespace, name);
  if (!found) throw notFound(definition, name);
  return stored(request, 200, found);
}

function stored(request: ObjectRequest, code: 200 | 201 | 202, object: StoredObject): ServedObject {
  return { type: "object", code, object: object.object, stored: object, warnings: request.warnings };
}

function modified(request: ObjectRequest, { stored: object, created }: Modified): ServedObject {
  return stored(request, created ? 201 : 200, object);
}

function updateObject(request: ObjectRequest, form: Form, creates: boolean): Promise<Modified> {
  return modifyObject(request, {
    form,
    body: () => decodeBody(request, form),
    creates,
  });
}

function patchObject(request: ObjectRequest, form: Form, mayCreate: boolean): Promise<Modified> {
  const creates = mayCreate && request.patchType === "application/apply-patch+yaml";
  return modifyObject(request, { form, body: (shown) => patchBody(request, form, shown), creates });
}

async function deleteOne(request: ObjectRequest): Promise<ServedObject> {
  const { definition, name, warnings } = request;
  const options = deleteOptions(request);
  const { stored: object, gone } = await deleteObject(request, options);
  const asksToWait = options.orphanDependents === false || options.propagationPolicy === "Foreground";
  if (!gone) return stored(request, asksToWait ? 202 : 200, object);
  if (answersDeletedObject(definition)) return stored(request, 200, object);
  const status: Status = {
    kind: "Status",
    apiVersion: "v1",
    metadata: {} as Status["metadata"], // that of a Status is empty
    status: "Success",
    details: {
      name,
      ...(definition.group === "" ? {} : { group: definition.group }),
      kind: definition.plural,
      uid: object.object.metadata.uid,
    },
  };
  return { type: "object", code: 200, object: status, warnings };
}
