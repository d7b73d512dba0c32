import assert from "node:assert/strict";
import { test } from "node:test";
import { cells, created, errorsOnCreate, type Partially } from "../definition-fixture.ts";
import type { MutatingWebhook, RuleWithOperations } from "../types.generated.ts";
import { MutatingWebhookConfigurations } from "./mutating-webhook-configuration.ts";
import { ValidatingWebhookConfigurations } from "./validating-webhook-configuration.ts";

const hook: Partially<MutatingWebhook> = {
  name: "pods.example.com",
  clientConfig: { service: { namespace: "default", name: "hook" } },
  rules: [{ operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["pods"] }],
  sideEffects: "None",
  admissionReviewVersions: ["v1"],
};
const wrongHook = (change: Partially<MutatingWebhook>) =>
  errorsOnCreate(MutatingWebhookConfigurations, { webhooks: [{ ...hook, ...change }] });

test("webhooks are completed as Kubernetes completes them", () => {
  const completed = {
    ...hook,
    clientConfig: { service: { namespace: "default", name: "hook", port: 443 } },
    rules: [{ operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["pods"], scope: "*" }],
    failurePolicy: "Fail",
    matchPolicy: "Equivalent",
    namespaceSelector: {},
    objectSelector: {},
    timeoutSeconds: 10,
  };
  assert.deepEqual(created(ValidatingWebhookConfigurations, { webhooks: [hook] }).webhooks, [completed]);
  assert.deepEqual(created(MutatingWebhookConfigurations, { webhooks: [hook] }).webhooks, [
    { ...completed, reinvocationPolicy: "Never" },
  ]);
});

test("wrong webhooks are refused with Kubernetes' words", () => {
  const at = "webhooks[0]";
  const table: [Partially<MutatingWebhook>, string[]][] = [
    [{}, []],
    [{ name: "" }, [`${at}.name: Required value`]],
    [
      { name: "pods" },
      [`${at}.name: Invalid value: "pods": should be a domain with at least three segments separated by dots`],
    ],
    [
      { failurePolicy: "Retry" },
      [`${at}.failurePolicy: Unsupported value: "Retry": supported values: "Fail", "Ignore"`],
    ],
    [
      { matchPolicy: "Loose" },
      [`${at}.matchPolicy: Unsupported value: "Loose": supported values: "Equivalent", "Exact"`],
    ],
    [
      { sideEffects: "Some" },
      [`${at}.sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"`],
    ],
    [
      { timeoutSeconds: 31 },
      [`${at}.timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds`],
    ],
    [
      { reinvocationPolicy: "Always" },
      [`${at}.reinvocationPolicy: Unsupported value: "Always": supported values: "IfNeeded", "Never"`],
    ],
    [{ clientConfig: {} }, [`${at}.clientConfig: Required value: exactly one of url or service is required`]],
    [
      { admissionReviewVersions: [] },
      [`${at}.admissionReviewVersions: Required value: must specify one of v1, v1beta1`],
    ],
    [
      { admissionReviewVersions: ["v2"] },
      [`${at}.admissionReviewVersions: Invalid value: ["v2"]: must include at least one of v1, v1beta1`],
    ],
    [
      { objectSelector: { matchExpressions: [{ key: "a", operator: "Is" }] } },
      [`${at}.objectSelector.matchExpressions[0].operator: Invalid value: "Is": not a valid selector operator`],
    ],
    [
      { matchConditions: [{ name: "a", expression: "true" }, { name: "a", expression: " " }, { expression: "true" }] },
      [
        `${at}.matchConditions[1].expression: Required value`,
        `${at}.matchConditions[1].name: Duplicate value: "a"`,
        `${at}.matchConditions[2].name: Required value`,
      ],
    ],
    [
      { matchConditions: Array.from({ length: 65 }, (_, index) => ({ name: `c${index}`, expression: "true" })) },
      [`${at}.matchConditions: Too many: 65: must have at most 64 items`],
    ],
  ];
  for (const [change, errors] of table) assert.deepEqual(wrongHook(change), errors, JSON.stringify(change));
  const { sideEffects: _, ...silent } = hook;
  assert.deepEqual(errorsOnCreate(ValidatingWebhookConfigurations, { webhooks: [silent] }), [
    `${at}.sideEffects: Required value: must specify one of None, NoneOnDryRun`,
  ]);
  assert.deepEqual(errorsOnCreate(ValidatingWebhookConfigurations, { webhooks: [hook, hook] }), [
    'webhooks[1].name: Duplicate value: "pods.example.com"',
  ]);
});

test("rules name operations, groups, versions and resources", () => {
  const at = "webhooks[0].rules[0]";
  const rule = hook.rules?.[0] ?? {};
  const table: [Partially<RuleWithOperations>, string[]][] = [
    [
      {},
      [
        `${at}.operations: Required value`,
        `${at}.apiGroups: Required value`,
        `${at}.apiVersions: Required value`,
        `${at}.resources: Required value`,
      ],
    ],
    [
      { ...rule, operations: ["*", "MERGE"], apiGroups: ["*", ""], apiVersions: ["*", ""], scope: "Node" },
      [
        `${at}.operations: Invalid value: ["*","MERGE"]: if '*' is present, must not specify other operations`,
        `${at}.operations[1]: Unsupported value: "MERGE": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"`,
        `${at}.apiGroups: Invalid value: ["*",""]: if '*' is present, must not specify other API groups`,
        `${at}.apiVersions: Invalid value: ["*",""]: if '*' is present, must not specify other API versions`,
        `${at}.apiVersions[1]: Required value`,
        `${at}.scope: Unsupported value: "Node": supported values: "*", "Cluster", "Namespaced"`,
      ],
    ],
    [{ ...rule, resources: ["*", "pods/status", "*/scale"] }, []],
    [
      { ...rule, resources: ["pods/*", "*/scale", "pods/status", "deployments/scale", ""] },
      [
        `${at}.resources[2]: Invalid value: "pods/status": if 'pods/*' is present, must not specify pods/status`,
        `${at}.resources[3]: Invalid value: "deployments/scale": if '*/scale' is present, must not specify deployments/scale`,
        `${at}.resources[4]: Required value`,
      ],
    ],
    [
      { ...rule, resources: ["*/*", "pods"] },
      [`${at}.resources: Invalid value: ["*/*","pods"]: if '*/*' is present, must not specify other resources`],
    ],
    [
      { ...rule, resources: ["*", "pods"] },
      [
        `${at}.resources: Invalid value: ["*","pods"]: if '*' is present, must not specify other resources without subresources`,
      ],
    ],
  ];
  for (const [each, errors] of table) assert.deepEqual(wrongHook({ rules: [each] }), errors, JSON.stringify(each));
});

test("rows count webhooks", () => {
  assert.equal(cells(MutatingWebhookConfigurations, { metadata: {}, webhooks: [hook] }).Webhooks, 1);
  assert.equal(cells(ValidatingWebhookConfigurations, { metadata: {} }).Webhooks, 0);
});
