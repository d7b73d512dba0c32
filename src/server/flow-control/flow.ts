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

type ResourceRule = NonNullable<PolicyRulesWithSubjects["resourceRules"]>[number];
type NonResourceRule = NonNullable<PolicyRulesWithSubjects["nonResourceRules"]>[number];

const all = "*";

/** A rule of a schema with its subjects sorted once: each request asks ten of them. */
export interface FlowRule {
  readonly isForEverybody: boolean;
  readonly users: readonly string[];
  readonly groups: readonly string[];
  /** What the names of users begin with: the accounts of a namespace. */
  readonly prefixes: readonly string[];
  readonly resourceRules: readonly ResourceRule[];
  readonly nonResourceRules: readonly NonResourceRule[];
}

export function flowRules({ spec }: FlowSchema): readonly FlowRule[] {
  return (spec.rules ?? []).map(({ subjects, resourceRules = [], nonResourceRules = [] }) => {
    const users = subjects.flatMap(({ user }) => user?.name ?? []);
    const groups = subjects.flatMap(({ group }) => group?.name ?? []);
    const accounts = subjects.flatMap(({ serviceAccount }) => serviceAccount ?? []);
    const prefixOf = ({ namespace }: { readonly namespace: string }) => `system:serviceaccount:${namespace}:`;
    return {
      isForEverybody: users.includes(all) || groups.includes(all),
      users: [...users, ...accounts.filter(({ name }) => name !== all).map((each) => prefixOf(each) + each.name)],
      groups,
      prefixes: accounts.filter(({ name }) => name === all).map(prefixOf),
      resourceRules,
      nonResourceRules,
    };
  });
}

// Loops instead of array methods, for the same reason.

/** Whether one of the rules, which are about the user of the request, is for what it asks. */
export function matchesRules(rules: readonly FlowRule[], request: FlowRequest): boolean {
  for (const rule of rules) if (request.resource ? isForResource(rule, request) : isForPath(rule, request)) return true;
  return false;
}

export function isAbout({ isForEverybody, users, groups, prefixes }: FlowRule, user: User): boolean {
  if (isForEverybody || users.includes(user.name)) return true;
  for (const each of groups) if (user.groups.includes(each)) return true;
  for (const each of prefixes) if (user.name.startsWith(each)) return true;
  return false;
}

function isForResource({ resourceRules }: FlowRule, request: FlowRequest): boolean {
  for (const each of resourceRules) if (matchesResource(each, request)) return true;
  return false;
}

function isForPath({ nonResourceRules }: FlowRule, request: FlowRequest): boolean {
  for (const each of nonResourceRules) if (matchesPath(each, request)) return true;
  return false;
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
