import assert from "node:assert/strict";
import { test } from "node:test";
import { deepCopy } from "../../lib/index.ts";
import {
  cells,
  created,
  errorsOnCreate,
  errorsOnStatusUpdate,
  type Partially,
  strategyContext,
} from "../definition-fixture.ts";
import type { APIService, APIServiceSpec } from "../types.generated.ts";
import { APIServices } from "./api-service.ts";

const serviceOf = (spec: Partially<APIServiceSpec> = {}): Partially<APIService> => ({
  metadata: { name: "v1.example.com" },
  spec: {
    group: "example.com",
    version: "v1",
    groupPriorityMinimum: 1000,
    versionPriority: 15,
    service: { namespace: "default", name: "api" },
    insecureSkipTLSVerify: true,
    ...spec,
  },
});
const local = serviceOf();
const { service: _, insecureSkipTLSVerify: __, ...localSpec } = local.spec ?? {};

test("an API of this server is available at once, that of a service when somebody saw it", () => {
  assert.deepEqual(created(APIServices, { ...local, spec: localSpec }).status.conditions, [
    {
      type: "Available",
      status: "True",
      lastTransitionTime: "2025-01-01T00:00:00Z",
      reason: "Local",
      message: "Local APIServices are always available",
    },
  ]);
  const remote = created(APIServices, serviceOf());
  assert.deepEqual(remote.status, {});
  assert.equal(remote.spec.service?.port, 443);
});

test("wrong services are refused with Kubernetes' words", () => {
  const table: [string, Partially<APIService>, string[]][] = [
    ["a right one", serviceOf(), []],
    [
      "another name",
      { ...serviceOf(), metadata: { name: "v2.example.com" } },
      ['metadata.name: Invalid value: "v2.example.com": must be `spec.version+"."+spec.group`: "v1.example.com"'],
    ],
    [
      "a group that is empty",
      { ...serviceOf({ group: "", version: "v2" }), metadata: { name: "v2." } },
      ["spec.group: Required value: only v1 may have an empty group and it better be legacy kube"],
    ],
    [
      "priorities",
      serviceOf({ groupPriorityMinimum: 20_001, versionPriority: 0 }),
      [
        "spec.groupPriorityMinimum: Invalid value: 20001: must be positive and less than 20000",
        "spec.versionPriority: Invalid value: 0: must be positive and less than 1000",
      ],
    ],
    [
      "a service nowhere",
      serviceOf({ service: { port: 70_000 }, caBundle: "YQ==" }),
      [
        "spec.service.namespace: Required value",
        "spec.service.name: Required value",
        "spec.service.port: Invalid value: 70000: port is not valid: must be between 1 and 65535, inclusive",
        "spec.insecureSkipTLSVerify: Invalid value: true: may not be true if caBundle is present",
      ],
    ],
    [
      "trust in oneself",
      { ...local, spec: { ...localSpec, caBundle: "YWJj", insecureSkipTLSVerify: true } },
      [
        'spec.caBundle: Invalid value: "3 bytes": local APIServices may not have a caBundle',
        "spec.insecureSkipTLSVerify: Invalid value: true: local APIServices may not have insecureSkipTLSVerify",
      ],
    ],
  ];
  for (const [name, service, errors] of table) assert.deepEqual(errorsOnCreate(APIServices, service), errors, name);
});

test("the status of a condition is one of three", () => {
  const errors = errorsOnStatusUpdate(APIServices, serviceOf(), ({ status }) => {
    status.conditions = [{ type: "Available", status: "Perhaps" }];
  });
  assert.deepEqual(errors, [
    'status.conditions[0].status: Unsupported value: "Perhaps": supported values: "True", "False", "Unknown"',
  ]);
});

test("a write of the status changes nothing of the metadata that is the client's", () => {
  const old = created(APIServices, { ...serviceOf(), metadata: { name: "v1.example.com", labels: { a: "1" } } });
  const next = deepCopy(old);
  Object.assign(next.metadata, { labels: { a: "2" }, annotations: { b: "3" } });
  APIServices.prepareForStatusUpdate?.(next, old, strategyContext);
  assert.deepEqual(next.metadata, old.metadata);
});

test("rows say who serves the API and whether it is there", () => {
  const row = (service: Partially<APIService>) => {
    const { Service, Available } = cells(APIServices, { metadata: {}, status: {}, ...service });
    return [Service, Available];
  };
  const withCondition = (condition: object) =>
    row({ ...serviceOf(), status: { conditions: [{ type: "Available", ...condition }] } });
  assert.deepEqual(row({ ...local, spec: localSpec }), ["Local", "Unknown"]);
  assert.deepEqual(withCondition({ status: "True", reason: "Passed" }), ["default/api", "True"]);
  assert.deepEqual(withCondition({ status: "False", reason: "ServiceNotFound" }), [
    "default/api",
    "False (ServiceNotFound)",
  ]);
});
