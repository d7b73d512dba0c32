import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, ClusterRoleBindings, ClusterRoles, RoleBindings, type User } from "../../api/index.ts";
import { VirtualClock } from "../../lib/index.ts";
import type { TokenAuthenticator } from "../authentication/index.ts";
import { NodeAuthorizer, RbacAuthorizer, unionAuthorizer } from "../authorization/index.ts";
import type { CreateRequest } from "../create-handler.ts";
import { ObjectLookup } from "../lookup-of-objects.ts";
import { createReviewHandlers } from "./review-handlers.ts";

const apiGroup = "rbac.authorization.k8s.io";
const jane: User = { name: "jane", uid: "u1", groups: ["dev", "system:authenticated"], extra: { team: ["green"] } };

const tokens: TokenAuthenticator = {
  authenticateToken: async (token, audiences = ["api"]) =>
    token === "good" && audiences.includes("api")
      ? { user: { ...jane, groups: ["dev"] }, audiences: ["api"] }
      : undefined,
  refusal: (token, audiences) => (token === "good" ? `it is not for ${audiences}` : undefined),
};

const lookup = new ObjectLookup()
  .put(ClusterRoles, {
    metadata: { name: "reader" },
    rules: [
      { verbs: ["get"], apiGroups: [""], resources: ["pods"] },
      { verbs: ["get"], nonResourceURLs: ["/metrics"] },
    ],
  })
  .put(RoleBindings, {
    metadata: { name: "b", namespace: "green" },
    roleRef: { apiGroup, kind: "ClusterRole", name: "reader" },
    subjects: [{ kind: "Group", name: "dev" }],
  })
  .put(ClusterRoleBindings, {
    metadata: { name: "broken" },
    roleRef: { apiGroup, kind: "ClusterRole", name: "gone" },
    subjects: [{ kind: "User", name: "joe" }],
  });

const rbac = new RbacAuthorizer(lookup);
const authorizer = unionAuthorizer(new NodeAuthorizer(lookup), rbac);
const handlers = createReviewHandlers({ tokens, authorizer, rules: rbac, clock: new VirtualClock() });

/** The status of the answer. */
async function ask(plural: string, body: object, user: User = jane, namespace = ""): Promise<unknown> {
  const group =
    plural.includes("access") || plural.includes("rules") ? "authorization.k8s.io" : "authentication.k8s.io";
  const handler = handlers.get(`${plural}.${group}`);
  assert.ok(handler);
  const object = body as CreateRequest["object"];
  const answer = await handler({ user, namespace, name: "", object, dryRun: false, signal: undefined });
  return (answer as { status: unknown }).status;
}

const refusal = (code: number, message: string) => (error: unknown) =>
  error instanceof ApiError && error.code === code && error.message === message;

const getPods = (namespace: string) => ({ verb: "get", resource: "pods", namespace });

test("somebody asks what they may do", async () => {
  const may = (spec: object, user?: User) => ask("selfsubjectaccessreviews", { spec }, user);
  assert.deepEqual(await may({ resourceAttributes: getPods("green") }), {
    allowed: true,
    reason: 'RBAC: allowed by RoleBinding "b/green" of ClusterRole "reader" to Group "dev"',
  });
  assert.deepEqual(await may({ resourceAttributes: getPods("blue") }), { allowed: false });
  assert.deepEqual(await may({ nonResourceAttributes: { verb: "get", path: "/metrics" } }), { allowed: false });
  assert.deepEqual(await may({ resourceAttributes: getPods("green") }, { name: "joe", groups: [] }), {
    allowed: false,
    reason: `RBAC: clusterrole.${apiGroup} "gone" not found`,
  });
});

test("somebody asks what another may do", async () => {
  const review = (spec: object) => ask("subjectaccessreviews", { spec });
  const resourceAttributes = getPods("green");
  assert.equal(((await review({ groups: ["dev"], resourceAttributes })) as { allowed: boolean }).allowed, true);
  assert.equal(((await review({ user: "dev", resourceAttributes })) as { allowed: boolean }).allowed, false);
  const node = { user: "system:node:n1", groups: ["system:nodes"] };
  const pods = { verb: "list", resource: "pods" };
  const fieldSelector = { requirements: [{ key: "spec.nodeName", operator: "In", values: ["n1"] }] };
  assert.deepEqual(await review({ ...node, resourceAttributes: { ...pods, fieldSelector } }), { allowed: true });
  assert.deepEqual(await review({ ...node, resourceAttributes: pods }), {
    allowed: false,
    reason: "can only list/watch pods with spec.nodeName field selector",
  });
});

test("a selector that cannot be understood is left out of the question, and the answer says so", async () => {
  const node = { user: "system:node:n1", groups: ["system:nodes"] };
  const review = async (selectors: object) => {
    const resourceAttributes = { verb: "list", resource: "pods", ...selectors };
    const status = await ask("subjectaccessreviews", { spec: { ...node, resourceAttributes } });
    const { allowed, evaluationError } = status as { allowed: boolean; evaluationError?: string };
    return [allowed, evaluationError];
  };
  const own = { key: "spec.nodeName", operator: "In", values: ["n1"] };
  const either = { key: "spec.nodeName", operator: "In", values: ["n1", "n2"] };
  const fields = "spec.resourceAttributes.fieldSelector";
  const labels = "spec.resourceAttributes.labelSelector";
  assert.deepEqual(await review({ fieldSelector: { rawSelector: "spec.nodeName=n1" } }), [true, undefined]);
  assert.deepEqual(await review({ fieldSelector: { rawSelector: "spec.nodeName" } }), [
    false,
    `${fields} ignored due to parse error`,
  ]);
  assert.deepEqual(await review({ fieldSelector: { requirements: [either] } }), [
    false,
    `${fields} ignored due to parse error`,
  ]);
  assert.deepEqual(await review({ fieldSelector: { requirements: [own, either] } }), [
    true,
    `${fields} partially ignored due to parse error`,
  ]);
  assert.deepEqual(
    await review({
      fieldSelector: { requirements: [own] },
      labelSelector: { requirements: [{ key: "app", operator: "Like", values: ["web"] }] },
    }),
    [true, `${labels} ignored due to parse error`],
  );
  const understood = [
    { key: "app", operator: "In", values: ["web"] },
    { key: "canary", operator: "DoesNotExist" },
  ];
  assert.deepEqual(
    await review({ fieldSelector: { requirements: [own] }, labelSelector: { requirements: understood } }),
    [true, undefined],
  );
});

test("reviews that ask nothing, two things or about nobody are invalid", async () => {
  const kind = "SubjectAccessReview.authorization.k8s.io";
  const neither = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
  await assert.rejects(
    ask("subjectaccessreviews", { spec: { user: "jane" } }),
    refusal(422, `${kind} "" is invalid: spec.resourceAttributes: Invalid value: null: ${neither}`),
  );
  await assert.rejects(
    ask("subjectaccessreviews", { spec: { resourceAttributes: getPods("green") } }),
    refusal(
      422,
      `${kind} "" is invalid: spec.user: Invalid value: "": at least one of user or group must be specified`,
    ),
  );
  await assert.rejects(
    ask("selfsubjectaccessreviews", {
      spec: { resourceAttributes: {}, nonResourceAttributes: { verb: "get", path: "/" } },
    }),
    /cannot be specified in combination with resourceAttributes/,
  );
  await assert.rejects(
    ask("selfsubjectaccessreviews", { metadata: { name: "x" }, spec: { resourceAttributes: {} } }),
    /metadata: Invalid value: {"name":"x"}: must be empty/,
  );
});

test("a local review is about its own namespace", async () => {
  const spec = { user: "x", groups: ["dev"], resourceAttributes: getPods("green") };
  const status = await ask("localsubjectaccessreviews", { metadata: { namespace: "green" }, spec }, jane, "green");
  assert.equal((status as { allowed: boolean }).allowed, true);
  await assert.rejects(
    ask("localsubjectaccessreviews", { metadata: { namespace: "green" }, spec }, jane, "blue"),
    refusal(400, "spec.resourceAttributes.namespace must match namespace: blue"),
  );
  await assert.rejects(
    ask("localsubjectaccessreviews", { spec }, jane, "blue"),
    refusal(
      422,
      'LocalSubjectAccessReview.authorization.k8s.io "" is invalid: spec.resourceAttributes.namespace: Invalid value: "green": must match metadata.namespace',
    ),
  );
});

test("somebody lists their rules in a namespace", async () => {
  const list = (namespace: string, user = jane) => ask("selfsubjectrulesreviews", { spec: { namespace } }, user);
  assert.deepEqual(await list("green"), {
    resourceRules: [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }],
    nonResourceRules: [{ verbs: ["get"], nonResourceURLs: ["/metrics"] }],
    incomplete: false,
  });
  assert.deepEqual(await list("blue"), { resourceRules: [], nonResourceRules: [], incomplete: false });
  assert.deepEqual(await list("blue", { name: "joe", groups: [] }), {
    resourceRules: [],
    nonResourceRules: [],
    incomplete: true,
    evaluationError: `clusterrole.${apiGroup} "gone" not found`,
  });
  const node: User = { name: "system:node:n1", groups: ["system:nodes"] };
  assert.equal(((await list("blue", node)) as { incomplete: boolean }).incomplete, true);
  await assert.rejects(list(""), refusal(400, "no namespace on request"));
});

test("a token is reviewed for the audiences asked about", async () => {
  const review = (spec: object) => ask("tokenreviews", { spec });
  const user = { username: "jane", uid: "u1", groups: ["dev", "system:authenticated"], extra: { team: ["green"] } };
  assert.deepEqual(await review({ token: "good" }), { authenticated: true, user, audiences: ["api"] });
  assert.deepEqual(await review({ token: "good", audiences: ["vault"] }), {
    user: {},
    error: "[invalid bearer token, it is not for vault]",
  });
  assert.deepEqual(await review({ token: "bad" }), { user: {}, error: "invalid bearer token" });
  await assert.rejects(review({}), refusal(400, "token is required for TokenReview in authentication"));
});

test("somebody asks who they are", async () => {
  assert.deepEqual(await ask("selfsubjectreviews", {}), {
    userInfo: { username: "jane", uid: "u1", groups: ["dev", "system:authenticated"], extra: { team: ["green"] } },
  });
});
