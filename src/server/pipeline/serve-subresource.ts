import {
  type DecodableKind,
  definitionOfKind,
  notFound,
  qualifiedResource,
  type SubresourceFact,
  type Verb,
} from "../../api/index.ts";
import type { ServedResponse } from "../served-response.ts";
import { admitAction } from "./admission-chain.ts";
import { bindPod } from "./binding.ts";
import type { ObjectRequest } from "./context.ts";
import { decodeBody } from "./decode.ts";
import { evictPod } from "./eviction.ts";
import { placeInNamespace } from "./metadata.ts";
import { changedObject } from "./resource-store.ts";
import { waitForRead } from "./revision.ts";
import { createRequest, modified, patchObject, stored, updateObject } from "./serve.ts";
import { subresourceForm } from "./subresource-forms.ts";

/** Answers a request to a subresource that is an object; streams are not seen here. */
export async function serveSubresource(
  request: ObjectRequest,
  verb: Verb,
  fact: SubresourceFact,
): Promise<ServedResponse> {
  const { definition, subresource, namespace, name } = request;
  if (verb === "create") return act(request, fact);
  const form = subresourceForm(definition, subresource);
  if (!form) throw notFound(definition, name);
  if (verb === "update") return modified(request, await updateObject(request, form, false));
  if (verb === "patch") return modified(request, await patchObject(request, form, false));
  await waitForRead(request.context, request.options, request.signal);
  const found = await request.store.read(namespace, name);
  if (!found) throw notFound(definition, name);
  return stored(request, 200, form.show ? changedObject(found, form.show(found.object)) : found);
}

/** A create below an object does something with it. */
async function act(request: ObjectRequest, fact: SubresourceFact): Promise<ServedResponse> {
  const { definition, subresource, name, context, warnings } = request;
  const resource = `${qualifiedResource(definition)}/${subresource}`;
  const handler = context.createHandlers.get(resource) ?? ownHandlers[resource]?.(request);
  if (!handler) throw notFound(definition, name);
  const kind = kindOf(fact);
  const body = decodeBody(request, { ...kind, olderVersions: olderVersions[resource] ?? [] });
  placeInNamespace(request, body.metadata);
  await admitAction(request, body, kind);
  return { type: "object", code: 201, object: await handler(createRequest(request, body)), warnings };
}

/** Bodies that old clients send and Kubernetes still takes (GroupVersionAcceptor of the eviction's storage). */
const olderVersions: Readonly<Record<string, readonly string[]>> = { "pods/eviction": ["v1beta1"] };

type HandlerOf = (request: ObjectRequest) => (create: ReturnType<typeof createRequest>) => Promise<object>;

/** What the pipeline does itself, for it writes to the store. */
const ownHandlers: Readonly<Record<string, HandlerOf>> = {
  "pods/binding": (request) => (create) => bindPod(request, create.object),
  "pods/eviction": (request) => (create) => evictPod(request, create.object),
};

function kindOf({ group, version, kind }: SubresourceFact): DecodableKind {
  const found = definitionOfKind(group, version, kind);
  if (!found) throw new Error(`no schema of ${group}/${version} ${kind}`);
  return { group, version, kind, schema: found.schema, schemaName: found.name };
}
