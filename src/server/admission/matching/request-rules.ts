// Which requests a webhook or a policy is about. As k8s.io/apiserver's pkg/admission/plugin/webhook/predicates.
import {
  type KubeObject,
  type LabelSelector,
  matchesLabelSelector,
  type NamedRuleWithOperations,
  Namespaces,
  notFound,
  type ResourceDefinition,
} from "../../../api/index.ts";
import type { Lookup } from "../../lookup.ts";
import type { ResourceVersions } from "../../resource-versions.ts";
import type { AdmissionRequest } from "../admission.ts";

/** What webhooks and policies say of the requests that they want. */
export interface RequestRules {
  readonly rules: readonly NamedRuleWithOperations[] | "all";
  readonly excluded?: readonly NamedRuleWithOperations[];
  readonly matchPolicy: string | undefined;
  readonly namespaceSelector: LabelSelector | undefined;
  readonly objectSelector: LabelSelector | undefined;
}

export interface MatchingOptions {
  readonly lookup: Lookup;
  readonly versions: ResourceVersions;
}

/** Configurations of admission are not themselves subject to it, so that a wrong one can always be taken away. */
export function isAdmissionConfiguration({ definition }: AdmissionRequest): boolean {
  return definition.group === "admissionregistration.k8s.io";
}

/** The resource as which the request is wanted, its own or an equivalent one; undefined when it is not wanted. */
export function wantedAs(
  request: AdmissionRequest,
  wanted: RequestRules,
  options: MatchingOptions,
): ResourceDefinition | undefined {
  const { rules } = wanted;
  const found = rules === "all" ? request.definition : resourceOf(request, rules, wanted.matchPolicy, options);
  if (!found || !matchesNamespace(request, wanted.namespaceSelector, options.lookup)) return undefined;
  if (!matchesObject(request, wanted.objectSelector)) return undefined;
  const { excluded = [] } = wanted;
  return excluded.length > 0 && resourceOf(request, excluded, wanted.matchPolicy, options) ? undefined : found;
}

function resourceOf(
  request: AdmissionRequest,
  rules: readonly NamedRuleWithOperations[],
  matchPolicy: string | undefined,
  { versions }: MatchingOptions,
): ResourceDefinition | undefined {
  const { definition } = request;
  if (rules.some((rule) => matchesRule(request, rule, definition))) return definition;
  if (matchPolicy === "Exact") return undefined;
  const others = versions.others(definition);
  if (others.length === 0) return undefined;
  for (const rule of rules) {
    const found = others.find((each) => matchesRule(request, rule, each));
    if (found) return found;
  }
  return undefined;
}

function matchesRule(request: AdmissionRequest, rule: NamedRuleWithOperations, as: ResourceDefinition): boolean {
  const { operations = [], apiGroups = [], apiVersions = [], resources = [], resourceNames = [], scope } = rule;
  return (
    hasOrAll(operations, request.operation) &&
    hasOrAll(apiGroups, as.group) &&
    hasOrAll(apiVersions, as.version) &&
    resources.some((each) => matchesResource(each, as.plural, request.subresource)) &&
    matchesScope(request, scope) &&
    (resourceNames.length === 0 || resourceNames.includes(request.name))
  );
}

function hasOrAll(values: readonly string[], value: string): boolean {
  return values.includes("*") || values.includes(value);
}

function matchesResource(wanted: string, plural: string, subresource: string): boolean {
  const [resource, sub = ""] = wanted.split("/", 2);
  return (resource === "*" || resource === plural) && (sub === "*" || sub === subresource);
}

/** A namespace is a cluster-scoped object, although requests to it carry its name as theirs. */
function matchesScope(request: AdmissionRequest, scope = "*"): boolean {
  if (scope === "*") return true;
  return (scope === "Namespaced") === (request.namespace !== "" && !isNamespace(request));
}

function isNamespace({ definition }: AdmissionRequest): boolean {
  return definition.group === "" && definition.plural === "namespaces";
}

/** The namespace that the request is in or about, as reviewers are told it; empty for other cluster-scoped objects. */
export function namespaceOf(request: AdmissionRequest): string {
  return isNamespace(request) ? request.name : request.namespace;
}

function matchesNamespace(request: AdmissionRequest, selector: LabelSelector | undefined, lookup: Lookup): boolean {
  if (!selector || isEmpty(selector)) return true;
  const name = namespaceOf(request);
  if (name === "") return true;
  const { operation, object } = request;
  if (isNamespace(request) && request.subresource === "" && operation !== "DELETE")
    return matchesLabelSelector(selector, object?.metadata.labels);
  const found = lookup.get(Namespaces, undefined, name);
  if (!found) throw notFound(Namespaces, name);
  return matchesLabelSelector(selector, found.metadata.labels);
}

function isEmpty({ matchLabels = {}, matchExpressions = [] }: LabelSelector): boolean {
  return Object.keys(matchLabels).length === 0 && matchExpressions.length === 0;
}

/** It is enough when the object as it was or as it will be is wanted, so that nobody escapes by changing labels. */
function matchesObject({ object, old }: AdmissionRequest, selector: LabelSelector | undefined): boolean {
  if (!selector || isEmpty(selector)) return true;
  // Bodies of some subresources have no metadata.
  const has = (each: Partial<Pick<KubeObject, "metadata">> | undefined) =>
    each?.metadata !== undefined && matchesLabelSelector(selector, each.metadata.labels);
  return has(object as KubeObject | undefined) || has(old);
}
