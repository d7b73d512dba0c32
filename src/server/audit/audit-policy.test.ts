import assert from "node:assert/strict";
import { test } from "node:test";
import { type AuditedRequest, readAuditPolicy } from "./audit-policy.ts";

const policy = (rules: readonly object[], more: object = {}) =>
  readAuditPolicy({ apiVersion: "audit.k8s.io/v1", kind: "Policy", ...more, rules });

const user = { name: "jane", groups: ["dev", "system:authenticated"] };
function about(
  plural: string,
  more: Partial<NonNullable<AuditedRequest["resource"]>> = {},
  verb = "get",
): AuditedRequest {
  const resource = { group: "", plural, subresource: "", namespace: "default", name: "", ...more };
  return { user, verb, resource, path: "" };
}
const path = (url: string): AuditedRequest => ({ user, verb: "get", path: url });

const rules: readonly (readonly [rule: object, request: AuditedRequest, matches: boolean])[] = [
  [{}, about("pods"), true],
  [{}, path("/version"), true],
  [{ users: ["jane"] }, about("pods"), true],
  [{ users: ["joe"] }, about("pods"), false],
  [{ userGroups: ["ops", "dev"] }, about("pods"), true],
  [{ userGroups: ["ops"] }, about("pods"), false],
  [{ verbs: ["get", "list"] }, about("pods"), true],
  [{ verbs: ["watch"] }, about("pods"), false],
  [{ namespaces: ["default"] }, about("pods"), true],
  [{ namespaces: ["kube-system"] }, about("pods"), false],
  [{ namespaces: [""] }, about("nodes", { namespace: "" }), true],
  [{ namespaces: ["default"] }, path("/version"), false],
  [{ resources: [{ group: "" }] }, about("pods"), true],
  [{ resources: [{ group: "apps" }] }, about("pods"), false],
  [{ resources: [{ group: "", resources: ["pods"] }] }, about("pods"), true],
  [{ resources: [{ group: "", resources: ["pods"] }] }, about("pods", { subresource: "log" }), false],
  [{ resources: [{ group: "", resources: ["pods/log"] }] }, about("pods", { subresource: "log" }), true],
  [{ resources: [{ group: "", resources: ["pods/*"] }] }, about("pods", { subresource: "log" }), true],
  [{ resources: [{ group: "", resources: ["*/log"] }] }, about("pods", { subresource: "log" }), true],
  [{ resources: [{ group: "", resources: ["*"] }] }, about("pods", { subresource: "log" }), true],
  [{ resources: [{ group: "", resources: ["pods"], resourceNames: ["a"] }] }, about("pods", { name: "a" }), true],
  [{ resources: [{ group: "", resources: ["pods"], resourceNames: ["a"] }] }, about("pods", { name: "b" }), false],
  [{ nonResourceURLs: ["/version"] }, path("/version"), true],
  [{ nonResourceURLs: ["/healthz*"] }, path("/healthz/etcd"), true],
  [{ nonResourceURLs: ["*"] }, path("/metrics"), true],
  [{ nonResourceURLs: ["*"] }, about("pods"), false],
];
for (const [rule, request, matches] of rules)
  test(`a rule ${JSON.stringify(rule)} ${matches ? "is" : "is not"} about ${request.resource?.plural ?? request.path} ${request.resource?.subresource ?? ""}${request.resource?.name ?? ""}${request.resource?.namespace ?? ""}`, () => {
    const { level } = policy([{ level: "Metadata", ...rule }]).scopeOf(request);
    assert.equal(level, matches ? "Metadata" : "None");
  });

test("the first rule that matches decides, and stages are left out by either", () => {
  const read = policy(
    [
      { level: "None", users: ["system:kube-proxy"] },
      { level: "RequestResponse", resources: [{ group: "" }], omitStages: ["Panic"], omitManagedFields: false },
      { level: "Metadata" },
    ],
    { omitStages: ["RequestReceived"], omitManagedFields: true, metadata: { name: "mine" } },
  );
  const scope = read.scopeOf(about("pods"));
  assert.deepEqual(
    [scope.level, [...scope.omitStages].sort(), scope.omitManagedFields],
    ["RequestResponse", ["Panic", "RequestReceived"], false],
  );
  assert.deepEqual([read.scopeOf(path("/a")).level, read.scopeOf(path("/a")).omitManagedFields], ["Metadata", true]);
});

test("a policy that cannot be used is refused with all that is wrong", () => {
  const bad = (rule: object, message: RegExp) => assert.throws(() => policy([rule]), message);
  assert.throws(() => policy([]), /rules: Required value/);
  assert.throws(() => readAuditPolicy({ kind: "Policy", apiVersion: "policy/v1" }), /not Policy of audit.k8s.io\/v1/);
  bad({}, /rules\[0\].level: Required value/);
  bad({ level: "All" }, /rules\[0\].level: Unsupported value: "All"/);
  bad({ level: "None", omitStages: ["End"] }, /omitStages\[0\]: Unsupported value: "End"/);
  bad({ level: "None", nonResourceURLs: ["version"] }, /must begin with a "\/" character/);
  bad({ level: "None", nonResourceURLs: ["/a*/b"] }, /must be the final character/);
  bad({ level: "None", nonResourceURLs: ["/"], namespaces: ["a"] }, /both regular resources and non-resource URLs/);
  bad({ level: "None", resources: [{ group: "apps/v1" }] }, /must not contain a version/);
  bad({ level: "None", resources: [{ group: "", resourceNames: ["a"] }] }, /requires at least one resource/);
  bad({ level: "None", user: "jane" }, /unknown field "rules\[0\].user"/);
});
