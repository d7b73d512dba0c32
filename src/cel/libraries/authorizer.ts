// https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-authorizer-library
import { isDns1123Label, isDns1123Subdomain } from "../../api/meta/index.ts";
import { type CostRule, fixed, nominal } from "../cost.ts";
import { type Definition, member } from "../functions.ts";
import { PendingError } from "../pending.ts";
import { boolType, opaqueType, stringType } from "../types.ts";
import { EvaluationError, Opaque } from "../values.ts";

export const authorizerType = opaqueType("kubernetes.authorization.Authorizer");
const pathCheckType = opaqueType("kubernetes.authorization.PathCheck");
const groupCheckType = opaqueType("kubernetes.authorization.GroupCheck");
export const resourceCheckType = opaqueType("kubernetes.authorization.ResourceCheck");
const decisionType = opaqueType("kubernetes.authorization.Decision");

/** Whom an expression asks about: who sent the request, or the service account that it names. */
export type AuthorizationSubject = "requester" | { readonly namespace: string; readonly serviceAccount: string };

export interface AuthorizationCheck {
  readonly subject: AuthorizationSubject;
  readonly verb: string;
  /** Set for paths that are no resources. */
  readonly path?: string;
  readonly resource?: ResourceToCheck;
}

export interface ResourceToCheck {
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly fieldSelector: string;
  readonly labelSelector: string;
}

export interface AuthorizationDecision {
  readonly allowed: boolean;
  readonly reason: string;
  /** What kept the check from being made. */
  readonly error?: string;
}

/** Asked once for each different check of an expression; it does not throw. */
export type Authorize = (check: AuthorizationCheck) => Promise<AuthorizationDecision> | AuthorizationDecision;

/** The answers of one evaluation, by what was asked. */
class Decisions {
  readonly #authorize: Authorize;
  readonly #known = new Map<string, Decision>();

  constructor(authorize: Authorize) {
    this.#authorize = authorize;
  }

  /** Throws PendingError when the answer must be waited for. */
  check(check: AuthorizationCheck): Decision {
    const key = JSON.stringify(check);
    const known = this.#known.get(key);
    if (known) return known;
    const answer = this.#authorize(check);
    const keep = (decision: AuthorizationDecision) => {
      const kept = new Decision(decision);
      this.#known.set(key, kept);
      return kept;
    };
    if (answer instanceof Promise) throw new PendingError(answer.then(keep));
    return keep(answer);
  }
}

/** A value that only its functions can look into. */
abstract class Receiver extends Opaque {
  equals(other: Opaque): boolean {
    return other === this;
  }
}

class Authorizer extends Receiver {
  readonly type = authorizerType;
  readonly decisions: Decisions;
  readonly subject: AuthorizationSubject;
  constructor(decisions: Decisions, subject: AuthorizationSubject) {
    super();
    this.decisions = decisions;
    this.subject = subject;
  }
}

class PathCheck extends Receiver {
  readonly type = pathCheckType;
  readonly authorizer: Authorizer;
  readonly path: string;
  constructor(authorizer: Authorizer, path: string) {
    super();
    this.authorizer = authorizer;
    this.path = path;
  }
}

class GroupCheck extends Receiver {
  readonly type = groupCheckType;
  readonly authorizer: Authorizer;
  readonly group: string;
  constructor(authorizer: Authorizer, group: string) {
    super();
    this.authorizer = authorizer;
    this.group = group;
  }
}

class ResourceCheck extends Receiver {
  readonly type = resourceCheckType;
  readonly authorizer: Authorizer;
  readonly resource: ResourceToCheck;
  constructor(authorizer: Authorizer, resource: ResourceToCheck) {
    super();
    this.authorizer = authorizer;
    this.resource = resource;
  }
}

class Decision extends Receiver {
  readonly type = decisionType;
  readonly decision: AuthorizationDecision;
  constructor(decision: AuthorizationDecision) {
    super();
    this.decision = decision;
  }
}

/** What the variable `authorizer` is bound to, for one evaluation or several about the same request. */
export function authorizerValue(authorize: Authorize): Opaque {
  return new Authorizer(new Decisions(authorize), "requester");
}

/** What `authorizer.requestResource` is bound to: a check of what the request itself is about. */
export function requestResourceValue(
  authorizer: Opaque,
  { group, resource, subresource, namespace, name }: Omit<ResourceToCheck, "fieldSelector" | "labelSelector">,
): Opaque {
  if (!(authorizer instanceof Authorizer)) throw new TypeError("not an authorizer");
  return new ResourceCheck(authorizer, {
    group,
    resource,
    subresource,
    namespace,
    name,
    fieldSelector: "",
    labelSelector: "",
  });
}

/** So much that one expression may make two checks. */
const checkCost: CostRule = { actual: () => 350_000, estimate: () => ({ cost: fixed(350_000) }) };

function nonEmpty(name: string, value: string): string {
  if (value.trim() === "") throw new EvaluationError(`${name} must not be empty`);
  return value;
}

function serviceAccount({ decisions }: Authorizer, namespace: string, name: string): Authorizer {
  if (isDns1123Subdomain(name).length > 0) throw new EvaluationError("Invalid service account name");
  if (isDns1123Label(namespace).length > 0) throw new EvaluationError("Invalid service account namespace");
  return new Authorizer(decisions, { namespace, serviceAccount: name });
}

function resourceCheck({ authorizer, group }: GroupCheck, resource: string): ResourceCheck {
  return new ResourceCheck(authorizer, {
    group,
    resource: nonEmpty("resource", resource),
    subresource: "",
    namespace: "",
    name: "",
    fieldSelector: "",
    labelSelector: "",
  });
}

const narrowing = (field: keyof ResourceToCheck, id: string) =>
  member(
    field,
    id,
    [resourceCheckType, stringType],
    resourceCheckType,
    ({ authorizer, resource }: ResourceCheck, value: string) =>
      new ResourceCheck(authorizer, { ...resource, [field]: value }),
    nominal,
  );

export const authorizerFunctions: readonly Definition[] = [
  member(
    "path",
    "authorizer_path",
    [authorizerType, stringType],
    pathCheckType,
    (authorizer: Authorizer, path: string) => new PathCheck(authorizer, nonEmpty("path", path)),
    nominal,
  ),
  member(
    "group",
    "authorizer_group",
    [authorizerType, stringType],
    groupCheckType,
    (authorizer: Authorizer, group: string) => new GroupCheck(authorizer, group),
    nominal,
  ),
  member(
    "serviceAccount",
    "authorizer_serviceaccount",
    [authorizerType, stringType, stringType],
    authorizerType,
    serviceAccount,
    nominal,
  ),
  member("resource", "groupcheck_resource", [groupCheckType, stringType], resourceCheckType, resourceCheck, nominal),
  narrowing("subresource", "resourcecheck_subresource"),
  narrowing("namespace", "resourcecheck_namespace"),
  narrowing("name", "resourcecheck_name"),
  narrowing("fieldSelector", "authorizer_fieldselector"),
  narrowing("labelSelector", "authorizer_labelselector"),
  member(
    "check",
    "pathcheck_check",
    [pathCheckType, stringType],
    decisionType,
    ({ authorizer, path }: PathCheck, verb: string) =>
      authorizer.decisions.check({ subject: authorizer.subject, verb, path }),
    checkCost,
  ),
  member(
    "check",
    "resourcecheck_check",
    [resourceCheckType, stringType],
    decisionType,
    ({ authorizer, resource }: ResourceCheck, verb: string) =>
      authorizer.decisions.check({ subject: authorizer.subject, verb, resource }),
    checkCost,
  ),
  member(
    "allowed",
    "decision_allowed",
    [decisionType],
    boolType,
    ({ decision }: Decision) => decision.allowed,
    nominal,
  ),
  member("reason", "decision_reason", [decisionType], stringType, ({ decision }: Decision) => decision.reason, nominal),
  member(
    "errored",
    "decision_errored",
    [decisionType],
    boolType,
    ({ decision }: Decision) => decision.error !== undefined,
    nominal,
  ),
  member(
    "error",
    "decision_error",
    [decisionType],
    stringType,
    ({ decision }: Decision) => decision.error ?? "",
    nominal,
  ),
];
