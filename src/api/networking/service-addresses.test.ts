import assert from "node:assert/strict";
import { test } from "node:test";
import { cells, errorsOnCreate, errorsOnUpdate, type Partially } from "../definition-fixture.ts";
import type { ParentReference, ServiceCIDRSpec } from "../types.generated.ts";
import { IPAddresses } from "./ip-address.ts";
import { ServiceCIDRs } from "./service-cidr.ts";

const parentRef: ParentReference = { resource: "services", namespace: "default", name: "web" };

test("an address is what it is called, and somebody's", () => {
  assert.deepEqual(IPAddresses.validateName?.("10.0.0.1", false), []);
  assert.deepEqual(IPAddresses.validateName?.("web", false), [
    "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
  ]);
  for (const [name, message] of [
    ["10.0.0.01", "must not have leading 0s"],
    ["::ffff:10.0.0.1", "must not be an IPv4-mapped IPv6 address"],
    ["FD00::1", 'must be in canonical form ("fd00::1")'],
  ] as const)
    assert.deepEqual(IPAddresses.validateName?.(name, false), [message]);
  assert.deepEqual(errorsOnCreate(IPAddresses, { spec: { parentRef } }), []);
  assert.deepEqual(errorsOnCreate(IPAddresses, {}), ["spec.parentRef: Required value"]);
  assert.deepEqual(errorsOnCreate(IPAddresses, { spec: { parentRef: { resource: "", name: "a/b" } } }), [
    "spec.parentRef.resource: Required value",
    `spec.parentRef.name: Invalid value: "a/b": may not contain '/'`,
  ]);
  const errors = errorsOnUpdate(IPAddresses, { spec: { parentRef } }, (draft) => {
    draft.spec.parentRef.name = "other";
  });
  assert.deepEqual(errors, [
    'spec.parentRef: Invalid value: {"Group":"","Resource":"services","Namespace":"default","Name":"other"}: field is immutable',
  ]);
});

test("the row of an address", () => {
  const parent = (reference: ParentReference) =>
    cells(IPAddresses, { metadata: {}, spec: { parentRef: reference } }).ParentRef;
  assert.equal(parent(parentRef), "services/default/web");
  assert.equal(parent({ group: "example.com", resource: "gateways", name: "a" }), "gateways.example.com/a");
});

const ranges: readonly (readonly [string, Partially<ServiceCIDRSpec>, readonly string[]])[] = [
  ["a good one", { cidrs: ["10.0.0.0/16", "fd00::/64"] }, []],
  ["none", {}, ["spec.cidrs: Required value: at least one CIDR required"]],
  [
    "two of a family",
    { cidrs: ["10.0.0.0/16", "10.1.0.0/16"] },
    [
      'spec.cidrs: Invalid value: {"CIDRs":["10.0.0.0/16","10.1.0.0/16"]}: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
    ],
  ],
  [
    "texts that are not canonical",
    { cidrs: ["10.0.0.1/16", "fd00:0::/64"] },
    [
      'spec.cidrs[0]: Invalid value: "10.0.0.1/16": must not have bits set beyond the prefix length',
      'spec.cidrs[1]: Invalid value: "fd00:0::/64": must be in canonical form ("fd00::/64")',
    ],
  ],
  [
    "no range",
    { cidrs: ["10.0.0.0"] },
    ['spec.cidrs[0]: Invalid value: "10.0.0.0": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'],
  ],
];

for (const [name, spec, errors] of ranges)
  test(`the ranges of services are validated: ${name}`, () => {
    assert.deepEqual(errorsOnCreate(ServiceCIDRs, { spec }), errors);
  });

test("a range of services stays, and may be joined by another", () => {
  const change = (cidrs: string[]) =>
    errorsOnUpdate(ServiceCIDRs, { spec: { cidrs: ["10.0.0.0/16"] } }, (draft) => {
      draft.spec.cidrs = cidrs;
    });
  assert.deepEqual(change(["10.0.0.0/16", "fd00::/64"]), []);
  assert.deepEqual(change(["10.1.0.0/16"]), ['spec.cidrs[0]: Invalid value: "10.1.0.0/16": field is immutable']);
});

test("the row of the ranges of services", () => {
  assert.equal(
    cells(ServiceCIDRs, { metadata: {}, spec: { cidrs: ["10.0.0.0/16", "fd00::/64"] } }).CIDRs,
    "10.0.0.0/16,fd00::/64",
  );
});
