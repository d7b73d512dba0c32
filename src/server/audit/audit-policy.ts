// Policy of audit.k8s.io: https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/#audit-policy
// Rules match as in k8s.io/apiserver/pkg/audit/policy/checker.go.
import {
  type Fields,
  forbiddenField,
  invalidValue,
  notSupported,
  type Path,
  readConfiguration,
  required,
  type User,
} from "../../api/index.ts";

const levels = ["None", "Metadata", "Request", "RequestResponse"] as const;
const stages = ["RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"] as const;

/** How much is written of a request. */
export type AuditLevel = (typeof levels)[number];
/** When it is written. */
export type AuditStage = (typeof stages)[number];

/** A request as rules see it. */
export interface AuditedRequest {
  readonly user: User | undefined;
  readonly verb: string;
  /** Set for requests to resources. */
  readonly resource?: {
    readonly group: string;
    readonly plural: string;
    readonly subresource: string;
    readonly namespace: string;
    readonly name: string;
  };
  /** Of every other request. */
  readonly path: string;
}

/** What is to be written of a request. */
export interface AuditScope {
  readonly level: AuditLevel;
  readonly omitStages: ReadonlySet<AuditStage>;
  readonly omitManagedFields: boolean;
}

export interface AuditPolicy {
  scopeOf(request: AuditedRequest): AuditScope;
}

interface GroupResources {
  readonly group: string;
  readonly resources: readonly string[];
  readonly names: readonly string[];
}

interface Rule extends AuditScope {
  readonly users: readonly string[];
  readonly groups: readonly string[];
  readonly verbs: readonly string[];
  readonly namespaces: readonly string[];
  readonly resources: readonly GroupResources[];
  readonly paths: readonly string[];
}

const nothing: AuditScope = { level: "None", omitStages: new Set(), omitManagedFields: false };

/** Throws an Error that says all that is wrong. */
export function readAuditPolicy(value: unknown): AuditPolicy {
  const read = (fields: Fields) => {
    const omitStages = readStages(fields);
    const omitManagedFields = fields.flag("omitManagedFields") ?? false;
    const metadata = fields.object("metadata");
    metadata?.optionalText("name");
    const list = fields.objects("rules");
    if (list.length === 0) fields.errors.add(required(fields.at.child("rules")));
    return list.map((each) => readRule(each, { level: "None", omitStages, omitManagedFields }));
  };
  const rules = readConfiguration(value, "Policy", read, "audit.k8s.io");
  return { scopeOf: (request) => rules.find((rule) => matches(rule, request)) ?? nothing };
}

function readStages(fields: Fields): ReadonlySet<AuditStage> {
  const known = new Set<AuditStage>();
  fields.texts("omitStages").forEach((text, index) => {
    const stage = stages.find((each) => each === text);
    if (stage) known.add(stage);
    else fields.errors.add(notSupported(fields.at.child("omitStages").index(index), text, stages));
  });
  return known;
}

function readRule(fields: Fields, policy: AuditScope): Rule {
  const { errors, at } = fields;
  const text = fields.text("level");
  const level = levels.find((each) => each === text);
  if (!level) errors.add(text === "" ? required(at.child("level")) : notSupported(at.child("level"), text, levels));
  const rule: Rule = {
    level: level ?? "None",
    omitStages: readStages(fields).union(policy.omitStages),
    omitManagedFields: fields.flag("omitManagedFields") ?? policy.omitManagedFields,
    users: fields.texts("users"),
    groups: fields.texts("userGroups"),
    verbs: fields.texts("verbs"),
    namespaces: fields.texts("namespaces"),
    resources: fields.objects("resources").map(readResources),
    paths: fields.texts("nonResourceURLs"),
  };
  fields.done();
  if (rule.paths.length > 0 && (rule.resources.length > 0 || rule.namespaces.length > 0))
    errors.add(
      forbiddenField(at.child("nonResourceURLs"), "rules cannot apply to both regular resources and non-resource URLs"),
    );
  for (const [index, path] of rule.paths.entries()) checkPath(path, at.child("nonResourceURLs").index(index), fields);
  return rule;
}

function checkPath(path: string, at: Path, { errors }: Fields): void {
  if (path === "*") return;
  if (!path.startsWith("/"))
    errors.add(invalidValue(at, path, 'non-resource URL rules must begin with a "/" character'));
  if (path.slice(0, -1).includes("*"))
    errors.add(invalidValue(at, path, "non-resource URL wildcards '*' must be the final character of the rule"));
}

function readResources(fields: Fields): GroupResources {
  const read = {
    group: fields.text("group"),
    resources: fields.texts("resources"),
    names: fields.texts("resourceNames"),
  };
  fields.done();
  if (read.group.includes("/"))
    fields.errors.add(invalidValue(fields.at.child("group"), read.group, "must not contain a version"));
  if (read.names.length > 0 && read.resources.length === 0)
    fields.errors.add(
      invalidValue(fields.at.child("resourceNames"), read.names, "using resourceNames requires at least one resource"),
    );
  return read;
}

function matches(rule: Rule, { user, verb, resource, path }: AuditedRequest): boolean {
  if (rule.users.length > 0 && !rule.users.includes(user?.name ?? "")) return false;
  if (rule.groups.length > 0 && !rule.groups.some((each) => user?.groups.includes(each))) return false;
  if (rule.verbs.length > 0 && !rule.verbs.includes(verb)) return false;
  if (rule.namespaces.length > 0 || rule.resources.length > 0) {
    if (!resource) return false;
    if (rule.namespaces.length > 0 && !rule.namespaces.includes(resource.namespace)) return false;
    return rule.resources.length === 0 || rule.resources.some((each) => isAmong(each, resource));
  }
  if (rule.paths.length === 0) return true;
  return (
    !resource && rule.paths.some((each) => (each.endsWith("*") ? path.startsWith(each.slice(0, -1)) : each === path))
  );
}

function isAmong(
  { group, resources, names }: GroupResources,
  resource: NonNullable<AuditedRequest["resource"]>,
): boolean {
  if (group !== resource.group) return false;
  if (resources.length === 0) return true;
  if (names.length > 0 && !names.includes(resource.name)) return false;
  const { plural, subresource } = resource;
  const own = subresource === "" ? [plural] : [`${plural}/${subresource}`, `${plural}/*`, `*/${subresource}`];
  return resources.some((each) => each === "*" || own.includes(each));
}
