import assert from "node:assert/strict";
import { test } from "node:test";
import { cpuMs } from "../../../test/cpu-time.ts";
import {
  type ClusterRole,
  ClusterRoleBindings,
  ClusterRoles,
  type NewObject,
  type PolicyRule,
  type RbacSubject,
  RoleBindings,
  Roles,
  type User,
} from "../../api/index.ts";
import { seededRandom } from "../../lib/index.ts";
import { ObjectLookup } from "../lookup-of-objects.ts";
import type { Attributes } from "./authorizer.ts";
import { compactRights, describeRule } from "./policy-rule.ts";
import { RbacAuthorizer } from "./rbac.ts";
import { TooManyRules, uncoveredRules } from "./uncovered-rules.ts";
import { allowGroup, forbiddenError, unionAuthorizer } from "./union.ts";

const apiGroup = "rbac.authorization.k8s.io";
const jane: User = { name: "jane", groups: ["dev", "system:authenticated"] };

function clusterRole(name: string, rules: readonly PolicyRule[]): NewObject<ClusterRole> {
  return { metadata: { name }, rules };
}

function bindCluster(lookup: ObjectLookup, role: string, subject: RbacSubject): ObjectLookup {
  return lookup.put(ClusterRoleBindings, {
    metadata: { name: `${role}-binding` },
    roleRef: { apiGroup, kind: "ClusterRole", name: role },
    subjects: [subject],
  });
}

function bind(lookup: ObjectLookup, namespace: string, kind: string, role: string, subject: RbacSubject): ObjectLookup {
  return lookup.put(RoleBindings, {
    metadata: { name: `${role}-binding`, namespace },
    roleRef: { apiGroup, kind, name: role },
    subjects: [subject],
  });
}

function ask(user: User, verb: string, what: string, namespace = "", name = ""): Attributes {
  if (what.startsWith("/")) return { user, verb, path: what };
  const [qualified = "", subresource = ""] = what.split("/");
  const [plural = "", ...group] = qualified.split(".");
  return { user, verb, resource: { group: group.join("."), version: "v1", plural, subresource, namespace, name } };
}

const userJane: RbacSubject = { kind: "User", name: "jane" };

test("rules match verbs, groups, resources, subresources and names as Kubernetes does", () => {
  const cases: readonly [PolicyRule, string, string, string, boolean][] = [
    [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }, "get", "pods", "", true],
    [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }, "list", "pods", "", false],
    [{ verbs: ["*"], apiGroups: [""], resources: ["pods"] }, "anything", "pods", "", true],
    [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }, "get", "pods/log", "", false],
    [{ verbs: ["get"], apiGroups: [""], resources: ["pods/log"] }, "get", "pods/log", "", true],
    [{ verbs: ["get"], apiGroups: [""], resources: ["pods/log"] }, "get", "pods", "", false],
    [{ verbs: ["get"], apiGroups: [""], resources: ["pods/*"] }, "get", "pods/log", "", false],
    [{ verbs: ["get"], apiGroups: ["*"], resources: ["*/scale"] }, "get", "deployments.apps/scale", "", true],
    [{ verbs: ["get"], apiGroups: ["*"], resources: ["*/scale"] }, "get", "deployments.apps/status", "", false],
    [{ verbs: ["get"], apiGroups: ["*"], resources: ["*/scale"] }, "get", "deployments.apps", "", false],
    [{ verbs: ["get"], apiGroups: [""], resources: ["*"] }, "get", "pods/exec", "", true],
    [{ verbs: ["get"], apiGroups: ["apps"], resources: ["*"] }, "get", "pods", "", false],
    [{ verbs: ["get"], apiGroups: [""], resources: ["pods"], resourceNames: ["a"] }, "get", "pods", "a", true],
    [{ verbs: ["get"], apiGroups: [""], resources: ["pods"], resourceNames: ["a"] }, "get", "pods", "b", false],
    [{ verbs: ["list"], apiGroups: [""], resources: ["pods"], resourceNames: ["a"] }, "list", "pods", "", false],
    [{ verbs: ["get"], nonResourceURLs: ["/healthz"] }, "get", "/healthz", "", true],
    [{ verbs: ["get"], nonResourceURLs: ["/healthz"] }, "get", "/healthz/ping", "", false],
    [{ verbs: ["get"], nonResourceURLs: ["/healthz/*"] }, "get", "/healthz/ping", "", true],
    [{ verbs: ["get"], nonResourceURLs: ["/healthz*"] }, "get", "/healthz", "", true],
    [{ verbs: ["get"], nonResourceURLs: ["*"] }, "get", "/anything", "", true],
    [{ verbs: ["get"], apiGroups: ["*"], resources: ["*"] }, "get", "/healthz", "", false],
    [{ verbs: ["get"], nonResourceURLs: ["*"] }, "get", "pods", "", false],
  ];
  for (const [rule, verb, what, name, expected] of cases) {
    const lookup = bindCluster(new ObjectLookup().put(ClusterRoles, clusterRole("r", [rule])), "r", userJane);
    const { allowed } = new RbacAuthorizer(lookup).authorize(ask(jane, verb, what, "", name));
    assert.equal(allowed, expected, `${describeRule(rule)} for ${verb} ${what} ${name}`);
  }
});

test("a role binding grants a cluster role in its own namespace only", () => {
  const lookup = new ObjectLookup().put(
    ClusterRoles,
    clusterRole("reader", [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }]),
  );
  bind(lookup, "green", "ClusterRole", "reader", { kind: "Group", name: "dev" });
  const rbac = new RbacAuthorizer(lookup);
  assert.deepEqual(rbac.authorize(ask(jane, "get", "pods", "green")), {
    allowed: true,
    reason: 'RBAC: allowed by RoleBinding "reader-binding/green" of ClusterRole "reader" to Group "dev"',
  });
  assert.deepEqual(rbac.authorize(ask(jane, "get", "pods", "blue")), { allowed: false, reason: "" });
  assert.equal(rbac.authorize(ask(jane, "get", "pods")).allowed, false);
});

test("a service account is its namespace and name; the binding's namespace when the subject gives none", () => {
  const lookup = new ObjectLookup().put(Roles, {
    metadata: { name: "r", namespace: "green" },
    rules: [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }],
  });
  bind(lookup, "green", "Role", "r", { kind: "ServiceAccount", name: "builder" });
  const rbac = new RbacAuthorizer(lookup);
  const account = (namespace: string): User => ({ name: `system:serviceaccount:${namespace}:builder`, groups: [] });
  assert.deepEqual(rbac.authorize(ask(account("green"), "get", "pods", "green")), {
    allowed: true,
    reason: 'RBAC: allowed by RoleBinding "r-binding/green" of Role "r" to ServiceAccount "builder/green"',
  });
  assert.equal(rbac.authorize(ask(account("blue"), "get", "pods", "green")).allowed, false);
});

test("changes of roles and bindings count from the next check", () => {
  const lookup = new ObjectLookup();
  const rbac = new RbacAuthorizer(lookup);
  const question = ask(jane, "get", "pods");
  assert.equal(rbac.authorize(question).allowed, false);
  bindCluster(lookup, "reader", userJane);
  assert.deepEqual(rbac.authorize(question), {
    allowed: false,
    reason: 'RBAC: clusterrole.rbac.authorization.k8s.io "reader" not found',
  });
  lookup.put(ClusterRoles, clusterRole("reader", [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }]));
  assert.equal(rbac.authorize(question).allowed, true);
  lookup.put(ClusterRoles, clusterRole("reader", []));
  assert.equal(rbac.authorize(question).allowed, false);
  lookup.put(ClusterRoles, clusterRole("reader", [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }]));
  lookup.remove(ClusterRoleBindings, undefined, "reader-binding");
  assert.equal(rbac.authorize(question).allowed, false);
});

test("a Role of another namespace is not reached through a binding", () => {
  const lookup = new ObjectLookup().put(Roles, {
    metadata: { name: "r", namespace: "green" },
    rules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }],
  });
  bind(lookup, "blue", "Role", "r", userJane);
  bindCluster(lookup, "r", userJane);
  const rbac = new RbacAuthorizer(lookup);
  assert.equal(rbac.authorize(ask(jane, "get", "pods", "blue")).allowed, false);
  assert.equal(rbac.authorize(ask(jane, "get", "pods", "green")).allowed, false);
});

test("members of system:masters may do everything without any role", async () => {
  const authorizer = unionAuthorizer(allowGroup("system:masters"), new RbacAuthorizer(new ObjectLookup()));
  const root: User = { name: "root", groups: ["system:masters"] };
  assert.equal((await authorizer.authorize(ask(root, "delete", "nodes"))).allowed, true);
  assert.equal((await authorizer.authorize(ask(jane, "delete", "nodes"))).allowed, false);
});

test("the refusal reads as Kubernetes words it", () => {
  const status = (attributes: Attributes, reason = "") => forbiddenError(attributes, reason).status;
  assert.equal(
    status(ask(jane, "get", "pods", "green", "web")).message,
    'pods "web" is forbidden: User "jane" cannot get resource "pods" in API group "" in the namespace "green"',
  );
  assert.equal(
    status(ask(jane, "list", "deployments.apps/scale"), "RBAC: x").message,
    'deployments.apps is forbidden: User "jane" cannot list resource "deployments/scale" in API group "apps" at the cluster scope: RBAC: x',
  );
  const path = status(ask(jane, "get", "/metrics"));
  assert.equal(path.message, 'forbidden: User "jane" cannot get path "/metrics"');
  assert.equal(path.code, 403);
});

test("what somebody may not grant is what none of their rules holds", () => {
  const owned: PolicyRule[] = [
    { verbs: ["get", "list"], apiGroups: [""], resources: ["pods", "secrets"] },
    { verbs: ["*"], apiGroups: ["apps"], resources: ["*"] },
    { verbs: ["get"], apiGroups: [""], resources: ["configmaps"], resourceNames: ["a"] },
    { verbs: ["get"], nonResourceURLs: ["/api/*"] },
    { verbs: ["update"], apiGroups: ["*"], resources: ["*/scale"] },
  ];
  const missing = (wanted: PolicyRule) => compactRights(uncoveredRules(owned, [wanted])).map(describeRule);
  assert.deepEqual(missing({ verbs: ["get", "list"], apiGroups: [""], resources: ["pods"] }), []);
  assert.deepEqual(missing({ verbs: ["delete", "patch"], apiGroups: ["apps"], resources: ["deployments/scale"] }), []);
  assert.deepEqual(missing({ verbs: ["update"], apiGroups: ["batch"], resources: ["jobs/scale"] }), []);
  assert.deepEqual(missing({ verbs: ["get"], nonResourceURLs: ["/api/v1", "/api/*"] }), []);
  assert.deepEqual(missing({ verbs: ["get"], apiGroups: [""], resources: ["pods"], resourceNames: ["x"] }), []);
  assert.deepEqual(missing({ verbs: ["get", "watch", "delete"], apiGroups: [""], resources: ["pods"] }), [
    '{APIGroups:[""], Resources:["pods"], Verbs:["watch" "delete"]}',
  ]);
  assert.deepEqual(missing({ verbs: ["*"], apiGroups: [""], resources: ["pods"] }), [
    '{APIGroups:[""], Resources:["pods"], Verbs:["*"]}',
  ]);
  assert.deepEqual(missing({ verbs: ["get"], apiGroups: [""], resources: ["configmaps"] }), [
    '{APIGroups:[""], Resources:["configmaps"], Verbs:["get"]}',
  ]);
  assert.deepEqual(missing({ verbs: ["get"], nonResourceURLs: ["*"] }), ['{NonResourceURLs:["*"], Verbs:["get"]}']);
});

test("a rule of many rights is looked through in no time, whether they are held or not", async () => {
  const many = (prefix: string) => Array.from({ length: 1000 }, (_, index) => `${prefix}${index}`);
  const wanted: PolicyRule[] = [{ verbs: many("v"), apiGroups: many("g"), resources: many("r") }];
  const star: PolicyRule = { verbs: ["*"], apiGroups: ["*"], resources: ["*"] };
  const each = many("").map((n) => ({ verbs: [`v${n}`], apiGroups: [`g${n}`], resources: [`r${n}`] }));
  // Two rules that hold everything together, of which neither does.
  const halves = [
    { ...star, verbs: many("v").slice(0, 500) },
    { ...star, verbs: many("v").slice(500) },
  ];
  for (const [owned, isHeld] of [
    [[], false],
    [[star], true],
    [[...each, star], true],
    [halves, true],
    [halves.slice(1), false],
    [each, false],
  ] as const) {
    let missing: readonly PolicyRule[] = [];
    const ms = await cpuMs(() => {
      missing = uncoveredRules(owned, wanted);
    });
    assert.equal(missing.length === 0, isHeld);
    assert.ok(ms < 3000, `${ms} ms`);
  }
});

test("a thousand narrow rules are compared with a thousand others in no time", async () => {
  const range = (length: number, from = 0) => Array.from({ length }, (_, index) => from + index);
  const narrow = (count: number, names: boolean) =>
    range(count).map(
      (n): PolicyRule => ({
        verbs: ["get"],
        apiGroups: [""],
        resources: [names ? "secrets" : `r${n}`],
        ...(names ? { resourceNames: [`n${n}`] } : {}),
      }),
    );
  const paths = (count: number) =>
    range(count).map((n): PolicyRule => ({ verbs: ["get"], nonResourceURLs: [`/p${n}/*`] }));
  // Any pair of a group and a resource is held, and no rule holds many of them.
  const blocks = range(1000).map(
    (n): PolicyRule => ({
      verbs: ["get"],
      apiGroups: range(40, 40 * Math.floor(n / 32)).map((each) => `g${each}`),
      resources: range(40, 40 * (n % 32)).map((each) => `r${each}`),
    }),
  );
  const all: PolicyRule = {
    verbs: ["get"],
    apiGroups: range(1240).map((n) => `g${n}`),
    resources: range(1240).map((n) => `r${n}`),
  };
  for (const [owned, wanted, missing] of [
    [narrow(1000, false), narrow(1000, false), 0],
    [narrow(3000, true), narrow(3000, true), 0],
    [narrow(3000, true), narrow(3010, true), 10],
    [narrow(1000, true), narrow(1000, false), 1000],
    [paths(1000), paths(1001), 1],
    [blocks, [all], 0],
  ] as const) {
    let found = -1;
    const ms = await cpuMs(() => {
      found = uncoveredRules(owned, wanted).length;
    });
    assert.equal(found, missing);
    assert.ok(ms < 1500, `${ms} ms`);
  }
});

test("rules that nobody can compare are too many, after a bounded time", async () => {
  const random = seededRandom(1);
  const some = (prefix: string) =>
    Array.from({ length: 400 }, (_, index) => `${prefix}${index}`).filter(() => random.next() < 0.5);
  const owned = Array.from(
    { length: 300 },
    (): PolicyRule => ({ verbs: some("v"), apiGroups: some("g"), resources: some("r") }),
  );
  const every = (prefix: string) => Array.from({ length: 400 }, (_, index) => `${prefix}${index}`);
  const wanted: PolicyRule = { verbs: every("v"), apiGroups: every("g"), resources: every("r") };
  const ms = await cpuMs(() => assert.throws(() => uncoveredRules(owned, [wanted]), TooManyRules));
  assert.ok(ms < 5000, `${ms} ms`);
});

test("a binding that changes has only the bindings of the namespace filed again that is asked about", () => {
  const read: string[] = [];
  class WatchedLookup extends ObjectLookup {
    override list: ObjectLookup["list"] = (definition, namespace) => {
      const found = super.list(definition, namespace);
      if (definition.plural === "rolebindings") read.push(...found.map(({ metadata }) => metadata.namespace ?? ""));
      return found;
    };
  }
  const lookup = new WatchedLookup();
  lookup.put(ClusterRoles, clusterRole("view", [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }]));
  for (const namespace of ["a", "b", "c"]) bind(lookup, namespace, "ClusterRole", "view", userJane);
  const rbac = new RbacAuthorizer(lookup);
  const isAllowed = (namespace: string) => rbac.authorize(ask(jane, "get", "pods", namespace)).allowed;
  assert.equal(isAllowed("a"), true);
  bind(lookup, "b", "ClusterRole", "view", { kind: "User", name: "joe" });
  assert.equal(isAllowed("a"), true);
  assert.equal(isAllowed("a"), true);
  assert.deepEqual(read, ["a", "a"]);
  assert.equal(isAllowed("b"), false);
  lookup.remove(RoleBindings, "a", "view-binding");
  assert.equal(isAllowed("a"), false);
});
