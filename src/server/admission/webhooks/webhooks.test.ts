import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestControlPlane } from "../../../../test/control-plane.ts";
import { refusal, refusalText } from "../../../../test/refusal.ts";
import {
  addKey,
  allow,
  configMap,
  configuration,
  deny,
  type Hook,
  hookOf,
  patch,
  type Review,
  ruleOf,
  scene,
} from "../../../../test/webhook-scene.ts";
import {
  Bindings,
  ConfigMaps,
  CustomResourceDefinitions,
  MutatingWebhookConfigurations,
  Namespaces,
  type NewObject,
  type PodSpec,
  Pods,
  PriorityClasses,
  ValidatingWebhookConfigurations,
} from "../../../api/index.ts";
import { specOf, version, widget, widgetDefinition, widgets } from "../../custom-resources/definition-for-tests.ts";

test("Admission webhook, admission control not allowed on webhook configuration objects", async (t) => {
  const { client, create, reviews } = await scene(t, { deny });
  const all = hookOf("deny", ruleOf("*", ["*"], { apiGroups: ["admissionregistration.k8s.io"] }));
  await create(ValidatingWebhookConfigurations, configuration("deny", all));
  await create(MutatingWebhookConfigurations, configuration("mutate", all));
  await create(ValidatingWebhookConfigurations, configuration("other", all));
  await client.delete(ValidatingWebhookConfigurations, { name: "other" });
  assert.equal(reviews.length, 0);
});

test("Admission webhook, deny custom resource definition: the refusal is the webhook's, said in its name", async (t) => {
  const { create } = await scene(t, { deny });
  await create(
    ValidatingWebhookConfigurations,
    configuration("deny", hookOf("deny", ruleOf("customresourcedefinitions"))),
  );
  const { status } = await refusal(create(CustomResourceDefinitions, widgetDefinition()));
  assert.deepEqual(
    [status.code, status.reason, status.message],
    [418, "Teapot", 'admission webhook "deny.example.com" denied the request: no way'],
  );
});

test("Admission webhook, list mutating webhooks: they are deleted as a collection and mutate no more", async (t) => {
  const { client, create } = await scene(t, { add: () => addKey("added") });
  for (let at = 0; at < 10; at++)
    await create(
      MutatingWebhookConfigurations,
      configuration(`list-${at}`, hookOf("add", ruleOf("configmaps"), { name: `add${at}.example.com` })),
    );
  const labelSelector = "suite=list";
  assert.equal((await client.list(MutatingWebhookConfigurations, { labelSelector })).items.length, 10);
  assert.deepEqual((await create(ConfigMaps, configMap("a"))).data, { start: "yes", added: "yes" });
  await client.deleteCollection(MutatingWebhookConfigurations, { labelSelector });
  assert.deepEqual((await create(ConfigMaps, configMap("b"))).data, { start: "yes" });
});

test("Admission webhook, list validating webhooks: they are deleted as a collection and deny no more", async (t) => {
  const { client, create } = await scene(t, { deny });
  for (let at = 0; at < 10; at++)
    await create(ValidatingWebhookConfigurations, configuration(`list-${at}`, hookOf("deny", ruleOf("configmaps"))));
  assert.match(await refusalText(create(ConfigMaps, configMap("a"))), /^418 admission webhook/);
  await client.deleteCollection(ValidatingWebhookConfigurations, { labelSelector: "suite=list" });
  await create(ConfigMaps, configMap("a"));
});

test("Admission webhook, mutate custom resource, and what its schema does not know is pruned", async (t) => {
  const { create, rest } = await scene(t, {
    add: () =>
      patch({ op: "add", path: "/spec/size", value: 7 }, { op: "add", path: "/spec/unknown", value: "pruned" }),
  });
  await create(CustomResourceDefinitions, widgetDefinition());
  await rest();
  await create(MutatingWebhookConfigurations, configuration("add", hookOf("add", ruleOf("widgets"))));
  assert.deepEqual((await create(widgets(), widget("a"))).spec, { size: 7 });
});

test("Admission webhook, mutate custom resource with different stored version", async (t) => {
  const { client, create, rest } = await scene(t, { add: () => patch({ op: "add", path: "/spec/size", value: 7 }) });
  await create(CustomResourceDefinitions, widgetDefinition([version("v1"), version("v2")]));
  await rest();
  await create(
    MutatingWebhookConfigurations,
    configuration("add", hookOf("add", ruleOf("widgets", ["CREATE", "UPDATE"], { apiVersions: ["v1"] }))),
  );
  await create(widgets(), widget("a"));
  const schema = specOf({ size: { type: "integer" }, color: { type: "string" } });
  await client.patch(
    CustomResourceDefinitions,
    { name: "widgets.example.com" },
    { spec: { versions: [version("v1", { schema }), version("v2", { schema, storage: true })] } },
  );
  await rest();
  const patched = await client.patch(widgets(), { namespace: "default", name: "a" }, { spec: { color: "red" } });
  assert.deepEqual(patched.spec, { size: 7, color: "red" });
});

test("Owner references that a webhook repeats are dropped, with a warning", async (t) => {
  const owner = { apiVersion: "v1", kind: "Node", name: "n", uid: "u1" };
  const { client, create } = await scene(t, {
    add: () => patch({ op: "add", path: "/metadata/ownerReferences", value: [owner, owner] }),
  });
  await create(MutatingWebhookConfigurations, configuration("add", hookOf("add", ruleOf("configmaps"))));
  const created = await create(ConfigMaps, configMap("a"));
  assert.deepEqual(created.metadata.ownerReferences, [owner]);
  const updated = await client.update(ConfigMaps, { ...created, data: { start: "no" } });
  assert.deepEqual(updated.metadata.ownerReferences, [owner]);
});

test("Admission webhook, mutation with defaulting: an init container that is added gets its defaults", async (t) => {
  const { create } = await scene(t, {
    add: () => patch({ op: "add", path: "/spec/initContainers", value: [{ name: "added", image: "a" }] }),
  });
  await create(MutatingWebhookConfigurations, configuration("add", hookOf("add", ruleOf("pods"))));
  const { spec } = await create(Pods, {
    metadata: { namespace: "default", name: "a" },
    spec: { containers: [{ name: "own", image: "a" }] },
  });
  assert.deepEqual(
    spec.initContainers?.map(({ name, terminationMessagePolicy }) => [name, terminationMessagePolicy]),
    [["added", "File"]],
  );
});

test("Admission webhook, ordered mutation: configurations by name, and webhooks as they stand there", async (t) => {
  const after =
    (key: string, name: string): Hook =>
    ({ request }) =>
      request.object?.data?.[key] ? addKey(name) : { allowed: true };
  const { create } = await scene(t, {
    one: after("start", "one"),
    two: after("one", "two"),
    three: after("two", "three"),
  });
  const of = (host: string) => hookOf(host, ruleOf("configmaps"));
  await create(MutatingWebhookConfigurations, configuration("b", of("three")));
  await create(MutatingWebhookConfigurations, configuration("a", of("one"), of("two")));
  assert.deepEqual(Object.keys((await create(ConfigMaps, configMap("a"))).data ?? {}), [
    "start",
    "one",
    "two",
    "three",
  ]);
});

test("Admission webhook, update validating webhook: its rules take effect at once", async (t) => {
  const { client, create } = await scene(t, { deny });
  await create(ValidatingWebhookConfigurations, configuration("deny", hookOf("deny", ruleOf("configmaps"))));
  await refusal(create(ConfigMaps, configMap("a")));
  const operate = (operations: string[]) =>
    client.patch(
      ValidatingWebhookConfigurations,
      { name: "deny" },
      [{ op: "replace", path: "/webhooks/0/rules/0/operations", value: operations }],
      { type: "application/json-patch+json" },
    );
  await operate(["UPDATE"]);
  await create(ConfigMaps, configMap("a"));
  await operate(["CREATE"]);
  await refusal(create(ConfigMaps, configMap("b")));
});

test("a webhook is told what is asked, by whom, and what there was", async (t) => {
  const { client, create, reviews } = await scene(t, { look: allow });
  const rule = ruleOf("configmaps", ["*"]);
  await create(ValidatingWebhookConfigurations, configuration("look", hookOf("look", rule)));
  await create(ConfigMaps, configMap("a"));
  await client.patch(ConfigMaps, { namespace: "default", name: "a" }, { data: { more: "yes" } }, { dryRun: "All" });
  await client.delete(ConfigMaps, { namespace: "default", name: "a" });
  const seen = reviews.map(({ request: each }) => [
    ...[each.operation, each.name, each.namespace, each.dryRun, each.options?.kind],
    ...[Object.keys(each.object?.data ?? {}).join(), each.oldObject?.kind],
  ]);
  assert.deepEqual(seen, [
    ["CREATE", "a", "default", false, "CreateOptions", "start", undefined],
    ["UPDATE", "a", "default", true, "UpdateOptions", "start,more", "ConfigMap"],
    ["DELETE", "a", "default", false, "DeleteOptions", "", "ConfigMap"],
  ]);
  assert.equal(reviews[0]?.request.userInfo.username, "system:kube-controller-manager");
  assert.deepEqual(reviews[0]?.request.kind, { group: "", version: "v1", kind: "ConfigMap" });
});

test("webhook configurations with invalid match conditions are refused, created or updated", async (t) => {
  const { client, create } = await scene(t, {});
  const withCondition = (expression: string) =>
    configuration("c", hookOf("a", ruleOf("configmaps"), { matchConditions: [{ name: "wrong", expression }] }));
  const refused = await refusalText(create(ValidatingWebhookConfigurations, withCondition("... [] bad expression")));
  assert.match(refused, /^422 .*webhooks\[0\]\.matchConditions\[0\]\.expression: Invalid value: .*compilation failed/s);
  assert.match(await refusalText(create(MutatingWebhookConfigurations, withCondition("'a'"))), /must evaluate to bool/);
  await create(ValidatingWebhookConfigurations, withCondition("true"));
  await refusal(
    client.patch(ValidatingWebhookConfigurations, { name: "c" }, { webhooks: withCondition("none").webhooks }),
  );
});

test("what webhooks did is noted for the audit log", async (t) => {
  const { api, create } = await scene(t, {
    add: () => ({ ...addKey("added"), auditAnnotations: { why: "because" } }),
  });
  const gone = hookOf("gone", ruleOf("configmaps"), { failurePolicy: "Ignore" });
  await create(MutatingWebhookConfigurations, configuration("a", hookOf("add", ruleOf("configmaps")), gone));
  await create(ValidatingWebhookConfigurations, configuration("b", gone));
  const notes: Record<string, string> = {};
  const body = configMap("a");
  const request = {
    verb: "create",
    group: "",
    version: "v1",
    plural: "configmaps",
    namespace: "default",
    body,
  } as const;
  const annotate = (key: string, value: string) => {
    // What authorization notes is its own.
    if (!key.startsWith("authorization.k8s.io/")) notes[key] = value;
  };
  await api.handle({ ...request, annotate }, { name: "jane", groups: ["system:masters"] });
  assert.deepEqual(notes, {
    "add.example.com/why": "because",
    "patch.webhook.admission.k8s.io/round_0_index_0":
      '{"configuration":"a","webhook":"add.example.com","patch":[{"op":"add","path":"/data/added","value":"yes"}],"patchType":"JSONPatch"}',
    "mutation.webhook.admission.k8s.io/round_0_index_0":
      '{"configuration":"a","webhook":"add.example.com","mutated":true}',
    "failed-open.mutation.webhook.admission.k8s.io/round_0_index_1": "gone.example.com",
    "mutation.webhook.admission.k8s.io/round_0_index_1":
      '{"configuration":"a","webhook":"gone.example.com","mutated":false}',
    "failed-open.validating.webhook.admission.k8s.io/round_0_index_0": "gone.example.com",
  });
});

test("that a webhook refused is noted for the audit log as well", async (t) => {
  const { api, create } = await scene(t, { deny });
  await create(MutatingWebhookConfigurations, configuration("a", hookOf("deny", ruleOf("configmaps"))));
  const notes = new Map<string, string>();
  const request = { verb: "create", group: "", version: "v1", plural: "configmaps", namespace: "default" } as const;
  const annotate = (key: string, value: string) => void notes.set(key, value);
  const jane = { name: "jane", groups: ["system:masters"] };
  await assert.rejects(async () => await api.handle({ ...request, body: configMap("a"), annotate }, jane));
  assert.equal(
    notes.get("mutation.webhook.admission.k8s.io/round_0_index_0"),
    '{"configuration":"a","webhook":"deny.example.com","mutated":false}',
  );
});

test("a patch that cannot be read is a failure of the webhook, for its failure policy", async (t) => {
  let answer: object = {};
  const { client, create } = await scene(t, { wrong: () => answer });
  const of = (failurePolicy: string) =>
    configuration("wrong", hookOf("wrong", ruleOf("configmaps"), { failurePolicy }));
  await create(MutatingWebhookConfigurations, of("Fail"));
  const start = '500 Internal error occurred: failed calling webhook "wrong.example.com": ';
  const undecodable = `${start}received undecodable patch in webhook response: json: cannot unmarshal`;
  for (const [text, patchType, expected] of [
    ["{}", "JSONPatch", `${undecodable} object into Go value of type jsonpatch.Patch`],
    ["[3]", "JSONPatch", `${undecodable} number into Go value of type jsonpatch.Operation`],
    ['[{"op":"test","path":"/kind","value":"ConfigMap"}]', "Merge", `${start}unsupported patch type "Merge"`],
  ] as const) {
    answer = { allowed: true, patchType, patch: btoa(text) };
    assert.equal(await refusalText(create(ConfigMaps, configMap("a"))), expected);
  }
  answer = { allowed: true, patchType: "JSONPatch", patch: btoa("null") };
  await create(ConfigMaps, configMap("unchanged"));
  answer = { allowed: true, patchType: "JSONPatch", patch: btoa("{}") };
  await client.patch(MutatingWebhookConfigurations, { name: "wrong" }, { webhooks: of("Ignore").webhooks });
  await create(ConfigMaps, configMap("passed-over"));
});

test("webhooks are asked again after those before and after them, and after the server's own plugins, and once only", async (t) => {
  const setLabel =
    (value: string): Hook =>
    ({ request }) =>
      request.object?.metadata.labels?.fight === value
        ? { allowed: true }
        : patch({ op: "replace", path: "/metadata/labels/fight", value });
  const plane = await scene(t, {
    "set-true": setLabel("true"),
    "set-false": setLabel("false"),
    "set-priority": ({ request }) =>
      (request.object!.spec as PodSpec).priorityClassName === "high"
        ? { allowed: true }
        : patch(
            { op: "add", path: "/spec/priorityClassName", value: "high" },
            { op: "remove", path: "/spec/priority" },
          ),
  });
  const { client, create, reviews } = plane;
  await create(PriorityClasses, { metadata: { name: "low" }, value: 1 });
  await create(PriorityClasses, { metadata: { name: "high" }, value: 10 });
  const asked = async (...hosts: string[]) => {
    const again = { reinvocationPolicy: "IfNeeded" };
    const metadata = { namespace: "default", name: "a", labels: { fight: "" } };
    const hooks = hosts.map((host) => hookOf(host, ruleOf("pods"), again));
    await create(MutatingWebhookConfigurations, configuration("hooks", ...hooks));
    reviews.length = 0;
    const pod = await create(Pods, {
      metadata,
      spec: { priorityClassName: "low", containers: [{ name: "c", image: "i" }] },
    });
    await client.delete(MutatingWebhookConfigurations, { name: "hooks" });
    await client.delete(Pods, { namespace: "default", name: "a" }, { body: { gracePeriodSeconds: 0 } });
    return { times: reviews.length, fight: pod.metadata.labels?.fight, priority: pod.spec.priority };
  };
  assert.deepEqual(await asked("set-true"), { times: 1, fight: "true", priority: 1 });
  assert.deepEqual(await asked("set-true", "set-false"), { times: 4, fight: "false", priority: 1 });
  assert.deepEqual(await asked("set-priority"), { times: 2, fight: "", priority: 10 });
});

test("a webhook that cannot be asked fails the request or is passed over, as its policy says", async (t) => {
  const { client, create } = await scene(t, {});
  const gone = (failurePolicy: string) => hookOf("gone", ruleOf("configmaps"), { failurePolicy, timeoutSeconds: 5 });
  await create(ValidatingWebhookConfigurations, configuration("gone", gone("Fail")));
  assert.equal(
    await refusalText(create(ConfigMaps, configMap("a"))),
    '500 Internal error occurred: failed calling webhook "gone.example.com": failed to call webhook: Post "https://gone/?timeout=5s": connect: connection refused',
  );
  await client.patch(ValidatingWebhookConfigurations, { name: "gone" }, { webhooks: [gone("Ignore")] });
  await create(ConfigMaps, configMap("a"));
});

test("an answer that is none is a failure of the webhook", async (t) => {
  let answer: object = {};
  const { create } = await scene(t, { wrong: () => answer });
  await create(MutatingWebhookConfigurations, configuration("wrong", hookOf("wrong", ruleOf("configmaps"))));
  const start =
    '500 Internal error occurred: failed calling webhook "wrong.example.com": received invalid webhook response: ';
  const table: [object, RegExp | string][] = [
    [{ uid: "other", allowed: true }, /expected response\.uid="[-0-9a-f]{36}", got "other"$/],
    [{ allowed: true, patch: btoa("[]") }, `${start}webhook returned response.patch but not response.patchType`],
    [{ allowed: true, patchType: "JSONPatch" }, `${start}webhook returned response.patchType but not response.patch`],
    [
      patch({ op: "remove", path: "/data/none" }),
      "500 Internal error occurred: error in remove for path: '/data/none': Unable to remove nonexistent key: none: missing value",
    ],
    [
      patch({ op: "replace", path: "/data", value: 3 }),
      /^500 Internal error occurred: ConfigMap in version "v1" cannot/,
    ],
    [
      { allowed: false, status: { code: "x", message: 3, reason: "Odd", details: "none" } },
      '400 admission webhook "wrong.example.com" denied the request: Odd',
    ],
    [{ allowed: false }, '400 admission webhook "wrong.example.com" denied the request without explanation'],
  ];
  for (const [given, expected] of table) {
    answer = given;
    const told = await refusalText(create(ConfigMaps, configMap("a")));
    if (typeof expected === "string") assert.equal(told, expected);
    else assert.match(told, expected);
  }
});

test("a webhook is asked in the first version of reviews that it takes, and answers in v1beta1 may say less", async (t) => {
  const versions: unknown[] = [];
  const plane = await startTestControlPlane(t, {
    controllers: [],
    async callWebhook({ body }) {
      versions.push((body as { apiVersion: string }).apiVersion);
      return { response: { allowed: true, patch: btoa('[{"op":"add","path":"/data/added","value":"yes"}]') } };
    },
  });
  const of = (...admissionReviewVersions: string[]) =>
    configuration("c", hookOf("add", ruleOf("configmaps"), { admissionReviewVersions }));
  await plane.create(MutatingWebhookConfigurations, of("v2", "v1beta1", "v1"));
  assert.equal((await plane.create(ConfigMaps, configMap("a"))).data?.added, "yes");
  await plane.client.patch(MutatingWebhookConfigurations, { name: "c" }, { webhooks: of("v1", "v1beta1").webhooks });
  assert.match(
    await refusalText(plane.create(ConfigMaps, configMap("b"))),
    /expected response\.uid="[-0-9a-f]{36}", got ""$/,
  );
  assert.deepEqual(versions, ["admission.k8s.io/v1beta1", "admission.k8s.io/v1"]);
});

test("webhooks have the time that is left of the request, and after it nothing is written", async (t) => {
  const asked: string[] = [];
  const plane = await startTestControlPlane(t, {
    controllers: [],
    async callWebhook({ url, body, timeoutMs }) {
      asked.push(url);
      await plane.clock.advance(Math.min(timeoutMs, 1_000));
      const { uid } = (body as Review).request;
      const response = { uid, allowed: true };
      return { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response };
    },
  });
  const of = (host: string, timeoutSeconds: number) =>
    hookOf(host, ruleOf("configmaps"), { timeoutSeconds, failurePolicy: "Ignore" });
  await plane.create(MutatingWebhookConfigurations, configuration("a", of("one", 20), of("two", 2), of("three", 20)));
  await plane.create(ValidatingWebhookConfigurations, configuration("b", of("four", 20)));
  const create = async (name: string, ms: number) => {
    const where = { verb: "create", group: "", version: "v1", plural: "configmaps", namespace: "default" } as const;
    const request = { ...where, body: configMap(name), endMs: plane.clock.monotonicMs() + ms };
    await plane.api.handle(request, { name: "jane", groups: ["system:masters"] });
  };
  await create("in-time", 9_500);
  const secondsOf = (host: string, seconds: number) => `https://${host}/?timeout=${seconds}s`;
  const inTime = [secondsOf("one", 10), secondsOf("two", 2), secondsOf("three", 8), secondsOf("four", 7)];
  assert.deepEqual(asked, inTime);
  asked.length = 0;
  assert.match(
    await refusalText(create("late", 1_500)),
    /^504 Timeout: request did not complete within requested timeout$/,
  );
  assert.deepEqual(asked, [secondsOf("one", 2), secondsOf("two", 1)]);
  assert.deepEqual(
    (await plane.list(ConfigMaps, "default")).map(({ metadata }) => metadata.name),
    ["in-time"],
  );
});

test("selectors of namespaces and objects choose what a webhook sees, by the old labels and the new", async (t) => {
  const { client, create, reviews } = await scene(t, { look: allow });
  const hook = hookOf("look", ruleOf("configmaps", ["*"]), {
    namespaceSelector: { matchLabels: { watched: "yes" } },
    objectSelector: { matchLabels: { app: "web" } },
  });
  await create(ValidatingWebhookConfigurations, configuration("look", hook));
  await create(Namespaces, { metadata: { name: "seen", labels: { watched: "yes" } } });
  const inSeen = (name: string, labels: Record<string, string>) => ({ metadata: { namespace: "seen", name, labels } });
  await create(ConfigMaps, { ...configMap("a"), metadata: { ...configMap("a").metadata, labels: { app: "web" } } });
  await create(ConfigMaps, inSeen("b", {}));
  assert.equal(reviews.length, 0);
  const key = { namespace: "seen", name: "b" };
  await client.patch(ConfigMaps, key, { metadata: { labels: { app: "web" } } });
  await client.patch(ConfigMaps, key, { metadata: { labels: { app: null } } });
  await client.patch(ConfigMaps, key, { data: { a: "b" } });
  assert.deepEqual(
    reviews.map(({ request }) => request.operation),
    ["UPDATE", "UPDATE"],
  );
});

test("conditions in CEL keep requests from a webhook, and their errors are for the failure policy", async (t) => {
  const { client, create, reviews } = await scene(t, { look: allow });
  const withCondition = (expression: string, failurePolicy = "Fail") =>
    configuration(
      "look",
      hookOf("look", ruleOf("configmaps"), { failurePolicy, matchConditions: [{ name: "only", expression }] }),
    );
  await create(
    ValidatingWebhookConfigurations,
    withCondition("object.metadata.name == 'a' && request.userInfo.username != 'nobody'"),
  );
  await create(ConfigMaps, configMap("a"));
  await create(ConfigMaps, configMap("b"));
  assert.equal(reviews.length, 1);
  const set = (...args: Parameters<typeof withCondition>) =>
    client.patch(ValidatingWebhookConfigurations, { name: "look" }, { webhooks: withCondition(...args).webhooks });
  await set("authorizer.group('').resource('secrets').namespace('default').check('get').allowed()");
  await create(ConfigMaps, configMap("c"));
  assert.equal(reviews.length, 2);
  await set("object.data.missing == 'a'");
  assert.equal(
    await refusalText(create(ConfigMaps, configMap("d"))),
    "403 configmaps \"d\" is forbidden: expression 'object.data.missing == 'a'' resulted in error: no such key: missing",
  );
  await set("object.data.missing == 'a'", "Ignore");
  await create(ConfigMaps, configMap("d"));
  assert.equal(reviews.length, 2);
});

test("an equivalent version of the resource is converted to for the webhook; an exact one only sees its own", async (t) => {
  const { client, create, rest, reviews } = await scene(t, {
    look: () => patch({ op: "add", path: "/spec/size", value: 9 }),
  });
  await create(CustomResourceDefinitions, widgetDefinition([version("v1"), version("v2")]));
  await rest();
  const hook = (matchPolicy: string) =>
    hookOf("look", ruleOf("widgets", ["CREATE"], { apiVersions: ["v1"] }), { matchPolicy });
  await create(MutatingWebhookConfigurations, configuration("look", hook("Equivalent")));
  const made = await create(widgets("v2"), widget("a", {}, "v2"));
  assert.deepEqual([made.apiVersion, made.spec], ["example.com/v2", { size: 9 }]);
  assert.deepEqual(
    reviews.map(({ request }) => [request.object?.apiVersion, request.kind, request.requestKind]),
    [
      [
        "example.com/v1",
        { group: "example.com", version: "v1", kind: "Widget" },
        { group: "example.com", version: "v2", kind: "Widget" },
      ],
    ],
  );
  await client.patch(MutatingWebhookConfigurations, { name: "look" }, { webhooks: [hook("Exact")] });
  await create(widgets("v2"), widget("b", {}, "v2"));
  assert.equal(reviews.length, 1);
});

test("a webhook that wants it is asked again when another has changed the object after it", async (t) => {
  const { create, reviews } = await scene(t, {
    count: ({ request }) =>
      patch({ op: "add", path: "/data/keys", value: String(Object.keys(request.object?.data ?? {}).length) }),
    add: () => addKey("added"),
  });
  const of = (host: string, reinvocationPolicy: string) => hookOf(host, ruleOf("configmaps"), { reinvocationPolicy });
  await create(MutatingWebhookConfigurations, configuration("both", of("count", "IfNeeded"), of("add", "Never")));
  assert.deepEqual((await create(ConfigMaps, configMap("a"))).data, { start: "yes", keys: "3", added: "yes" });
  assert.equal(reviews.length, 3);
});

test("subresources, deletes of collections and bindings are told as they are", async (t) => {
  const { client, create, reviews } = await scene(t, { look: allow });
  const hook = hookOf("look", ruleOf("*/*", ["*"], { apiGroups: [""] }));
  await create(ConfigMaps, configMap("a"));
  await create(ConfigMaps, configMap("b"));
  const spec = { containers: [{ name: "own", image: "a" }] };
  const named = (name: string): NewObject => ({ metadata: { namespace: "default", name } });
  for (const name of ["a", "b"]) await create(Pods, { ...named(name), spec });
  await create(ValidatingWebhookConfigurations, configuration("look", hook));
  const target = { kind: "Node", name: "n" };
  await client.createSubresource(Pods, { namespace: "default", name: "a" }, "binding", {
    metadata: { name: "a" },
    target,
  });
  await create(Bindings, { ...named("b"), target });
  await client.patch(
    Pods,
    { namespace: "default", name: "a" },
    { status: { phase: "Running" } },
    { subresource: "status" },
  );
  await client.deleteCollection(ConfigMaps, { namespace: "default" });
  const seen = reviews.map(
    ({ request: each }) =>
      `${each.operation} ${each.kind.kind} of ${[each.resource.resource, each.subResource ?? []].flat().join("/")} ${each.name}`,
  );
  assert.deepEqual(seen.sort(), [
    "CREATE Binding of bindings b",
    "CREATE Binding of pods/binding a",
    "DELETE ConfigMap of configmaps a",
    "DELETE ConfigMap of configmaps b",
    "UPDATE Pod of pods/status a",
  ]);
});
