// The request as expressions and webhooks see it.
import { type KubeObject, type ResourceDefinition, type User, userInfo } from "../../../api/index.ts";
import {
  type AuthorizationCheck,
  type AuthorizationDecision,
  authorizerValue,
  requestResourceValue,
} from "../../../cel/index.ts";
import { errorMessage } from "../../../lib/index.ts";
import type { Authorizer } from "../../authorization/index.ts";
import type { AdmissionRequest } from "../admission.ts";
import { namespaceOf } from "./request-rules.ts";

/** The objects of a request as the resource shows them as which it is wanted. */
export interface ReviewedObjects {
  readonly as: ResourceDefinition;
  readonly object: KubeObject | undefined;
  readonly old: KubeObject | undefined;
}

/** The request as reviewers are told it, in the names of admission.k8s.io/v1. */
export function requestFacts(request: AdmissionRequest, as: ResourceDefinition) {
  const { definition, kind, subresource, user, operation, dryRun, options, name } = request;
  // The body of a subresource may be of another kind, which has no versions of its own.
  const ownKind = kind.kind === definition.kind && kind.group === definition.group ? as : kind;
  const requested = subresource === "" ? {} : { subResource: subresource };
  const namespace = namespaceOf(request);
  return {
    kind: kindOf(ownKind),
    resource: resourceOf(as),
    ...requested,
    requestKind: kindOf(kind),
    requestResource: resourceOf(definition),
    ...(subresource === "" ? {} : { requestSubResource: subresource }),
    ...(name === "" ? {} : { name }),
    ...(namespace === "" ? {} : { namespace }),
    operation,
    userInfo: userInfo(user),
    dryRun,
    ...(options === undefined ? {} : { options }),
  };
}

const kindOf = ({ group, version, kind }: { group: string; version: string; kind: string }) => ({
  group,
  version,
  kind,
});
const resourceOf = ({ group, version, plural }: ResourceDefinition) => ({ group, version, resource: plural });

/** The bindings of one evaluation, or of several about the same request. */
export function requestVariables(
  request: AdmissionRequest,
  { as, object, old }: ReviewedObjects,
  authorizer: Authorizer,
): Record<string, unknown> {
  const asking = authorizerValue((check) => decide(authorizer, request.user, check));
  const { definition, subresource, namespace, name } = request;
  const { group, plural: resource } = definition;
  // Fields of Go's struct that are empty are there for expressions.
  const facts = { subResource: "", requestSubResource: "", name: "", namespace: "", ...requestFacts(request, as) };
  return {
    object: object ?? null,
    oldObject: old ?? null,
    request: { ...facts, userInfo: { uid: "", extra: {}, ...facts.userInfo } },
    authorizer: asking,
    "authorizer.requestResource": requestResourceValue(asking, { group, resource, subresource, namespace, name }),
  };
}

async function decide(
  authorizer: Authorizer,
  requester: User,
  { subject, verb, path, resource }: AuthorizationCheck,
): Promise<AuthorizationDecision> {
  const user = subject === "requester" ? requester : serviceAccountUser(subject);
  try {
    if (path !== undefined) return await authorizer.authorize({ user, verb, path });
    if (!resource) return { allowed: false, reason: "", error: "nothing was asked" };
    const { resource: plural, fieldSelector, labelSelector, ...place } = resource;
    const selectors = { ...(fieldSelector ? { fieldSelector } : {}), ...(labelSelector ? { labelSelector } : {}) };
    return await authorizer.authorize({ user, verb, resource: { ...place, plural, version: "*", ...selectors } });
  } catch (error) {
    // Expressions see the error and decide.
    return { allowed: false, reason: "", error: errorMessage(error) };
  }
}

function serviceAccountUser({ namespace, serviceAccount }: { namespace: string; serviceAccount: string }): User {
  return {
    name: `system:serviceaccount:${namespace}:${serviceAccount}`,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"],
  };
}
