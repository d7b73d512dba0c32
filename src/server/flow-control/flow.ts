// Which flow schema a request belongs to: k8s.io/apiserver/pkg/util/flowcontrol/rule.go.
import type { FlowSchema, PolicyRulesWithSubjects, User } from "../../api/index.ts";

/** A request as flow schemas see it. */
export interface FlowRequest {
  readonly user: User;
  readonly verb: string;
  /** Set for requests to resources. */
  readonly resource:
    | { readonly group: string; readonly plural: string; readonly subresource: string; readonly namespace: string }
    | undefined;
  /** Looked at when it is about no resource. */
  readonly path: string;
}

type Subject = PolicyRulesWithSubjects["subjects"][number];
type ResourceRule = NonNullable<PolicyRulesWithSubjects["resourceRules"]>[number];
type NonResourceRule = NonNullable<PolicyRulesWithSubjects["nonResourceRules"]>[number];

const all = "*";

// Loops instead of array methods: this is asked of ten schemas for every request.

export function matchesSchema({ spec: { rules } }: FlowSchema, request: FlowRequest): boolean {
  if (rules) for (const rule of rules) if (matchesRule(rule, request)) return true;
  return false;
}

function matchesRule(rule: PolicyRulesWithSubjects, request: FlowRequest): boolean {
  return (
    isAbout(rule.subjects, request.user) && (request.resource ? isForResource(rule, request) : isForPath(rule, request))
  );
}

function isAbout(subjects: readonly Subject[], user: User): boolean {
  for (const each of subjects) if (matchesSubject(each, user)) return true;
  return false;
}

function isForResource({ resourceRules }: PolicyRulesWithSubjects, request: FlowRequest): boolean {
  if (resourceRules) for (const each of resourceRules) if (matchesResource(each, request)) return true;
  return false;
}

function isForPath({ nonResourceRules }: PolicyRulesWithSubjects, request: FlowRequest): boolean {
  if (nonResourceRules) for (const each of nonResourceRules) if (matchesPath(each, request)) return true;
  return false;
}

function matchesSubject({ user: asUser, group, serviceAccount }: Subject, { name, groups }: User): boolean {
  if (asUser) return asUser.name === all || asUser.name === name;
  if (group) return group.name === all || groups.includes(group.name);
  if (!serviceAccount) return false;
  const prefix = `system:serviceaccount:${serviceAccount.namespace}:`;
  return serviceAccount.name === all ? name.startsWith(prefix) : name === prefix + serviceAccount.name;
}

function matchesResource(rule: ResourceRule, { verb, resource }: FlowRequest): boolean {
  const { group, plural, subresource, namespace } = resource!; // asked for requests to resources alone
  if (!has(rule.verbs, verb) || !has(rule.apiGroups, group)) return false;
  if (!has(rule.resources, subresource === "" ? plural : `${plural}/${subresource}`)) return false;
  return namespace === "" ? rule.clusterScope === true : has(rule.namespaces ?? [], namespace);
}

function matchesPath(rule: NonResourceRule, { verb, path }: FlowRequest): boolean {
  return has(rule.verbs, verb) && rule.nonResourceURLs.some((each) => each === path || matchesPattern(each, path));
}

function matchesPattern(pattern: string, path: string): boolean {
  return pattern.endsWith(all) && path.startsWith(pattern.slice(0, -1));
}

function has(wanted: readonly string[], value: string): boolean {
  return wanted.includes(value) || wanted.includes(all);
}

/** What tells the flows of one schema apart. */
export function distinguisherOf({ spec }: FlowSchema, { user, resource }: FlowRequest): string {
  switch (spec.distinguisherMethod?.type) {
    case "ByUser":
      return user.name;
    case "ByNamespace":
      return resource?.namespace ?? "";
    default:
      return "";
  }
}

/** In the order in which they are asked: the first that matches has the request. */
export function bySchemaOrder(a: FlowSchema, b: FlowSchema): number {
  const precedence = (each: FlowSchema) => each.spec.matchingPrecedence ?? 0;
  if (precedence(a) !== precedence(b)) return precedence(a) - precedence(b);
  return a.metadata.name < b.metadata.name ? -1 : 1;
}
