// What one RBAC rule allows: pkg/apis/rbac/v1/evaluation_helpers.go says how Kubernetes compares.

import type { PolicyRule } from "../../api/index.ts";
import { append } from "../../lib/index.ts";
import type { Attributes } from "./authorizer.ts";

/** Whether one of the rules allows it. */
export function rulesAllow(rules: readonly PolicyRule[], attributes: Attributes): boolean {
  for (const rule of rules) if (ruleAllows(rule, attributes)) return true;
  return false;
}

function ruleAllows(rule: PolicyRule, { verb, resource, path }: Attributes): boolean {
  if (!includes(rule.verbs, verb)) return false;
  if (resource) {
    return (
      includes(rule.apiGroups, resource.group) &&
      resourceMatches(rule.resources, resource.plural, resource.subresource) &&
      nameMatches(rule.resourceNames, resource.name)
    );
  }
  return pathMatches(rule.nonResourceURLs, path ?? "");
}

/** Whether the list names the value or everything. */
function includes(list: readonly string[] | undefined, value: string): boolean {
  if (list === undefined) return false;
  for (const each of list) if (each === value || each === "*") return true;
  return false;
}

/** `pods`, `pods/log`, `*` (all with their subresources) and `*\/scale` (that subresource of all). */
function resourceMatches(list: readonly string[] | undefined, plural: string, subresource: string): boolean {
  if (list === undefined) return false;
  const whole = subresource === "" ? plural : `${plural}/${subresource}`;
  for (const each of list) {
    if (each === "*" || each === whole) return true;
    if (subresource !== "" && each.startsWith("*/") && each.slice(2) === subresource) return true;
  }
  return false;
}

function nameMatches(list: readonly string[] | undefined, name: string): boolean {
  return list === undefined || list.length === 0 || list.includes(name);
}

function pathMatches(list: readonly string[] | undefined, path: string): boolean {
  if (list === undefined) return false;
  for (const each of list) {
    if (each === "*" || each === path) return true;
    if (each.endsWith("*") && path.startsWith(each.replace(/\*+$/, ""))) return true;
  }
  return false;
}

/** The rules among `wanted`, each cut down to a single right, that `owned` does not hold: what granting them would add. */
export function uncoveredRules(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap(singleRights).filter((right) => !owned.some((rule) => covers(rule, right)));
}

/** A rule as rules with one verb, one group, one resource and one name, or one verb and one path, each. */
function singleRights(rule: PolicyRule): PolicyRule[] {
  const rights: PolicyRule[] = [];
  for (const apiGroup of rule.apiGroups ?? [])
    for (const resource of rule.resources ?? [])
      for (const verb of rule.verbs) {
        const right = { verbs: [verb], apiGroups: [apiGroup], resources: [resource] };
        const names = rule.resourceNames ?? [];
        if (names.length === 0) rights.push(right);
        else
          append(
            rights,
            names.map((name) => ({ ...right, resourceNames: [name] })),
          );
      }
  for (const url of rule.nonResourceURLs ?? [])
    for (const verb of rule.verbs) rights.push({ verbs: [verb], nonResourceURLs: [url] });
  return rights;
}

/** Whether a rule holds a single right. A right with wildcards is only held by a rule with wildcards. */
function covers(rule: PolicyRule, right: PolicyRule): boolean {
  if (!includes(rule.verbs, right.verbs[0] as string)) return false;
  const url = right.nonResourceURLs?.[0];
  if (url !== undefined) return pathMatches(rule.nonResourceURLs, url);
  const [plural = "", subresource = ""] = splitResource(right.resources?.[0] ?? "");
  const name = right.resourceNames?.[0];
  const names = rule.resourceNames ?? [];
  return (
    includes(rule.apiGroups, right.apiGroups?.[0] ?? "") &&
    resourceMatches(rule.resources, plural, subresource) &&
    (names.length === 0 || (name !== undefined && names.includes(name)))
  );
}

function splitResource(resource: string): string[] {
  const slash = resource.indexOf("/");
  return slash < 0 ? [resource] : [resource.slice(0, slash), resource.slice(slash + 1)];
}

/** Single rights with those that differ only in their verb put together, as messages show them. */
export function compactRights(rights: readonly PolicyRule[]): PolicyRule[] {
  const compact = new Map<string, PolicyRule>();
  for (const right of rights) {
    const { apiGroups, resources, resourceNames, nonResourceURLs } = right;
    const key = nonResourceURLs ? describeRule(right) : JSON.stringify([apiGroups, resources, resourceNames]);
    const same = compact.get(key);
    compact.set(key, same ? { ...same, verbs: [...same.verbs, ...right.verbs] } : right);
  }
  return [...compact.values()];
}

/** A rule as Kubernetes prints it in messages: `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`. */
export function describeRule(rule: PolicyRule): string {
  const quoted = (list: readonly string[]) => `[${list.map((each) => JSON.stringify(each)).join(" ")}]`;
  const parts = [
    ["APIGroups", rule.apiGroups],
    ["Resources", rule.resources],
    ["NonResourceURLs", rule.nonResourceURLs],
    ["ResourceNames", rule.resourceNames],
    ["Verbs", rule.verbs],
  ] as const;
  const shown = parts.flatMap(([name, list]) => (list && list.length > 0 ? [`${name}:${quoted(list)}`] : []));
  return `{${shown.join(", ")}}`;
}
