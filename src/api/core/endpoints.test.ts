import assert from "node:assert/strict";
import { test } from "node:test";
import { cells, created, errorsOnCreate, errorsOnUpdate, type Partially } from "../definition-fixture.ts";
import type { Endpoints } from "../types.generated.ts";
import { EndpointsResource } from "./endpoints.ts";

type Subsets = NonNullable<Partially<Endpoints>["subsets"]>;

const invalid: readonly (readonly [string, Subsets, readonly string[]])[] = [
  ["a good one", [{ addresses: [{ ip: "10.0.0.1" }], ports: [{ port: 80 }] }], []],
  [
    "no addresses",
    [{ ports: [{ port: 80 }] }],
    ["subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`"],
  ],
  [
    "addresses that are no host's",
    [{ addresses: [{ ip: "" }], notReadyAddresses: [{ ip: "169.254.1.1" }, { ip: "0.0.0.0" }] }],
    [
      'subsets[0].addresses[0].ip: Invalid value: "": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      'subsets[0].addresses[0].ip: Invalid value: "": must be a valid IP address',
      'subsets[0].notReadyAddresses[0].ip: Invalid value: "169.254.1.1": may not be in the link-local range (169.254.0.0/16, fe80::/10)',
      'subsets[0].notReadyAddresses[1].ip: Invalid value: "0.0.0.0": may not be unspecified (0.0.0.0)',
    ],
  ],
  [
    "ports",
    [
      {
        addresses: [{ ip: "10.0.0.1" }],
        ports: [
          { name: "a", port: 0 },
          { port: 80, protocol: "X" },
        ],
      },
    ],
    [
      "subsets[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
      "subsets[0].ports[1].name: Required value",
      'subsets[0].ports[1].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"',
    ],
  ],
];

for (const [name, subsets, errors] of invalid)
  test(`endpoints are validated: ${name}`, () => {
    assert.deepEqual(errorsOnCreate(EndpointsResource, { subsets }), errors);
  });

test("ports of endpoints are of TCP unless they say otherwise", () => {
  const { subsets } = created(EndpointsResource, {
    subsets: [{ ports: [{ port: 80 }, { port: 53, protocol: "UDP" }] }],
  });
  assert.deepEqual(
    subsets?.[0]?.ports?.map(({ protocol }) => protocol),
    ["TCP", "UDP"],
  );
});

test("the row of endpoints shows the first three", () => {
  const cell = (subsets: Subsets) => cells(EndpointsResource, { metadata: {}, subsets }).Endpoints;
  assert.equal(cell([]), "<none>");
  const addresses = [{ ip: "10.0.0.1" }, { ip: "fd00::1" }];
  assert.equal(cell([{ addresses }]), "10.0.0.1,fd00::1");
  const ports = [{ port: 80 }, { port: 81 }];
  assert.equal(cell([{ addresses, ports }]), "10.0.0.1:80,[fd00::1]:80,10.0.0.1:81 + 1 more...");
});

test("subsets that were accepted once stay accepted", () => {
  const old = { subsets: [{ addresses: [{ ip: "127.0.0.1" }] }] };
  assert.deepEqual(
    errorsOnUpdate(EndpointsResource, old, ({ metadata }) => {
      metadata.labels = { a: "b" };
    }),
    [],
  );
  assert.deepEqual(
    errorsOnUpdate(EndpointsResource, old, ({ subsets }) => {
      subsets?.push({ addresses: [{ ip: "10.0.0.1" }] });
    }),
    ['subsets[0].addresses[0].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)'],
  );
});

test("addresses of endpoints that are not as they should be written are warned about", () => {
  const endpoints = created(EndpointsResource, { subsets: [{ notReadyAddresses: [{ ip: "010.0.0.1" }] }] });
  assert.deepEqual(EndpointsResource.warnings?.(endpoints, undefined), [
    'subsets[0].notReadyAddresses[0].ip: non-standard IP address "010.0.0.1" will be considered invalid in a future Kubernetes release: use "10.0.0.1"',
  ]);
});
