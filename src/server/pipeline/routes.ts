// Which paths and methods the resources have. Of Kubernetes' own each has a route (go-restful answers what has none, with
// nothing in the details). All custom resources have one handler, which hands on what is not theirs
// (customresource_handler.go), and at the end of the chain stands the answer to paths that nobody serves.
import {
  type ApiError,
  methodNotAllowed,
  methodNotSupported,
  notFound,
  type ResourceDefinition,
  type ResourceRequest,
  resourceNotServed,
  type SubresourceFact,
  type Verb,
} from "../../api/index.ts";
import { PathNotFound } from "../path-not-found.ts";
import type { ResourceRegistry } from "../registry.ts";
import type { ObjectRequest } from "./context.ts";
import { isBuiltIn } from "./kind-rules.ts";

const collectionVerbs: ReadonlySet<string> = new Set<Verb>(["list", "watch", "create", "deletecollection"]);
const objectVerbs: ReadonlySet<string> = new Set<Verb>(["get", "update", "patch", "delete"]);

/** What is answered where no resource has the name. */
export function unknownResource(registry: ResourceRegistry, { group, version }: ResourceRequest): ApiError {
  const isOwnVersion = registry
    .all()
    .some((each) => isBuiltIn(each) && each.group === group && each.version === version);
  return isOwnVersion ? resourceNotServed() : new PathNotFound();
}

/**
 * Throws 404 for a path that the resource does not have, and 405 for a method that it does not have there. What is known
 * of the subresource, where the path is of one.
 */
export function routeOf(request: ObjectRequest, verb: Verb): SubresourceFact | undefined {
  if (request.subresource !== "") return subresourceRoute(request, verb);
  checkRoute(request, verb);
  return undefined;
}

function checkRoute({ definition, namespace, name }: ObjectRequest, verb: Verb): void {
  const readsAll = verb === "list" || verb === "watch";
  const isAcross = definition.namespaced && namespace === "";
  if (isMisplaced(definition, namespace, name !== "" || (!readsAll && !isBuiltIn(definition))))
    throw noRoute(definition);
  if (isBuiltIn(definition)) {
    if (definition.verbs.includes(verb) && (!isAcross || readsAll)) return;
    // A watch comes by the route of the list, whose handler refuses it.
    if (verb === "watch" && definition.verbs.includes("list")) throw methodNotSupported(definition, verb);
    const verbsHere = name === "" ? collectionVerbs : objectVerbs;
    throw definition.verbs.some((each) => verbsHere.has(each)) ? methodNotAllowed() : resourceNotServed();
  }
  if (!definition.verbs.includes(verb)) throw methodNotSupported(definition, verb);
}

function subresourceRoute(request: ObjectRequest, verb: Verb): SubresourceFact {
  const { definition, subresource, namespace, name } = request;
  const fact = definition.subresources.find((each) => each.name === subresource);
  if (name === "" || isMisplaced(definition, namespace, true)) throw noRoute(definition);
  if (!fact) throw isBuiltIn(definition) ? resourceNotServed() : notFound(definition, name);
  if (!fact.verbs.includes(verb))
    throw isBuiltIn(definition) ? methodNotAllowed() : methodNotSupported(definition, verb);
  return fact;
}

/** Only collections of what is in namespaces can be asked for across them. */
function isMisplaced({ namespaced }: ResourceDefinition, namespace: string, needsNamespace: boolean): boolean {
  return namespaced ? needsNamespace && namespace === "" : namespace !== "";
}

function noRoute(definition: ResourceDefinition): ApiError {
  return isBuiltIn(definition) ? resourceNotServed() : new PathNotFound();
}
