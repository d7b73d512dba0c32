import assert from "node:assert/strict";
import { test } from "node:test";
import { deepCopy } from "../../lib/index.ts";
import {
  cells,
  created,
  errorsOnCreate,
  errorsOnStatusUpdate,
  errorsOnUpdate,
  type Partially,
  strategyContext,
} from "../definition-fixture.ts";
import type { DeviceClaim, DeviceRequest, ResourceClaimStatus, ResourceResourceClaim } from "../types.generated.ts";
import { ResourceClaims } from "./resource-claim.ts";
import { ResourceClaimTemplates } from "./resource-claim-template.ts";

type Claim = Partially<ResourceResourceClaim>;

const claimOf = (devices: Partially<DeviceClaim>): Claim => ({ spec: { devices } });
const request = (name: string): Partially<DeviceRequest> => ({ name, exactly: { deviceClassName: "gpu" } });
const unknownRequest =
  "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";
const label =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

test("a request asks for exactly one device unless it says otherwise", () => {
  const devices: Partially<DeviceClaim> = {
    requests: [
      request("one"),
      { name: "all", exactly: { deviceClassName: "gpu", allocationMode: "All" } },
      { name: "either", firstAvailable: [{ name: "big", deviceClassName: "gpu", count: 2 }] },
    ],
  };
  const expected = [
    { name: "one", exactly: { deviceClassName: "gpu", allocationMode: "ExactCount", count: 1 } },
    { name: "all", exactly: { deviceClassName: "gpu", allocationMode: "All" } },
    {
      name: "either",
      firstAvailable: [{ name: "big", deviceClassName: "gpu", allocationMode: "ExactCount", count: 2 }],
    },
  ];
  assert.deepEqual(created(ResourceClaims, claimOf(devices)).spec.devices?.requests, expected);
  const template = created(ResourceClaimTemplates, { spec: { spec: { devices } } });
  assert.deepEqual(template.spec.spec.devices?.requests, expected);
});

test("fields of features that v1.35 has off are removed", () => {
  const claim = created(
    ResourceClaims,
    claimOf({
      requests: [
        {
          name: "one",
          exactly: {
            deviceClassName: "gpu",
            tolerations: [{ operator: "Exists" }],
            capacity: { requests: { mem: "1" } },
          },
        },
      ],
      constraints: [{ matchAttribute: "example.com/numa", distinctAttribute: "example.com/card" }],
    }),
  );
  assert.deepEqual(claim.spec.devices, {
    requests: [{ name: "one", exactly: { deviceClassName: "gpu", allocationMode: "ExactCount", count: 1 } }],
    constraints: [{ matchAttribute: "example.com/numa" }],
  });
});

test("wrong claims are refused with Kubernetes' words", () => {
  const at = "spec.devices";
  const selectors = Array.from({ length: 33 }, () => ({ cel: { expression: "true" } }));
  const table: [string, Partially<DeviceClaim>, string[]][] = [
    ["nothing asked", {}, []],
    ["no name", { requests: [request("")] }, [`${at}.requests[0].name: Invalid value: "": ${label}`]],
    [
      "neither kind of request",
      { requests: [{ name: "one" }] },
      [`${at}.requests[0]: Required value: exactly one of \`exactly\` or \`firstAvailable\` is required`],
    ],
    [
      "both kinds of request",
      { requests: [{ ...request("one"), firstAvailable: [{ name: "a", deviceClassName: "gpu" }] }] },
      [
        `${at}.requests[0]: Invalid value: null: exactly one of \`exactly\` or \`firstAvailable\` is required, but multiple fields are set`,
      ],
    ],
    [
      "no class",
      { requests: [{ name: "one", exactly: {} }] },
      [`${at}.requests[0].exactly.deviceClassName: Required value`],
    ],
    ["a name twice", { requests: [request("one"), request("one")] }, [`${at}.requests[1]: Duplicate value: "one"`]],
    [
      "too many requests",
      { requests: Array.from({ length: 33 }, (_, index) => request(`r${index}`)) },
      [`${at}.requests: Too many: 33: must have at most 32 items`],
    ],
    [
      "a count of all",
      { requests: [{ name: "one", exactly: { deviceClassName: "gpu", allocationMode: "All", count: 2 } }] },
      [`${at}.requests[0].exactly.count: Invalid value: 2: must not be specified when allocationMode is 'All'`],
    ],
    [
      "a negative count",
      { requests: [{ name: "one", exactly: { deviceClassName: "gpu", count: -1 } }] },
      [`${at}.requests[0].exactly.count: Invalid value: -1: must be greater than zero`],
    ],
    [
      "an unknown mode",
      { requests: [{ name: "one", exactly: { deviceClassName: "gpu", allocationMode: "Some" } }] },
      [`${at}.requests[0].exactly.allocationMode: Unsupported value: "Some": supported values: "All", "ExactCount"`],
    ],
    [
      "selectors without CEL, and too many",
      {
        requests: [
          { name: "one", exactly: { deviceClassName: "gpu", selectors: [{}] } },
          { name: "two", exactly: { deviceClassName: "gpu", selectors } },
        ],
      },
      [
        `${at}.requests[0].exactly.selectors[0].cel: Required value`,
        `${at}.requests[1].exactly.selectors: Too many: 33: must have at most 32 items`,
      ],
    ],
    [
      "a constraint on nothing",
      { requests: [request("one")], constraints: [{ requests: ["one", "two"] }] },
      [
        `${at}.constraints[0].requests[1]: Invalid value: "two": ${unknownRequest}`,
        `${at}.constraints[0].matchAttribute: Required value`,
      ],
    ],
    [
      "an attribute without a domain",
      { constraints: [{ matchAttribute: "numa" }] },
      [
        `${at}.constraints[0].matchAttribute: Invalid value: "numa": a fully qualified name must be a domain and a name separated by a slash`,
      ],
    ],
    [
      "configuration for an alternative, and for none",
      {
        requests: [{ name: "one", firstAvailable: [{ name: "big", deviceClassName: "gpu" }] }],
        config: [
          { requests: ["one/big"], opaque: { driver: "gpu.example.com", parameters: { a: 1 } } },
          { requests: ["one/small"], opaque: { driver: "gpu.example.com", parameters: [1] } },
          { requests: ["one"] },
        ],
      },
      [
        `${at}.config[1].requests[0]: Invalid value: "one/small": ${unknownRequest}`,
        `${at}.config[1].opaque.parameters: Invalid value: "<value omitted>": must be a valid JSON object`,
        `${at}.config[2].opaque: Required value`,
      ],
    ],
  ];
  for (const [name, devices, errors] of table)
    assert.deepEqual(errorsOnCreate(ResourceClaims, claimOf(devices)), errors, name);
});

test("the spec of a claim and of a template stays as it is", () => {
  const claim = claimOf({ requests: [request("one")] });
  const wrong = errorsOnUpdate(ResourceClaims, claim, (draft) => {
    draft.spec.devices = {};
  });
  assert.deepEqual(wrong, [
    'spec: Invalid value: {"Devices":{"Requests":null,"Constraints":null,"Config":null}}: field is immutable',
  ]);
  const template = errorsOnUpdate(ResourceClaimTemplates, { spec: { spec: {} } }, (draft) => {
    draft.spec.metadata = { labels: { a: "b" } };
  });
  assert.deepEqual(template, [
    'spec: Invalid value: {"labels":{"a":"b"},"Spec":{"Devices":{"Requests":null,"Constraints":null,"Config":null}}}: field is immutable',
  ]);
});

test("metadata of a template is checked where it stands", () => {
  assert.match(
    errorsOnCreate(ResourceClaimTemplates, { spec: { metadata: { labels: { a: "-" } }, spec: {} } }).join(),
    /^spec\.metadata\.labels: Invalid value: "-": a valid label must be/,
  );
});

const allocation = {
  devices: { results: [{ request: "one", driver: "gpu.example.com", pool: "node-1", device: "gpu-0" }] },
};
const consumer = { resource: "pods", name: "web", uid: "u1" };
const device = { driver: "gpu.example.com", pool: "node-1", device: "gpu-0" };

test("wrong allocations and reservations are refused", () => {
  const at = "status";
  const table: [string, Partially<ResourceClaimStatus>, Partially<ResourceClaimStatus>, string[]][] = [
    ["given and reserved", {}, { allocation, reservedFor: [consumer] }, []],
    [
      "reserved and not given",
      {},
      { reservedFor: [consumer] },
      [`${at}.reservedFor: Forbidden: may not be specified when \`allocated\` is not set`],
    ],
    [
      "reserved twice, and for nobody",
      { allocation },
      { allocation, reservedFor: [consumer, consumer, { resource: "pods" }] },
      [
        `${at}.reservedFor[2].name: Required value`,
        `${at}.reservedFor[2].uid: Required value`,
        `${at}.reservedFor[1]: Duplicate value: "u1"`,
      ],
    ],
    [
      "another allocation",
      { allocation },
      { allocation: { devices: { results: [] } } },
      [
        `${at}.allocation: Invalid value: {"Devices":{"Results":[],"Config":null},"NodeSelector":null,"AllocationTimestamp":null}: field is immutable`,
      ],
    ],
    [
      "a result that nobody asked for",
      {},
      {
        allocation: {
          devices: { results: [{ request: "two", driver: "gpu.example.com", pool: "", device: "gpu-0" }] },
        },
      },
      [
        `${at}.allocation.devices.results[0].request: Invalid value: "two": ${unknownRequest}`,
        `${at}.allocation.devices.results[0].pool: Required value`,
      ],
    ],
    [
      "a device of others",
      { allocation },
      { allocation, devices: [{ ...device, device: "gpu-1" }] },
      [`${at}.devices[0]: Invalid value: "gpu.example.com/node-1/gpu-1": must be an allocated device in the claim`],
    ],
    [
      "addresses",
      { allocation },
      { allocation, devices: [{ ...device, networkData: { ips: ["10.0.0.1", "10.0.0.1/24", "2001:DB8::1/64"] } }] },
      [
        `${at}.devices[0].networkData.ips[0]: Invalid value: "10.0.0.1": must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)`,
        `${at}.devices[0].networkData.ips[2]: Invalid value: "2001:DB8::1/64": must be in canonical form ("2001:db8::1/64")`,
      ],
    ],
  ];
  for (const [name, old, status, errors] of table) {
    const found = errorsOnStatusUpdate(
      ResourceClaims,
      { ...claimOf({ requests: [request("one")] }), status: old },
      (draft) => {
        Object.assign(draft, { status: deepCopy(status) });
      },
    );
    assert.deepEqual(found, errors, name);
  }
});

test("a claim that goes is reserved for nobody new", () => {
  const old: Claim = {
    ...claimOf({ requests: [request("one")] }),
    metadata: { deletionTimestamp: "2025-01-01T00:00:00Z" },
    status: { allocation },
  };
  const errors = errorsOnStatusUpdate(ResourceClaims, old, ({ status }) => {
    status.reservedFor = [consumer];
  });
  assert.deepEqual(errors, [
    "status.reservedFor: Forbidden: new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set",
  ]);
});

test("what a driver said of a device goes with the device", () => {
  const old = created(ResourceClaims, {
    ...claimOf({ requests: [request("one")] }),
    status: { allocation, devices: [device] },
  });
  const next = deepCopy(old);
  delete next.status.allocation;
  ResourceClaims.prepareForStatusUpdate?.(next, old, strategyContext);
  assert.deepEqual(next.status, {});
});

test("the state of a claim is told in words", () => {
  const deletionTimestamp = "2025-01-01T00:00:00Z";
  const table: [Claim, string][] = [
    [{}, "pending"],
    [{ status: { allocation } }, "allocated"],
    [{ status: { allocation, reservedFor: [consumer] } }, "allocated,reserved"],
    [{ metadata: { deletionTimestamp } }, "deleted"],
    [{ metadata: { deletionTimestamp }, status: { allocation } }, "deleted,allocated"],
  ];
  for (const [claim, state] of table) assert.equal(cells(ResourceClaims, { metadata: {}, ...claim }).State, state);
});
