import {
  badRequest,
  type KubeObject,
  methodNotSupported,
  notFound,
  qualifiedResource,
  type Status,
  type Verb,
} from "../../api/index.ts";
import type { Draft } from "../../lib/index.ts";
import type { StoredObject } from "../../storage/index.ts";
import type { CreateRequest } from "../create-handler.ts";
import { ServedList, type ServedObject, type ServedResponse, ServedWatch } from "../served-response.ts";
import { admitAction } from "./admission-chain.ts";
import { bindPod } from "./binding.ts";
import { computedObjects } from "./computed.ts";
import type { ObjectRequest } from "./context.ts";
import { createObject } from "./create.ts";
import { decodeBody } from "./decode.ts";
import { deleteObject } from "./delete.ts";
import { deleteCollection } from "./delete-collection.ts";
import { deleteOptions } from "./delete-options.ts";
import { type Form, wholeForm } from "./form.ts";
import { answersDeletedObject, isBinding } from "./kind-rules.ts";
import { listObjects } from "./list.ts";
import { placeInNamespace } from "./metadata.ts";
import { type Modified, modifyObject } from "./modify.ts";
import { patchBody } from "./patch.ts";
import { waitForRead } from "./revision.ts";
import { watchObjects } from "./watch.ts";

/** Answers a request to a resource itself, on a route that it has. */
export async function serve(request: ObjectRequest, verb: Verb): Promise<ServedResponse> {
  const { definition } = request;
  const needsName = verb === "get" || verb === "update" || verb === "patch" || verb === "delete";
  if (needsName && request.name === "") throw badRequest("resource name may not be empty");
  switch (verb) {
    case "get":
      return getObject(request);
    case "list":
      return new ServedList(await listObjects(request), request.warnings);
    case "watch":
      return new ServedWatch(await watchObjects(request), request.warnings);
    case "create":
      return create(request);
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

async function create(request: ObjectRequest): Promise<ServedObject> {
  const { definition, context, warnings } = request;
  const body = decodeBody(request, definition);
  const handler = context.createHandlers.get(qualifiedResource(definition));
  if (handler) {
    placeInNamespace(request, body.metadata);
    await admitAction(request, body);
    return { type: "object", code: 201, object: await handler(createRequest(request, body)), warnings };
  }
  if (isBinding(definition)) return bind(request, body);
  // What can be created and not read is not stored: without its handler it is not served.
  if (!definition.verbs.includes("get")) throw methodNotSupported(definition, "create");
  return stored(request, 201, await createObject(request, body));
}

/** A Binding names the pod that it is about; admission hears of a Binding and not of a pod's subresource, as upstream. */
async function bind(request: ObjectRequest, body: Draft<KubeObject>): Promise<ServedObject> {
  placeInNamespace(request, body.metadata);
  await admitAction(request, body);
  const definition = request.context.registry.find("", "v1", "pods");
  if (!definition) throw notFound(request.definition, body.metadata.name);
  const store = request.context.storeOf(definition);
  const pods = { ...request, definition, store, name: body.metadata.name ?? "", subresource: "binding" };
  return { type: "object", code: 201, object: await bindPod(pods, body), warnings: request.warnings };
}

async function getObject(request: ObjectRequest): Promise<ServedObject> {
  const { context, store, definition, namespace, name, options } = request;
  await waitForRead(context, options, request.signal);
  const computed = computedObjects(request);
  const found = computed ? (await computed)[0] : await store.read(namespace, name);
  if (!found) throw notFound(definition, name);
  return stored(request, 200, found);
}

export function stored(request: ObjectRequest, code: 200 | 201 | 202, object: StoredObject): ServedObject {
  return { type: "object", code, object: object.object, stored: object, warnings: request.warnings };
}

export function modified(request: ObjectRequest, { stored: object, created }: Modified): ServedObject {
  return stored(request, created ? 201 : 200, object);
}

export async function updateObject(request: ObjectRequest, form: Form, creates: boolean): Promise<Modified> {
  // What is wrong with the body is told before it is known whether there is such an object.
  let decoded: Draft<KubeObject> | undefined = decodeBody(request, form);
  const body = () => {
    const next = decoded ?? decodeBody(request, form);
    decoded = undefined;
    return next;
  };
  return modifyObject(request, { form, body, creates });
}

export function patchObject(request: ObjectRequest, form: Form, mayCreate: boolean): Promise<Modified> {
  const creates = mayCreate && request.patchType === "application/apply-patch+yaml";
  return modifyObject(request, { form, body: (shown) => patchBody(request, form, shown), creates });
}

async function deleteOne(request: ObjectRequest): Promise<ServedObject> {
  const { definition, name, warnings } = request;
  const options = deleteOptions(request);
  const { stored: object, gone } = await deleteObject(request, options);
  // Only the older of the two ways to ask for the dependents to be deleted makes the difference.
  if (!gone) return stored(request, options.orphanDependents === false ? 202 : 200, object);
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

export function createRequest(request: ObjectRequest, object: Draft<KubeObject>): CreateRequest {
  const { user, namespace, name, dryRun, signal } = request;
  return { user, namespace, name, object, dryRun, signal };
}
