import {
  ClusterRoleBindings,
  ClusterRoles,
  type PolicyRule,
  type RbacSubject,
  RoleBindings,
  type RoleRef,
  Roles,
  type User,
} from "../../api/index.ts";
import { append } from "../../lib/index.ts";
import type { Revision } from "../../storage/index.ts";
import type { Lookup } from "../lookup.ts";
import type { Attributes, Authorizer, Decision } from "./authorizer.ts";
import { rulesAllow } from "./policy-rule.ts";

/** Which rules a user holds. */
export interface RuleResolver {
  /** The rules that hold in `namespace` (those of cluster bindings among them); with "" only those of cluster bindings. */
  rulesFor(user: User, namespace: string): ResolvedRules;
  /** The rules that a roleRef of a binding in `namespace` stands for; undefined when the role does not exist. */
  rulesOf(roleRef: RoleRef, namespace: string): readonly PolicyRule[] | undefined;
}

export interface ResolvedRules {
  readonly rules: readonly PolicyRule[];
  /** What went wrong, such as roles that do not exist; the rules may be incomplete. */
  readonly errors: readonly string[];
}

/** One subject of one binding: what is filed under the subject. */
class Grant {
  readonly roleRef: RoleRef;
  /** "" for a ClusterRoleBinding. */
  readonly namespace: string;
  readonly bindingName: string;
  readonly subject: RbacSubject;
  #allowed: Decision | undefined;

  constructor(roleRef: RoleRef, namespace: string, bindingName: string, subject: RbacSubject) {
    this.roleRef = roleRef;
    this.namespace = namespace;
    this.bindingName = bindingName;
    this.subject = subject;
  }

  /** The decision about what its role allows. */
  get allowed(): Decision {
    this.#allowed ??= { allowed: true, reason: `RBAC: allowed by ${describe(this)}` };
    return this.#allowed;
  }
}

/** Grants by whom they are for: users (service accounts under their user names) and groups. */
interface Subjects {
  readonly users: Map<string, Grant[]>;
  readonly groups: Map<string, Grant[]>;
  /** What those that asked before were found to hold. */
  readonly held: WeakMap<User, readonly Grant[]>;
}

/** What the bindings of a namespace gave when one was changed last anywhere. */
interface NamespaceSubjects {
  readonly asOf: Revision;
  readonly subjects: Subjects;
}

/** Namespaces that are remembered; forgetting costs only filing their bindings again. */
const namespacesMax = 10_000;

/**
 * Kubernetes' RBAC over the roles and bindings that are stored now. After a change of a binding those of a namespace are
 * filed by subject when it is asked about; a check then costs a few map accesses and the comparison of the rules that the
 * user really holds.
 */
export class RbacAuthorizer implements Authorizer, RuleResolver {
  #lookup: Lookup;
  #cluster: Subjects = emptySubjects();
  #clusterChange = -1;
  readonly #byNamespace = new Map<string, NamespaceSubjects>();

  constructor(lookup: Lookup) {
    this.#lookup = lookup;
  }

  authorize(attributes: Attributes): Decision {
    const namespace = attributes.resource?.namespace ?? "";
    const errors: string[] = [];
    for (const grants of this.#grants(attributes.user, namespace)) {
      for (const grant of grants) {
        const rules = this.rulesOf(grant.roleRef, grant.namespace);
        if (!rules) errors.push(missingRole(grant.roleRef));
        else if (rulesAllow(rules, attributes)) return grant.allowed;
      }
    }
    return { allowed: false, reason: errors.length === 0 ? "" : `RBAC: ${aggregate(errors)}` };
  }

  rulesFor(user: User, namespace: string): ResolvedRules {
    const rules: PolicyRule[] = [];
    const errors: string[] = [];
    for (const grant of this.#grants(user, namespace).flat()) {
      const held = this.rulesOf(grant.roleRef, grant.namespace);
      if (held) append(rules, held);
      else errors.push(missingRole(grant.roleRef));
    }
    return { rules, errors };
  }

  rulesOf(roleRef: RoleRef, namespace: string): readonly PolicyRule[] | undefined {
    if (roleRef.kind === "ClusterRole") {
      const role = this.#lookup.get(ClusterRoles, undefined, roleRef.name);
      return role && (role.rules ?? []);
    }
    if (roleRef.kind === "Role" && namespace !== "") {
      const role = this.#lookup.get(Roles, namespace, roleRef.name);
      return role && (role.rules ?? []);
    }
    return undefined;
  }

  /** What cluster bindings give the user, and what those of the namespace do. */
  #grants(user: User, namespace: string): (readonly Grant[])[] {
    const ofCluster = grantsTo(user, this.#clusterSubjects());
    const subjects = namespace === "" ? undefined : this.#namespaceSubjects(namespace);
    return subjects ? [ofCluster, grantsTo(user, subjects)] : [ofCluster];
  }

  #clusterSubjects(): Subjects {
    const change = this.#lookup.lastChange(ClusterRoleBindings);
    if (change !== this.#clusterChange) {
      this.#cluster = emptySubjects();
      for (const { metadata, roleRef, subjects } of this.#lookup.list(ClusterRoleBindings))
        for (const subject of subjects ?? []) file(this.#cluster, new Grant(roleRef, "", metadata.name, subject));
      this.#clusterChange = change;
    }
    return this.#cluster;
  }

  #namespaceSubjects(namespace: string): Subjects | undefined {
    const asOf = this.#lookup.lastChange(RoleBindings);
    const kept = this.#byNamespace.get(namespace);
    if (kept?.asOf === asOf) return kept.subjects;
    this.#byNamespace.delete(namespace);
    const bindings = this.#lookup.list(RoleBindings, namespace);
    if (bindings.length === 0) return undefined;
    const filed = emptySubjects();
    for (const { metadata, roleRef, subjects } of bindings)
      for (const subject of subjects ?? []) file(filed, new Grant(roleRef, namespace, metadata.name, subject));
    if (this.#byNamespace.size >= namespacesMax) this.#byNamespace.clear();
    this.#byNamespace.set(namespace, { asOf, subjects: filed });
    return filed;
  }
}

const emptySubjects = (): Subjects => ({ users: new Map(), groups: new Map(), held: new WeakMap() });

function file(subjects: Subjects, grant: Grant): void {
  const { subject } = grant;
  const add = (map: Map<string, Grant[]>, name: string) => {
    const list = map.get(name);
    if (list) list.push(grant);
    else map.set(name, [grant]);
  };
  if (subject.kind === "User") add(subjects.users, subject.name);
  else if (subject.kind === "Group") add(subjects.groups, subject.name);
  else if (subject.kind === "ServiceAccount") {
    const namespace = subject.namespace ?? grant.namespace;
    if (namespace !== "") add(subjects.users, `system:serviceaccount:${namespace}:${subject.name}`);
  }
}

/** Authenticators give the same object for the same credentials again. */
function grantsTo(user: User, { users, groups, held }: Subjects): readonly Grant[] {
  let grants = held.get(user);
  if (!grants) {
    grants = [...(users.get(user.name) ?? []), ...user.groups.flatMap((group) => groups.get(group) ?? [])];
    held.set(user, grants);
  }
  return grants;
}

function describe({ roleRef, namespace, bindingName, subject }: Grant): string {
  const binding =
    namespace === "" ? `ClusterRoleBinding "${bindingName}"` : `RoleBinding "${bindingName}/${namespace}"`;
  const who =
    subject.kind === "ServiceAccount"
      ? `ServiceAccount "${subject.name}/${subject.namespace ?? namespace}"`
      : `${subject.kind} "${subject.name}"`;
  return `${binding} of ${roleRef.kind} "${roleRef.name}" to ${who}`;
}

function missingRole(roleRef: RoleRef): string {
  const plural = roleRef.kind === "Role" ? "role" : "clusterrole";
  return `${plural}.rbac.authorization.k8s.io "${roleRef.name}" not found`;
}

/** Several errors in one sentence, each once, as k8s.io/apimachinery/pkg/util/errors joins them. */
export function aggregate(errors: readonly string[]): string {
  const distinct = [...new Set(errors)];
  return distinct.length === 1 ? (distinct[0] as string) : `[${distinct.join(", ")}]`;
}
