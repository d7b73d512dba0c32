// What one RBAC rule allows: pkg/apis/rbac/v1/evaluation_helpers.go says how Kubernetes compares.

import type { PolicyRule } from "../../api/index.ts";
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
