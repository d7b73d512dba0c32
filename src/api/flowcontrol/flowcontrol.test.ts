import assert from "node:assert/strict";
import { test } from "node:test";
import { cells, created, errorsOnCreate, errorsOnStatusUpdate, type Partially } from "../definition-fixture.ts";
import type {
  FlowSchema,
  FlowSchemaSpec,
  PolicyRulesWithSubjects,
  PriorityLevelConfiguration,
  PriorityLevelConfigurationSpec,
  QueuingConfiguration,
} from "../types.generated.ts";
import { FlowSchemas } from "./flow-schema.ts";
import { mandatoryFlowSchemas, mandatoryPriorityLevels } from "./mandatory.ts";
import { PriorityLevelConfigurations } from "./priority-level-configuration.ts";

const schemaOf = (spec: Partially<FlowSchemaSpec> = {}): Partially<FlowSchema> => ({
  spec: { priorityLevelConfiguration: { name: "low" }, ...spec },
});
const user = { kind: "User", user: { name: "jane" } };
const everything = { verbs: ["*"], apiGroups: ["*"], resources: ["*"], namespaces: ["*"] };
const withRule = (rule: Partially<PolicyRulesWithSubjects>) =>
  schemaOf({ rules: [{ subjects: [user], resourceRules: [everything], ...rule }] });

test("a schema has a precedence", () => {
  assert.equal(created(FlowSchemas, schemaOf()).spec.matchingPrecedence, 1000);
});

test("wrong flow schemas are refused with Kubernetes' words", () => {
  const rule = "spec.rules[0]";
  const resource = `${rule}.resourceRules[0]`;
  const url = `${rule}.nonResourceRules[0].nonResourceURLs`;
  const table: [string, Partially<FlowSchema>, string[]][] = [
    ["a right one", withRule({}), []],
    [
      "precedence of another",
      schemaOf({ matchingPrecedence: 1 }),
      ["spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1"],
    ],
    [
      "precedences out of range",
      schemaOf({ matchingPrecedence: -1 }),
      ["spec.matchingPrecedence: Invalid value: -1: must be a positive value"],
    ],
    [
      "too much precedence",
      schemaOf({ matchingPrecedence: 10_001 }),
      ["spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000"],
    ],
    [
      "no level",
      schemaOf({ priorityLevelConfiguration: {} }),
      ["spec.priorityLevelConfiguration.name: Required value: must reference a priority level"],
    ],
    [
      "an unknown method",
      schemaOf({ distinguisherMethod: { type: "ByHat" } }),
      ['spec.distinguisherMethod.type: Unsupported value: {"Type":"ByHat"}: supported values: "ByNamespace", "ByUser"'],
    ],
    [
      "an empty rule",
      schemaOf({ rules: [{}] }),
      [
        `${rule}.subjects: Required value: subjects must contain at least one value`,
        `${rule}: Required value: at least one of resourceRules and nonResourceRules has to be non-empty`,
      ],
    ],
    [
      "subjects of the wrong kind",
      withRule({
        subjects: [
          { kind: "Robot" },
          { kind: "User", group: { name: "dev" } },
          { kind: "ServiceAccount", serviceAccount: { name: "*" }, user: { name: "jane" } },
          { kind: "Group", group: {} },
        ],
      }),
      [
        `${rule}.subjects[0].kind: Unsupported value: "Robot": supported values: "Group", "ServiceAccount", "User"`,
        `${rule}.subjects[1].user: Required value: user is required when subject kind is 'User'`,
        `${rule}.subjects[1].group: Forbidden: group is forbidden when subject kind is not 'Group'`,
        `${rule}.subjects[2].serviceAccount.namespace: Required value: must specify namespace for service account`,
        `${rule}.subjects[2].user: Forbidden: user is forbidden when subject kind is not 'User'`,
        `${rule}.subjects[3].group.name: Required value`,
      ],
    ],
    [
      "wildcards with others",
      withRule({
        resourceRules: [
          { verbs: ["*", "get"], apiGroups: ["*", ""], resources: ["*", "pods"], namespaces: ["*", "default"] },
        ],
      }),
      [
        `${resource}.verbs: Invalid value: ["*","get"]: if '*' is present, must not specify other verbs`,
        `${resource}.apiGroups: Invalid value: ["*",""]: if '*' is present, must not specify other api groups`,
        `${resource}.resources: Invalid value: ["*","pods"]: if '*' is present, must not specify other resources`,
        `${resource}.namespaces: Invalid value: ["*","default"]: if '*' is present, must not specify other namespaces`,
      ],
    ],
    [
      "nothing in the lists",
      withRule({ resourceRules: [{}] }),
      [
        `${resource}.verbs: Required value: verbs must contain at least one value`,
        `${resource}.apiGroups: Required value: resource rules must supply at least one api group`,
        `${resource}.resources: Required value: resource rules must supply at least one resource`,
        `${resource}.namespaces: Required value: resource rules that are not cluster scoped must supply at least one namespace`,
      ],
    ],
    [
      "an unknown verb",
      withRule({ resourceRules: [{ ...everything, verbs: ["get", "dance"] }] }),
      [
        `${resource}.verbs: Unsupported value: ["get","dance"]: supported values: "create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"`,
      ],
    ],
    [
      "paths",
      withRule({
        nonResourceRules: [{ verbs: ["get"], nonResourceURLs: ["", "/", "a", "/a b", "/a//b", "/a/*", "/a*", "/*/*"] }],
      }),
      [
        `${url}[0]: Invalid value: "": must not be empty`,
        `${url}[2]: Invalid value: "a": must start with slash`,
        `${url}[3]: Invalid value: "/a b": must not contain white-space`,
        `${url}[4]: Invalid value: "/a//b": must not contain double slash`,
        `${url}[6]: Invalid value: "/a*": wildcard can only do suffix matching`,
        `${url}[7]: Invalid value: "/*/*": wildcard can only do suffix matching`,
      ],
    ],
  ];
  for (const [name, schema, errors] of table) assert.deepEqual(errorsOnCreate(FlowSchemas, schema), errors, name);
});

test("the schemas and levels that every cluster has stay as they are", () => {
  for (const [name, spec] of mandatoryFlowSchemas) {
    assert.deepEqual(errorsOnCreate(FlowSchemas, { metadata: { name }, spec }), [], name);
    const changed = { ...spec, rules: [] };
    const level = JSON.stringify({ Name: spec.priorityLevelConfiguration.name });
    const method = spec.distinguisherMethod ? JSON.stringify({ Type: spec.distinguisherMethod.type }) : "null";
    assert.deepEqual(errorsOnCreate(FlowSchemas, { metadata: { name }, spec: changed }), [
      `spec: Invalid value: {"PriorityLevelConfiguration":${level},"MatchingPrecedence":${spec.matchingPrecedence},"DistinguisherMethod":${method},"Rules":[]}: spec of '${name}' must equal the fixed value`,
    ]);
  }
  for (const [name, spec] of mandatoryPriorityLevels)
    assert.deepEqual(errorsOnCreate(PriorityLevelConfigurations, { metadata: { name }, spec }), [], name);
  const shares = { type: "Exempt", exempt: { nominalConcurrencyShares: 5 } };
  assert.deepEqual(errorsOnCreate(PriorityLevelConfigurations, { metadata: { name: "exempt" }, spec: shares }), []);
  const other = { type: "Limited", limited: { nominalConcurrencyShares: 6, limitResponse: { type: "Reject" } } };
  assert.match(
    errorsOnCreate(PriorityLevelConfigurations, { metadata: { name: "catch-all" }, spec: other }).join(),
    /^spec: Invalid value: .*: spec of 'catch-all' must equal the fixed value$/,
  );
});

const levelOf = (spec: Partially<PriorityLevelConfigurationSpec>): Partially<PriorityLevelConfiguration> => ({ spec });
const queuing = (configuration: Partially<QueuingConfiguration>) =>
  levelOf({ type: "Limited", limited: { limitResponse: { type: "Queue", queuing: configuration } } });

test("a level has shares and queues", () => {
  assert.deepEqual(created(PriorityLevelConfigurations, queuing({})).spec.limited, {
    nominalConcurrencyShares: 30,
    lendablePercent: 0,
    limitResponse: { type: "Queue", queuing: { handSize: 8, queues: 64, queueLengthLimit: 50 } },
  });
});

test("wrong levels are refused with Kubernetes' words", () => {
  const limited = "spec.limited";
  const response = `${limited}.limitResponse`;
  const table: [string, Partially<PriorityLevelConfiguration>, string[]][] = [
    ["a right one", queuing({}), []],
    [
      "exempt under another name",
      levelOf({ type: "Exempt", limited: {} }),
      [
        "spec.type: Invalid value: \"Exempt\": type must be 'Exempt' if and only if name is 'exempt'",
        "spec.limited: Forbidden: must be nil if the type is not Limited",
      ],
    ],
    [
      "limited without limits",
      levelOf({ type: "Limited", exempt: {} }),
      [
        "spec.exempt: Forbidden: must be nil if the type is Limited",
        "spec.limited: Required value: must not be empty when type is Limited",
      ],
    ],
    ["no type", levelOf({}), ['spec.type: Unsupported value: "": supported values: "Exempt", "Limited"']],
    [
      "numbers out of range",
      levelOf({
        type: "Limited",
        limited: {
          nominalConcurrencyShares: -1,
          lendablePercent: 101,
          borrowingLimitPercent: -1,
          limitResponse: { type: "Reject" },
        },
      }),
      [
        `${limited}.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer`,
        `${limited}.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive`,
        `${limited}.borrowingLimitPercent: Invalid value: -1: if specified, must be a non-negative integer`,
      ],
    ],
    [
      "no response",
      levelOf({ type: "Limited", limited: {} }),
      [`${response}.type: Unsupported value: "": supported values: "Queue", "Reject"`],
    ],
    [
      "no queues",
      levelOf({ type: "Limited", limited: { limitResponse: { type: "Queue" } } }),
      [`${response}.queuing: Required value: must not be empty if limited.limitResponse.type is Limited`],
    ],
    [
      "queues for the rejected",
      levelOf({ type: "Limited", limited: { limitResponse: { type: "Reject", queuing: {} } } }),
      [`${response}.queuing: Forbidden: must be nil if limited.limitResponse.type is not Limited`],
    ],
    [
      "negative queues",
      queuing({ queues: -1, handSize: -1, queueLengthLimit: -1 }),
      [
        `${response}.queuing.queueLengthLimit: Invalid value: -1: must be positive`,
        `${response}.queuing.queues: Invalid value: -1: must be positive`,
        `${response}.queuing.handSize: Invalid value: -1: must be positive`,
      ],
    ],
    [
      "more hands than queues",
      queuing({ queues: 7 }),
      [`${response}.queuing.handSize: Invalid value: 8: should not be greater than queues (7)`],
    ],
    [
      "too many ways to deal",
      queuing({ queues: 512 }),
      [
        `${response}.queuing.handSize: Invalid value: 8: required entropy bits of deckSize 512 and handSize 8 should not be greater than 60`,
      ],
    ],
    [
      "very many queues",
      queuing({ queues: 10_000_001, handSize: 2 }),
      [`${response}.queuing.queues: Invalid value: 10000001: must not be greater than 10000000`],
    ],
  ];
  for (const [name, level, errors] of table)
    assert.deepEqual(errorsOnCreate(PriorityLevelConfigurations, level), errors, name);
});

test("a condition has a type, and a type one condition", () => {
  const conditions = [{ type: "Dangling" }, { type: "Dangling" }, {}];
  const expected = [
    'status.conditions[1].type: Duplicate value: "Dangling"',
    "status.conditions[2].type: Required value: must not be empty",
  ];
  const errors = errorsOnStatusUpdate(FlowSchemas, schemaOf(), ({ status }) => {
    status.conditions = conditions;
  });
  assert.deepEqual(errors, expected);
  assert.deepEqual(
    errorsOnStatusUpdate(PriorityLevelConfigurations, queuing({}), ({ status }) => {
      status.conditions = conditions;
    }),
    expected,
  );
});

test("rows of schemas and levels", () => {
  const schema = cells(FlowSchemas, { metadata: { name: "a" }, status: {}, ...schemaOf() });
  assert.deepEqual(schema, {
    Name: "a",
    PriorityLevel: "low",
    MatchingPrecedence: 1000,
    DistinguisherMethod: "<none>",
    Age: "<unknown>",
    MissingPL: "?",
  });
  const dangling = { conditions: [{ type: "Dangling", status: "False" }] };
  assert.equal(cells(FlowSchemas, { metadata: {}, ...schemaOf(), status: dangling }).MissingPL, "False");
  const level = cells(PriorityLevelConfigurations, { metadata: { name: "a" }, ...queuing({}) });
  assert.deepEqual(level, {
    Name: "a",
    Type: "Limited",
    NominalConcurrencyShares: 30,
    Queues: 64,
    HandSize: 8,
    QueueLengthLimit: 50,
    Age: "<unknown>",
  });
  const exempt = cells(PriorityLevelConfigurations, { metadata: { name: "a" }, ...levelOf({ type: "Exempt" }) });
  assert.deepEqual(
    [exempt.NominalConcurrencyShares, exempt.Queues, exempt.HandSize, exempt.QueueLengthLimit],
    Array(4).fill("<none>"),
  );
});
