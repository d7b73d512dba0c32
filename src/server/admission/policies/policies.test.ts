import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startTestControlPlane } from "../../../../test/control-plane.ts";
import { refusal, refusalText } from "../../../../test/refusal.ts";
import {
  ConfigMaps,
  CustomResourceDefinitions,
  Deployments,
  MutatingAdmissionPolicies,
  type MutatingAdmissionPolicyBinding,
  MutatingAdmissionPolicyBindings,
  type MutatingAdmissionPolicySpec,
  Namespaces,
  Pods,
  RoleBindings,
  Roles,
  ServiceAccounts,
  ValidatingAdmissionPolicies,
  type ValidatingAdmissionPolicyBindingSpec,
  ValidatingAdmissionPolicyBindings,
  type ValidatingAdmissionPolicySpec,
} from "../../../api/index.ts";
import { widget, widgetDefinition, widgets } from "../../custom-resources/definition-for-tests.ts";

const rules = (resources: string, operations = ["CREATE", "UPDATE"], group = "*") => ({
  resourceRules: [{ apiGroups: [group], apiVersions: ["*"], operations, resources: [resources] }],
});

async function scene(t: TestContext) {
  const plane = await startTestControlPlane(t, { controllers: ["customresourcedefinition"] });
  await plane.create(ServiceAccounts, { metadata: { namespace: "default", name: "default" } });
  const validate = async (
    spec: Partial<ValidatingAdmissionPolicySpec>,
    binding: Partial<ValidatingAdmissionPolicyBindingSpec> = {},
    name = "p",
  ) => {
    const matchConstraints = rules("configmaps");
    await plane.create(ValidatingAdmissionPolicies, { metadata: { name }, spec: { matchConstraints, ...spec } });
    await plane.create(ValidatingAdmissionPolicyBindings, {
      metadata: { name: `${name}-binding` },
      spec: { policyName: name, validationActions: ["Deny"], ...binding },
    });
  };
  const mutate = async (
    spec: Partial<MutatingAdmissionPolicySpec>,
    binding: MutatingAdmissionPolicyBinding["spec"] = {},
    name = "m",
  ) => {
    const matchConstraints = rules("configmaps");
    const defaults = { matchConstraints, reinvocationPolicy: "Never" };
    await plane.create(MutatingAdmissionPolicies, { metadata: { name }, spec: { ...defaults, ...spec } });
    const bound = { policyName: name, ...binding };
    await plane.create(MutatingAdmissionPolicyBindings, { metadata: { name: `${name}-binding` }, spec: bound });
  };
  return { ...plane, validate, mutate };
}

const configMap = (name: string, data: Record<string, string> = {}, labels: Record<string, string> = {}) => ({
  metadata: { namespace: "default", name, labels },
  data,
});

/** The answer's warnings and the notes for the audit log. */
async function notesOf({ api }: Awaited<ReturnType<typeof scene>>, body: object) {
  const notes: Record<string, string> = {};
  const answer = await api.handle(
    {
      ...{ verb: "create", group: "", version: "v1", plural: "configmaps", namespace: "default", body },
      annotate: (key, value) => {
        // What authorization notes is its own.
        if (!key.startsWith("authorization.k8s.io/")) notes[key] = value;
      },
    },
    { name: "jane", groups: ["system:masters"] },
  );
  assert.ok(answer.type === "object");
  return { warnings: answer.warnings, notes };
}

test("ValidatingAdmissionPolicy, should validate against a Deployment", async (t) => {
  const { create, validate } = await scene(t);
  await validate({
    matchConstraints: rules("deployments", ["CREATE"], "apps"),
    validations: [
      {
        expression: "object.spec.replicas > 1",
        messageExpression: "'wants replicas > 1, got ' + string(object.spec.replicas)",
      },
      { expression: "namespaceObject.metadata.name == 'default'", message: "wrong namespace" },
    ],
  });
  const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "a", image: "a" }] } };
  const deployment = (replicas: number) => ({
    metadata: { namespace: "default", name: "a" },
    spec: { replicas, selector: { matchLabels: { a: "b" } }, template },
  });
  const { status } = await refusal(create(Deployments, deployment(1)));
  const why = "ValidatingAdmissionPolicy 'p' with binding 'p-binding' denied request: wants replicas > 1, got 1";
  assert.deepEqual(
    [status.code, status.reason, status.message],
    [422, "Invalid", `deployments.apps "a" is forbidden: ${why}`],
  );
  assert.deepEqual(status.details?.causes, [{ message: why }]);
  await create(Deployments, deployment(2));
});

test("a policy does nothing before it is bound, and from then on at once", async (t) => {
  const { client, create, validate } = await scene(t);
  await validate({ validations: [{ expression: "false", message: "no" }] });
  assert.match(await refusalText(create(ConfigMaps, configMap("a"))), /denied request: no$/);
  await client.delete(ValidatingAdmissionPolicyBindings, { name: "p-binding" });
  await create(ConfigMaps, configMap("a"));
});

test("a policy is asked before it is seen that a new object has a version", async (t) => {
  const { create, validate } = await scene(t);
  await validate({ validations: [{ expression: "object.metadata.name == 'a'", message: "only a" }] });
  const named = (name: string) => ({ metadata: { namespace: "default", name, resourceVersion: "7" } });
  assert.match(await refusalText(create(ConfigMaps, named("b"))), /^422 .*: only a$/);
  assert.equal(
    await refusalText(create(ConfigMaps, named("a"))),
    "400 resourceVersion should not be set on objects to be created",
  );
});

test("reasons give codes, and an expression without a message is told itself", async (t) => {
  const { client, create, validate } = await scene(t);
  const set = (reason: string) =>
    client.patch(
      ValidatingAdmissionPolicies,
      { name: "p" },
      { spec: { validations: [{ expression: "1 > 2", reason }] } },
    );
  await validate({ validations: [{ expression: "1 > 2" }] });
  const start =
    "configmaps \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p-binding' denied request: ";
  assert.equal(await refusalText(create(ConfigMaps, configMap("a"))), `422 ${start}failed expression: 1 > 2`);
  for (const [reason, code] of [
    ["Forbidden", 403],
    ["RequestEntityTooLarge", 413],
  ] as const) {
    await set(reason);
    const refused = await refusal(create(ConfigMaps, configMap("a")));
    assert.deepEqual([refused.code, refused.reason], [code, reason]);
  }
});

test("Warn and Audit let the request pass and say what it violates", async (t) => {
  const plane = await scene(t);
  await plane.validate(
    {
      validations: [{ expression: "false", message: "no" }],
      auditAnnotations: [{ key: "name", valueExpression: "string(object.metadata.name)" }],
    },
    { validationActions: ["Warn", "Audit"] },
  );
  const { warnings, notes } = await notesOf(plane, configMap("a"));
  assert.deepEqual(warnings, ["Validation failed for ValidatingAdmissionPolicy 'p' with binding 'p-binding': no"]);
  assert.deepEqual(notes, {
    "validation.policy.admission.k8s.io/validation_failure":
      '[{"message":"no","policy":"p","binding":"p-binding","expressionIndex":0,"validationActions":["Warn","Audit"]}]',
    "p/name": "a",
  });
});

test("errors of expressions are for the failure policy", async (t) => {
  const { client, create, validate } = await scene(t);
  await validate({ validations: [{ expression: "object.data.missing == 'a'" }] });
  assert.match(
    await refusalText(create(ConfigMaps, configMap("a"))),
    /denied request: expression 'object\.data\.missing == 'a'' resulted in error: no such key: /,
  );
  await client.patch(ValidatingAdmissionPolicies, { name: "p" }, { spec: { failurePolicy: "Ignore" } });
  await create(ConfigMaps, configMap("a"));
});

test("parameters are of any kind, by name or by labels, and each is asked about", async (t) => {
  const { client, create, rest, validate } = await scene(t);
  await create(CustomResourceDefinitions, widgetDefinition());
  await rest();
  const paramRef = { name: "limits", namespace: "default", parameterNotFoundAction: "Deny" };
  await validate(
    {
      paramKind: { apiVersion: "example.com/v1", kind: "Widget" },
      validations: [{ expression: "size(object.data) <= params.spec.size", message: "too much" }],
    },
    { paramRef },
  );
  assert.match(
    await refusalText(create(ConfigMaps, configMap("a"))),
    /denied request: failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction$/,
  );
  await create(widgets(), widget("limits", { size: 1 }));
  await create(ConfigMaps, configMap("a", { one: "1" }));
  assert.match(
    await refusalText(create(ConfigMaps, configMap("b", { one: "1", two: "2" }))),
    /denied request: too much$/,
  );
  const bySelector = { selector: { matchLabels: { app: "limits" } }, parameterNotFoundAction: "Allow" };
  await client.patch(ValidatingAdmissionPolicyBindings, { name: "p-binding" }, { spec: { paramRef: null } });
  await client.patch(ValidatingAdmissionPolicyBindings, { name: "p-binding" }, { spec: { paramRef: bySelector } });
  await create(ConfigMaps, configMap("b", { one: "1", two: "2" }));
  await client.patch(widgets(), { namespace: "default", name: "limits" }, { metadata: { labels: { app: "limits" } } });
  assert.match(
    await refusalText(create(ConfigMaps, configMap("c", { one: "1", two: "2" }))),
    /denied request: too much$/,
  );
});

test("variables are computed when they are looked at, and see those before them", async (t) => {
  const { create, validate } = await scene(t);
  await validate({
    variables: [
      { name: "data", expression: "has(object.data) ? object.data : {}" },
      { name: "count", expression: "size(variables.data)" },
      { name: "wrong", expression: "object.none" },
    ],
    validations: [
      { expression: "variables.count < 2", messageExpression: "'has ' + string(variables.count)" },
      { expression: "variables.count < 1 || variables.wrong", message: "unused" },
    ],
  });
  await create(ConfigMaps, configMap("a"));
  assert.match(await refusalText(create(ConfigMaps, configMap("b", { a: "", b: "" }))), /denied request: has 2$/);
  assert.match(
    await refusalText(create(ConfigMaps, configMap("b", { a: "" }))),
    /resulted in error: composited variable "wrong" fails to evaluate: no such key: none$/,
  );
});

test("what a policy matches can be narrowed by exclusion, by its binding and by conditions", async (t) => {
  const { create, validate } = await scene(t);
  await create(Namespaces, { metadata: { name: "other" } });
  await validate(
    {
      matchConstraints: { ...rules("*"), excludeResourceRules: rules("pods").resourceRules },
      matchConditions: [{ name: "not-kube", expression: "object.metadata.name != 'free'" }],
      validations: [{ expression: "false", message: "no" }],
    },
    { matchResources: { objectSelector: { matchLabels: { held: "yes" } } } },
  );
  await create(ConfigMaps, configMap("a"));
  await create(ConfigMaps, configMap("free", {}, { held: "yes" }));
  await create(Pods, {
    metadata: { namespace: "default", name: "a", labels: { held: "yes" } },
    spec: { containers: [{ name: "a", image: "a" }] },
  });
  assert.match(await refusalText(create(ConfigMaps, configMap("b", {}, { held: "yes" }))), /denied request: no$/);
});

test("an expression asks what the user may do", async (t) => {
  const { create, validate, as } = await scene(t);
  await validate({
    validations: [
      {
        expression: "authorizer.group('').resource('configmaps').namespace('default').check('bless').allowed()",
        messageExpression: "'not ' + 'blessed'",
      },
    ],
  });
  await create(ConfigMaps, configMap("a"));
  const metadata = { namespace: "default", name: "editor" };
  await create(Roles, { metadata, rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["create"] }] });
  await create(RoleBindings, {
    metadata,
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "editor" },
    subjects: [{ kind: "User", name: "jane" }],
  });
  const jane = as({ name: "jane", groups: ["system:authenticated"] });
  assert.match(await refusalText(jane.create(ConfigMaps, configMap("b"))), /denied request: not blessed$/);
});

test("policies cost a bounded amount for each request", async (t) => {
  const { create, validate } = await scene(t);
  const many = "[0,1,2,3,4,5,6,7,8,9]";
  const expression = `${many}.all(a, ${many}.all(b, ${many}.all(c, ${many}.all(d, ${many}.all(e, ${many}.all(f, true))))))`;
  await validate({ validations: [{ expression }] });
  assert.match(await refusalText(create(ConfigMaps, configMap("a"))), /cost limit exceeded/);
});

test("a MutatingAdmissionPolicy applies configurations and JSON patches, one after the other", async (t) => {
  const { create, mutate } = await scene(t);
  await mutate({
    variables: [{ name: "who", expression: "request.userInfo.username" }],
    mutations: [
      {
        patchType: "ApplyConfiguration",
        applyConfiguration: {
          expression:
            "Object{metadata: Object.metadata{labels: Object.metadata.labels{by: 'policy'}}, data: Object.data{one: '1'}}",
        },
      },
      {
        patchType: "JSONPatch",
        jsonPatch: {
          expression:
            "[JSONPatch{op: 'add', path: '/data/' + jsonpatch.escapeKey('two'), value: object.data.one + '2'}, JSONPatch{op: 'add', path: '/metadata/labels/who', value: variables.who.replace(':', '-')}]",
        },
      },
    ],
  });
  const made = await create(ConfigMaps, configMap("a", { own: "0" }));
  assert.deepEqual(made.data, { own: "0", one: "1", two: "12" });
  assert.deepEqual(made.metadata.labels, { by: "policy", who: "system-kube-controller-manager" });
});

test("a MutatingAdmissionPolicy adds an init container with its defaults, by the keys of the list", async (t) => {
  const { create, mutate } = await scene(t);
  await mutate({
    matchConstraints: rules("pods", ["CREATE"]),
    matchConditions: [{ name: "none-yet", expression: "!has(object.spec.initContainers)" }],
    mutations: [
      {
        patchType: "ApplyConfiguration",
        applyConfiguration: {
          expression:
            "Object{spec: Object.spec{initContainers: [Object.spec.initContainers{name: 'mesh', image: 'mesh', restartPolicy: 'Always'}]}}",
        },
      },
    ],
  });
  const { spec } = await create(Pods, {
    metadata: { namespace: "default", name: "a" },
    spec: { containers: [{ name: "own", image: "a" }] },
  });
  assert.deepEqual(
    spec.initContainers?.map(({ name, restartPolicy, terminationMessagePolicy }) => [
      name,
      restartPolicy,
      terminationMessagePolicy,
    ]),
    [["mesh", "Always", "File"]],
  );
});

test("a MutatingAdmissionPolicy that fails is for its failure policy, and wants its parameters", async (t) => {
  const { client, create, mutate } = await scene(t);
  await mutate(
    {
      paramKind: { apiVersion: "v1", kind: "ConfigMap" },
      mutations: [
        {
          patchType: "JSONPatch",
          jsonPatch: { expression: "[JSONPatch{op: 'add', path: '/data/a', value: params.data.a}]" },
        },
      ],
    },
    { paramRef: { name: "params", namespace: "kube-system", parameterNotFoundAction: "Deny" } },
  );
  assert.equal(
    await refusalText(create(ConfigMaps, configMap("a"))),
    "403 policy 'm' with binding 'm-binding' denied request: failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction",
  );
  await client.patch(MutatingAdmissionPolicies, { name: "m" }, { spec: { failurePolicy: "Ignore" } });
  await create(ConfigMaps, { metadata: { namespace: "kube-system", name: "params" }, data: { a: "b" } });
  assert.deepEqual((await create(ConfigMaps, configMap("a", { own: "0" }))).data, { own: "0", a: "b" });
});

test("a MutatingAdmissionPolicy says why its patch does not fit, and passes over one whose test fails", async (t) => {
  const { client, create, mutate } = await scene(t);
  await mutate({ mutations: [{ patchType: "JSONPatch", jsonPatch: { expression: "[JSONPatch{}]" } }] });
  const set = (mutation: object) =>
    client.patch(MutatingAdmissionPolicies, { name: "m" }, { spec: { mutations: [mutation] } });
  const applying = (expression: string) => ({ patchType: "ApplyConfiguration", applyConfiguration: { expression } });
  const patching = (expression: string) => ({ patchType: "JSONPatch", jsonPatch: { expression } });
  const start = "403 policy 'm' with binding 'm-binding' denied request: ";
  const table: [object, string][] = [
    [
      applying("Object{metadata: Object.wrong{}}"),
      'type mismatch: unexpected type name "Object.wrong", expected "Object.metadata", which matches field name path from root Object type',
    ],
    [
      applying(
        "Object{metadata: Object.metadata{ownerReferences: [Object.metadata.ownerReferences{uid: 'a'}], managedFields: []}}",
      ),
      "error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .metadata.ownerReferences[0], .metadata.managedFields",
    ],
    [
      patching("[JSONPatch{op: 'remove', path: '/data/none'}]"),
      "JSON Patch: error in remove for path: '/data/none': Unable to remove nonexistent key: none: missing value",
    ],
    [
      patching("[JSONPatch{op: object.data.none}]"),
      "expression '[JSONPatch{op: object.data.none}]' resulted in error: no such key: none",
    ],
  ];
  for (const [mutation, why] of table) {
    await set(mutation);
    const refused = await refusal(create(ConfigMaps, configMap("a", { own: "0" })));
    assert.equal(`${refused.code} ${refused.message}`, start + why);
    assert.equal(refused.reason, "Invalid");
  }
  const guarded = "[JSONPatch{op: 'test', path: '/data/own', value: '1'}, JSONPatch{op: 'remove', path: '/data/own'}]";
  await set(patching(guarded));
  assert.deepEqual((await create(ConfigMaps, configMap("a", { own: "0" }))).data, { own: "0" });
  assert.equal((await create(ConfigMaps, configMap("b", { own: "1" }))).data, undefined);
});

test("a MutatingAdmissionPolicy that wants it is asked again after another has changed the object", async (t) => {
  const { create, mutate } = await scene(t);
  const count = "[JSONPatch{op: 'add', path: '/data/keys', value: string(size(object.data))}]";
  const add = "[JSONPatch{op: 'add', path: '/data/added', value: 'yes'}]";
  const patch = (expression: string) => ({ mutations: [{ patchType: "JSONPatch", jsonPatch: { expression } }] });
  await mutate({ ...patch(count), reinvocationPolicy: "IfNeeded" }, {}, "a");
  await mutate(patch(add), {}, "b");
  assert.deepEqual((await create(ConfigMaps, configMap("a", { own: "0" }))).data, {
    own: "0",
    keys: "3",
    added: "yes",
  });
});
