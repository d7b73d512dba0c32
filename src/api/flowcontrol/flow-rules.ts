// Which requests a flow schema is about: k8s.io/kubernetes/pkg/apis/flowcontrol/validation/validation.go.
import { append } from "../../lib/index.ts";
import { eachItem, invalidFor, requiredField } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, invalidValue, notSupported, type Path, required } from "../meta/field-error.ts";
import { nameIsDnsLabel, nameIsDnsSubdomain } from "../meta/names.ts";
import type {
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  ResourcePolicyRule,
  ServiceAccountSubject,
} from "../types.generated.ts";

const verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"];
const subjectKinds = ["Group", "ServiceAccount", "User"] as const;
/** The field that goes with each kind of subject. */
const subjectFields = { ServiceAccount: "serviceAccount", User: "user", Group: "group" } as const;

type Subject = PolicyRulesWithSubjects["subjects"][number];

export function validateFlowRule(rule: PolicyRulesWithSubjects, at: Path): FieldError[] {
  const { subjects = [], resourceRules = [], nonResourceRules = [] } = rule;
  const errors = requiredField(at.child("subjects"), subjects, "subjects must contain at least one value");
  append(errors, eachItem(at.child("subjects"), subjects, validateSubject));
  if (resourceRules.length === 0 && nonResourceRules.length === 0)
    errors.push(required(at, "at least one of resourceRules and nonResourceRules has to be non-empty"));
  return [
    ...errors,
    ...eachItem(at.child("resourceRules"), resourceRules, validateResourceRule),
    ...eachItem(at.child("nonResourceRules"), nonResourceRules, validateNonResourceRule),
  ];
}

function validateSubject(subject: Subject, at: Path): FieldError[] {
  const kind = subjectKinds.find((each) => each === subject.kind);
  if (!kind) return [notSupported(at.child("kind"), subject.kind ?? "", subjectKinds)];
  const field = subjectFields[kind];
  const place = at.child(field);
  const named = subject[field];
  const errors: FieldError[] = [];
  if (!named) errors.push(required(place, `${field} is required when subject kind is '${kind}'`));
  else if (field === "serviceAccount") append(errors, validateServiceAccount(subject.serviceAccount, place));
  else append(errors, requiredField(place.child("name"), named.name));
  for (const [otherKind, other] of Object.entries(subjectFields))
    if (other !== field && subject[other])
      errors.push(forbiddenField(at.child(other), `${other} is forbidden when subject kind is not '${otherKind}'`));
  return errors;
}

function validateServiceAccount({ name = "", namespace = "" }: Partial<ServiceAccountSubject> = {}, at: Path) {
  const errors = requiredField(at.child("name"), name);
  if (name !== "" && name !== "*") append(errors, invalidFor(at.child("name"), name, nameIsDnsSubdomain(name, false)));
  if (namespace === "") errors.push(required(at.child("namespace"), "must specify namespace for service account"));
  else append(errors, invalidFor(at.child("namespace"), namespace, nameIsDnsLabel(namespace, false)));
  return errors;
}

/** A list that has something in it, and where a wildcard stands alone. */
function validateNames(names: readonly string[], missing: string, others: string, at: Path): FieldError[] {
  if (names.length === 0) return [required(at, missing)];
  return names.length > 1 && names.includes("*")
    ? [invalidValue(at, names, `if '*' is present, must not specify other ${others}`)]
    : [];
}

function validateVerbs(named: readonly string[], at: Path): FieldError[] {
  const errors = validateNames(named, "verbs must contain at least one value", "verbs", at);
  if (!named.includes("*") && named.some((verb) => !verbs.includes(verb))) errors.push(notSupported(at, named, verbs));
  return errors;
}

function validateResourceRule(rule: ResourcePolicyRule, at: Path): FieldError[] {
  const { verbs: named = [], apiGroups = [], resources = [], clusterScope = false } = rule;
  const namespaces = rule.namespaces ?? [];
  const namespacesAt = at.child("namespaces");
  const errors = [
    ...validateVerbs(named, at.child("verbs")),
    ...validateNames(
      apiGroups,
      "resource rules must supply at least one api group",
      "api groups",
      at.child("apiGroups"),
    ),
    ...validateNames(resources, "resource rules must supply at least one resource", "resources", at.child("resources")),
  ];
  if (namespaces.length > 0 || !clusterScope)
    append(
      errors,
      validateNames(
        namespaces,
        "resource rules that are not cluster scoped must supply at least one namespace",
        "namespaces",
        namespacesAt,
      ),
    );
  if (namespaces.includes("*")) return errors;
  const namespaceErrors = eachItem(namespacesAt, namespaces, (namespace, place) =>
    nameIsDnsLabel(namespace, false).map((message) =>
      invalidValue(place, namespace, `each member of this list must be '*' or a DNS-1123 label; ${message}`),
    ),
  );
  return [...errors, ...namespaceErrors];
}

function validateNonResourceRule({ verbs: named = [], nonResourceURLs: urls = [] }: NonResourcePolicyRule, at: Path) {
  const urlsAt = at.child("nonResourceURLs");
  return [
    ...validateVerbs(named, at.child("verbs")),
    ...validateNames(urls, "nonResourceURLs must contain at least one value", "non-resource URLs", urlsAt),
    ...(urls.includes("*") ? [] : eachItem(urlsAt, urls, validateUrl)),
  ];
}

function validateUrl(url: string, at: Path): FieldError[] {
  if (url === "/") return [];
  const wildcards = url.split("*").length - 1;
  if (url === "") return [invalidValue(at, url, "must not be empty")];
  if (!url.startsWith("/")) return [invalidValue(at, url, "must start with slash")];
  if (url.includes(" ")) return [invalidValue(at, url, "must not contain white-space")];
  if (url.includes("//")) return [invalidValue(at, url, "must not contain double slash")];
  if (wildcards > 1 || (wildcards === 1 && !url.endsWith("/*")))
    return [invalidValue(at, url, "wildcard can only do suffix matching")];
  return [];
}
