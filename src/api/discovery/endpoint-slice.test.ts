import assert from "node:assert/strict";
import { test } from "node:test";
import { deepCopy } from "../../lib/index.ts";
import {
  cells,
  created,
  errorsOnCreate,
  errorsOnUpdate,
  type Partially,
  strategyContext,
} from "../definition-fixture.ts";
import type { EndpointSlice } from "../types.generated.ts";
import { EndpointSlices } from "./endpoint-slice.ts";

type Slice = Partially<EndpointSlice>;

const slice: Slice = { addressType: "IPv4", endpoints: [{ addresses: ["10.0.0.1"] }], ports: [{ port: 80 }] };
const endpoint = (fields: object): Slice => ({ ...slice, endpoints: [{ addresses: ["10.0.0.1"], ...fields }] });

test("ports of slices have a name and a protocol, be it the default", () => {
  assert.deepEqual(created(EndpointSlices, slice).ports, [{ name: "", protocol: "TCP", port: 80 }]);
});

const invalid: readonly (readonly [string, Slice, readonly string[]])[] = [
  ["a good one", slice, []],
  ["no type", { endpoints: [] }, ["addressType: Required value"]],
  [
    "an unknown type",
    { addressType: "IP" },
    ['addressType: Unsupported value: "IP": supported values: "FQDN", "IPv4", "IPv6"'],
  ],
  [
    "no addresses",
    endpoint({ addresses: [] }),
    ["endpoints[0].addresses: Required value: must contain at least 1 address"],
  ],
  [
    "an address of another type",
    { ...slice, addressType: "IPv6" },
    ['endpoints[0].addresses[0]: Invalid value: "10.0.0.1": must be a valid IPv6 address'],
  ],
  [
    "an address that is no host's",
    endpoint({ addresses: ["127.0.0.1"] }),
    ['endpoints[0].addresses[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)'],
  ],
  [
    "a name without a domain",
    { addressType: "FQDN", endpoints: [{ addresses: ["host"] }] },
    [
      'endpoints[0].addresses[0]: Invalid value: "host": should be a domain with at least two segments separated by dots',
    ],
  ],
  ["a name", { addressType: "FQDN", endpoints: [{ addresses: ["host.example.com."] }] }, []],
  [
    "hints",
    endpoint({ hints: { forZones: [{ name: "a" }, { name: "a" }] } }),
    ['endpoints[0].hints.forZones[1].name: Duplicate value: "a"'],
  ],
  ["ports of one name", { ...slice, ports: [{ port: 80 }, { port: 81 }] }, ['ports[1].name: Duplicate value: ""']],
  [
    "an unknown protocol",
    { ...slice, ports: [{ port: 80, protocol: "ICMP" }] },
    ['ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"'],
  ],
  [
    "too many",
    { ...slice, endpoints: Array.from({ length: 1001 }, () => ({ addresses: ["10.0.0.1"] })) },
    ["endpoints: Too many: 1001: must have at most 1000 items"],
  ],
];

for (const [name, object, errors] of invalid)
  test(`a slice is validated: ${name}`, () => {
    assert.deepEqual(errorsOnCreate(EndpointSlices, object), errors);
  });

test("a slice keeps its type of addresses", () => {
  const errors = errorsOnUpdate(EndpointSlices, { addressType: "IPv4" }, (draft) => {
    draft.addressType = "IPv6";
  });
  assert.deepEqual(errors, ['addressType: Invalid value: "IPv6": field is immutable']);
});

test("the row of a slice", () => {
  const row = cells(EndpointSlices, {
    metadata: { name: "web-1", creationTimestamp: "2024-12-31T23:59:00Z" },
    addressType: "IPv4",
    endpoints: [
      { addresses: ["10.0.0.1"] },
      { addresses: ["10.0.0.2"] },
      { addresses: ["10.0.0.3"] },
      { addresses: ["10.0.0.4"] },
    ],
    ports: [{ port: 80 }, { name: "any" }],
  });
  assert.deepEqual(row, {
    Name: "web-1",
    AddressType: "IPv4",
    Ports: "80,any",
    Endpoints: "10.0.0.1,10.0.0.2,10.0.0.3 + 1 more...",
    Age: "60s",
  });
  const { Ports, Endpoints } = cells(EndpointSlices, { metadata: {}, addressType: "IPv4" });
  assert.deepEqual([Ports, Endpoints], ["<unset>", "<unset>"]);
});

test("the topology of endpoints is kept where it is, and not written anew", () => {
  const endpoint = { addresses: ["10.0.0.1"], deprecatedTopology: { zone: "a" } };
  const made = created(EndpointSlices, { addressType: "IPv4", endpoints: [endpoint] });
  assert.deepEqual(made.endpoints, [{ addresses: ["10.0.0.1"] }]);
  const old = { ...made, endpoints: [endpoint] };
  const kept = deepCopy(old);
  EndpointSlices.prepareForUpdate?.(kept, old, strategyContext);
  assert.deepEqual(kept.endpoints, [endpoint]);
  const changed = { ...deepCopy(old), endpoints: [deepCopy(endpoint), { addresses: ["10.0.0.2"] }] };
  EndpointSlices.prepareForUpdate?.(changed, old, strategyContext);
  assert.deepEqual(changed.endpoints, [{ addresses: ["10.0.0.1"] }, { addresses: ["10.0.0.2"] }]);
});

test("labels are a new generation of a slice, and annotations are not", () => {
  const slice = created(EndpointSlices, { addressType: "IPv4" });
  const changed = (metadata: object) => {
    const next = { ...slice, metadata: { ...slice.metadata, ...metadata } };
    return EndpointSlices.isNewGeneration?.(next, slice, false);
  };
  assert.deepEqual([changed({ labels: { a: "b" } }), changed({ annotations: { a: "b" } })], [true, false]);
});
