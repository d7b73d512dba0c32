import assert from "node:assert/strict";
import { test } from "node:test";
import { cells, created, errorsOnCreate, errorsOnStatusUpdate, type Partially } from "../definition-fixture.ts";
import type {
  MutatingAdmissionPolicySpec,
  ParamRef,
  ValidatingAdmissionPolicyBindingSpec,
  ValidatingAdmissionPolicySpec,
} from "../types.generated.ts";
import { MutatingAdmissionPolicies } from "./mutating-admission-policy.ts";
import { MutatingAdmissionPolicyBindings } from "./mutating-admission-policy-binding.ts";
import { ValidatingAdmissionPolicies } from "./validating-admission-policy.ts";
import { ValidatingAdmissionPolicyBindings } from "./validating-admission-policy-binding.ts";

const rule = { operations: ["CREATE"], apiGroups: ["apps"], apiVersions: ["v1"], resources: ["deployments"] };
const matchConstraints = { resourceRules: [rule] };
const policy: Partially<ValidatingAdmissionPolicySpec> = {
  matchConstraints,
  validations: [{ expression: "object.spec.replicas <= 5" }],
};
const wrongPolicy = (change: Partially<ValidatingAdmissionPolicySpec>) =>
  errorsOnCreate(ValidatingAdmissionPolicies, { spec: { ...policy, ...change } });

test("policies and bindings are completed as Kubernetes completes them", () => {
  const resources = {
    resourceRules: [{ ...rule, scope: "*" }],
    matchPolicy: "Equivalent",
    namespaceSelector: {},
    objectSelector: {},
  };
  const { spec } = created(ValidatingAdmissionPolicies, { spec: policy });
  assert.deepEqual(spec, { ...policy, failurePolicy: "Fail", matchConstraints: resources });
  const binding = created(ValidatingAdmissionPolicyBindings, { spec: { matchResources: matchConstraints } });
  assert.deepEqual(binding.spec.matchResources, resources);
});

test("wrong validating policies are refused with Kubernetes' words", () => {
  const oneItem = "validations or auditAnnotations must contain at least one item";
  const table: [Partially<ValidatingAdmissionPolicySpec>, string[]][] = [
    [{}, []],
    [
      { failurePolicy: "Retry" },
      ['spec.failurePolicy: Unsupported value: "Retry": supported values: "Fail", "Ignore"'],
    ],
    [{ matchConstraints: {} }, ["spec.matchConstraints.resourceRules: Required value"]],
    [
      { matchConstraints: { resourceRules: [{ ...rule, resourceNames: ["a/b", "c", "c"] }] } },
      [
        `spec.matchConstraints.resourceRules[0].resourceNames[0]: Invalid value: "a/b": may not contain '/'`,
        'spec.matchConstraints.resourceRules[0].resourceNames[2]: Duplicate value: "c"',
      ],
    ],
    [
      { validations: [] },
      [`spec.validations: Required value: ${oneItem}`, `spec.auditAnnotations: Required value: ${oneItem}`],
    ],
    [
      { paramKind: { apiVersion: "a/b/c", kind: "My_Kind" } },
      [
        'spec.paramKind.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c',
        "spec.paramKind.kind: Invalid value: \"My_Kind\": may have mixed case, but should otherwise match: a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
      ],
    ],
    [
      { paramKind: { apiVersion: "example.com/" } },
      [
        'spec.paramKind.apiVersion: Invalid value: "example.com/": version must be specified',
        "spec.paramKind.kind: Required value",
      ],
    ],
    [
      { variables: [{ name: "namespace", expression: "1" }, { name: " " }] },
      [
        'spec.variables[0].name: Invalid value: "namespace": name is not a valid CEL identifier',
        "spec.variables[1].name: Required value: name is not specified",
        "spec.variables[1].expression: Required value: expression is not specified",
      ],
    ],
    [
      {
        validations: [
          { message: " ", messageExpression: " ", reason: "Because" },
          { expression: "true", message: "b\nc" },
        ],
      },
      [
        "spec.validations[0].expression: Required value: expression is not specified",
        'spec.validations[0].messageExpression: Invalid value: " ": must be non-empty if specified',
        'spec.validations[0].message: Invalid value: " ": message must be non-empty if specified',
        'spec.validations[0].reason: Unsupported value: "Because": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"',
        'spec.validations[1].message: Invalid value: "b\\nc": message must not contain line breaks',
      ],
    ],
    [
      { auditAnnotations: [{ key: "a", valueExpression: "'b'" }, { key: "a" }] },
      [
        "spec.auditAnnotations[1].valueExpression: Required value: valueExpression is not specified",
        'spec.auditAnnotations[1].key: Duplicate value: "a"',
      ],
    ],
  ];
  for (const [change, errors] of table) assert.deepEqual(wrongPolicy(change), errors, JSON.stringify(change));
  assert.deepEqual(errorsOnCreate(ValidatingAdmissionPolicies, { spec: { validations: policy.validations ?? [] } }), [
    "spec.matchConstraints: Required value",
  ]);
});

test("the expressions of a policy are compiled with its variables and what else they may look at", () => {
  const authorizer = "authorizer.path('/x').check('get').reason()";
  const undeclared = (text: string, name: string) =>
    `Invalid value: "${text}": compilation failed: ERROR: <input>:1:1: undeclared reference to '${name}' (in container '')\n | ${text}\n | ^`;
  const table: [Partially<ValidatingAdmissionPolicySpec>, string[]][] = [
    [
      { validations: [{ expression: "object.spec.paused" }, { expression: "1", messageExpression: authorizer }] },
      [
        'spec.validations[0].expression: Invalid value: "object.spec.paused": must evaluate to bool',
        'spec.validations[1].expression: Invalid value: "1": must evaluate to bool',
        `spec.validations[1].messageExpression: ${undeclared(authorizer, "authorizer")}`,
      ],
    ],
    [
      {
        variables: [{ name: "__proto__", expression: "1" }],
        validations: [{ expression: "variables.__proto__ > 1" }],
      },
      [],
    ],
    [
      { validations: [{ expression: "variables.x > 1" }] },
      [`spec.validations[0].expression: ${undeclared("variables.x > 1", "variables")}`],
    ],
    [
      {
        variables: [
          { name: "x", expression: "'a'" },
          { name: "y", expression: "variables.x" },
          { name: "z", expression: "params.z" },
        ],
        validations: [{ expression: "variables.y > 1" }, { expression: "variables.z > 1" }],
      },
      [
        `spec.variables[2].expression: ${undeclared("params.z", "params")}`,
        `spec.validations[0].expression: Invalid value: "variables.y > 1": compilation failed: ERROR: <input>:1:13: found no matching overload for '_>_' applied to '(string, int)'\n | variables.y > 1\n | ............^`,
      ],
    ],
    [
      {
        validations: [
          { expression: "namespaceObject.bogus == 1" },
          { expression: "namespaceObject == null || namespaceObject.metadata.name != 'x'" },
          {
            expression:
              "has(namespaceObject.metadata.labels) && namespaceObject.metadata.labels[?'a'].orValue('') == ''",
          },
          {
            expression:
              "namespaceObject.status.conditions.all(c, c.type != 'x') && namespaceObject.spec.finalizers.size() > 0",
          },
        ],
      },
      [
        `spec.validations[0].expression: Invalid value: "namespaceObject.bogus == 1": compilation failed: ERROR: <input>:1:16: undefined field 'bogus'\n | namespaceObject.bogus == 1\n | ...............^`,
      ],
    ],
    [
      {
        matchConditions: [{ name: "m", expression: " 'a'" }],
        auditAnnotations: [
          { key: "a", valueExpression: "1" },
          { key: "b", valueExpression: "null" },
        ],
      },
      [
        `spec.matchConditions[0].expression: Invalid value: "'a'": must evaluate to bool`,
        'spec.auditAnnotations[0].valueExpression: Invalid value: "1": must evaluate to one of [string null_type]',
      ],
    ],
  ];
  for (const [change, errors] of table) assert.deepEqual(wrongPolicy(change), errors, JSON.stringify(change));
});

test("a warning about an expression says of which, and what", () => {
  const errors = errorsOnStatusUpdate(ValidatingAdmissionPolicies, { spec: policy }, ({ status }) => {
    status.typeChecking = { expressionWarnings: [{ fieldRef: " ", warning: "" }] };
  });
  assert.deepEqual(errors, [
    "status.typeChecking.expressionWarnings[0].warning: Required value",
    "status.typeChecking.expressionWarnings[0].fieldRef: Required value",
  ]);
});

test("wrong mutating policies are refused with Kubernetes' words", () => {
  const mutating: Partially<MutatingAdmissionPolicySpec> = {
    matchConstraints,
    mutations: [{ patchType: "JSONPatch", jsonPatch: { expression: "[JSONPatch{op: 'remove', path: '/a'}]" } }],
    reinvocationPolicy: "Never",
  };
  const table: [Partially<MutatingAdmissionPolicySpec>, string[]][] = [
    [{}, []],
    [{ mutations: [] }, ["spec.mutations: Required value: mutations must contain at least one item"]],
    [
      { reinvocationPolicy: "Always" },
      ['spec.reinvocationPolicy: Unsupported value: "Always": supported values: "Never", "IfNeeded"'],
    ],
    [
      { matchConstraints: { resourceRules: [{ ...rule, operations: ["DELETE"] }] } },
      [
        'spec.matchConstraints.resourceRules.operations: Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"',
      ],
    ],
    [
      {
        mutations: [
          {},
          { patchType: "Merge" },
          { patchType: "JSONPatch", applyConfiguration: { expression: "Object{}" } },
          { patchType: "ApplyConfiguration", applyConfiguration: { expression: " " }, jsonPatch: {} },
        ],
      },
      [
        "spec.mutations[0].patchType: Required value",
        'spec.mutations[1].patchType: Unsupported value: "Merge": supported values: "ApplyConfiguration", "JSONPatch"',
        "spec.mutations[2].jsonPatch: Required value: must be specified when patchType is JSONPatch",
        'spec.mutations[2].applyConfiguration: Invalid value: "{applyConfiguration}": must not be specified when patchType is JSONPatch',
        "spec.mutations[3].applyConfiguration.expression: Required value",
        'spec.mutations[3].jsonPatch: Invalid value: "{jsonPatch}": must not be specified when patchType is ApplyConfiguration',
      ],
    ],
    [
      {
        variables: [{ name: "patch", expression: "[JSONPatch{op: 'remove', path: '/a'}]" }],
        mutations: [
          { patchType: "JSONPatch", jsonPatch: { expression: "has(object.a) ? variables.patch : []" } },
          { patchType: "JSONPatch", jsonPatch: { expression: "[]" } },
          { patchType: "JSONPatch", jsonPatch: { expression: " variables.none" } },
          { patchType: "ApplyConfiguration", applyConfiguration: { expression: "Object{spec: Object.spec{a: 1}}" } },
          { patchType: "ApplyConfiguration", applyConfiguration: { expression: "{'a': 1}" } },
        ],
      },
      [
        'spec.mutations[1].jsonPatch.expression: Invalid value: "[]": must evaluate to list(JSONPatch)',
        `spec.mutations[2].jsonPatch.expression: Invalid value: "variables.none": compilation failed: ERROR: <input>:1:10: undefined field 'none'\n | variables.none\n | .........^`,
        `spec.mutations[4].applyConfiguration.expression: Invalid value: "{'a': 1}": must evaluate to Object`,
      ],
    ],
  ];
  for (const [change, errors] of table)
    assert.deepEqual(
      errorsOnCreate(MutatingAdmissionPolicies, { spec: { ...mutating, ...change } }),
      errors,
      JSON.stringify(change),
    );
});

test("a binding names a policy, its parameters and what is done", () => {
  const binding: Partially<ValidatingAdmissionPolicyBindingSpec> = {
    policyName: "replicas",
    validationActions: ["Deny"],
  };
  const table: [Partially<ValidatingAdmissionPolicyBindingSpec>, string[]][] = [
    [{}, []],
    [{ policyName: "" }, ["spec.policyName: Required value"]],
    [{ validationActions: [] }, ["spec.validationActions: Required value: at least one validation action is required"]],
    [
      { validationActions: ["Deny", "Warn", "Warn", "Shout"] },
      [
        'spec.validationActions[2]: Duplicate value: "Warn"',
        'spec.validationActions[3]: Unsupported value: "Shout": supported values: "Audit", "Deny", "Warn"',
        'spec.validationActions: Invalid value: ["Deny","Warn","Warn","Shout"]: must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
      ],
    ],
    [
      { paramRef: { name: "a", selector: {}, parameterNotFoundAction: "Shrug" } },
      [
        "spec.paramRef.name: Forbidden: name and selector are mutually exclusive",
        "spec.paramRef.selector: Forbidden: name and selector are mutually exclusive",
        'spec.paramRef.parameterNotFoundAction: Unsupported value: "Shrug": supported values: "Deny", "Allow"',
      ],
    ],
    [
      { paramRef: {} },
      [
        "spec.paramRef: Required value: one of name or selector must be specified",
        "spec.paramRef.parameterNotFoundAction: Required value",
      ],
    ],
    [
      { matchResources: { matchPolicy: "Loose" } },
      ['spec.matchResources.matchPolicy: Unsupported value: "Loose": supported values: "Equivalent", "Exact"'],
    ],
  ];
  for (const [change, errors] of table)
    assert.deepEqual(
      errorsOnCreate(ValidatingAdmissionPolicyBindings, { spec: { ...binding, ...change } }),
      errors,
      JSON.stringify(change),
    );
  assert.deepEqual(
    errorsOnCreate(MutatingAdmissionPolicyBindings, {
      spec: { policyName: "a", matchResources: { resourceRules: [{ ...rule, operations: ["DELETE"] }] } },
    }),
    [
      'spec.matchResources.resourceRules.operations: Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"',
    ],
  );
});

test("rows of policies and bindings", () => {
  const paramKind = { apiVersion: "example.com/v1", kind: "Limit" };
  const row = cells(ValidatingAdmissionPolicies, { metadata: {}, spec: { ...policy, paramKind } });
  assert.deepEqual([row.Validations, row.ParamKind], [1, "example.com/v1/Limit"]);
  const paramCell = (paramRef: Partially<ParamRef>) =>
    cells(ValidatingAdmissionPolicyBindings, { metadata: {}, spec: { paramRef } }).ParamRef;
  assert.equal(cells(MutatingAdmissionPolicyBindings, { metadata: {}, spec: {} }).ParamRef, "<unset>");
  assert.equal(paramCell({ name: "a" }), "*/a");
  assert.equal(paramCell({ name: "a", namespace: "default" }), "default/a");
  assert.equal(
    paramCell({
      selector: {
        matchLabels: { b: "2", a: "1" },
        matchExpressions: [{ key: "c", operator: "In", values: ["x", "y"] }],
      },
    }),
    "&LabelSelector{MatchLabels:map[string]string{a: 1,b: 2,},MatchExpressions:[]LabelSelectorRequirement{LabelSelectorRequirement{Key:c,Operator:In,Values:[x y],},},}",
  );
});
