import type { ResourceRequest, User } from "../../api/index.ts";
import type { Attributes } from "./authorizer.ts";

/** What the request is to those who decide about it. */
export function requestAttributes(request: ResourceRequest, user: User): Attributes {
  const { verb, group, version, plural, subresource = "" } = request;
  // A namespace is in itself: a Role in it can allow to read it.
  const isNamespace = plural === "namespaces" && group === "";
  const namespace = (isNamespace ? request.name : request.namespace) ?? "";
  const { fieldSelector, labelSelector } = request.options ?? {};
  const isCollection = verb === "list" || verb === "watch" || verb === "deletecollection";
  const asked = { group, version, plural, subresource, namespace, name: request.name ?? "" };
  if (!isCollection || (!fieldSelector && !labelSelector)) return { user, verb, resource: asked };
  const labels = labelSelector ? { labelSelector } : {};
  if (!fieldSelector) return { user, verb, resource: { ...asked, ...labels } };
  // Who reads with the name of one object may be allowed that one: apiserver/pkg/endpoints/request/requestinfo.go.
  const name = asked.name || (verb === "deletecollection" ? "" : selectedName(fieldSelector));
  return { user, verb, resource: { ...asked, name, fieldSelector, ...labels } };
}

function selectedName(fieldSelector: string): string {
  for (const requirement of fieldSelector.split(",")) {
    const [, name] = /^metadata\.name==?([^=]+)$/.exec(requirement) ?? [];
    if (name !== undefined) return name;
  }
  return "";
}
