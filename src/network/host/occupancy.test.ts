import assert from "node:assert/strict";
import { test } from "node:test";
import { conflictOf, type Link, type Route } from "./occupancy.ts";

const network = {
  bridge: "roder0",
  nftTable: "roder",
  podRange: "10.42.0.0/16",
  serviceRange: "10.43.0.0/16",
  directory: "/var/lib/roder/cni",
};
const inet = (...addresses: readonly string[]) => addresses.map((local) => ({ family: "inet", local }));
const machine: Link = { ifname: "eth0", addr_info: [...inet("192.0.2.7"), { family: "inet6", local: "2001:db8::7" }] };
const own: Link = { ifname: "roder0", ifalias: "roder /var/lib/roder/cni", addr_info: inet("10.42.0.1") };
const machineRoutes: readonly Route[] = [
  { dst: "default", dev: "eth0" },
  { dst: "192.0.2.0/24", dev: "eth0" },
];

const cases: readonly [string, readonly Link[], readonly Route[], RegExp | undefined][] = [
  ["nothing is in the way on a machine that never had a cluster", [machine], machineRoutes, undefined],
  [
    "a cluster's own bridge, pods and routes are not in its way",
    [machine, own, { ifname: "veth1", addr_info: inet("10.42.0.1") }],
    [
      ...machineRoutes,
      { dst: "10.43.0.0/16", dev: "roder0" },
      { dst: "10.42.0.0/16" },
      { dst: "10.42.0.9", dev: "veth1" },
    ],
    undefined,
  ],
  [
    "the bridge of another cluster with the same name is",
    [machine, { ...own, ifalias: "roder /srv/roder/cni" }],
    machineRoutes,
    /roder0 belongs to the cluster of \/srv\/roder\/cni/,
  ],
  [
    "an interface with an address of the pods is",
    [machine, { ifname: "docker0", addr_info: inet("10.42.8.1") }],
    machineRoutes,
    /docker0 has the address 10\.42\.8\.1 of the range 10\.42\.0\.0\/16/,
  ],
  [
    "a route into the services is, as another cluster or a VPN has it",
    [machine],
    [...machineRoutes, { dst: "10.0.0.0/8", dev: "tun0" }],
    /a route by tun0 to 10\.0\.0\.0\/8 overlaps the range 10\.42/,
  ],
  [
    "a route by another cluster's bridge is",
    [machine, { ifname: "roder-1", ifalias: "roder /srv/roder/cni" }],
    [...machineRoutes, { dst: "10.43.0.0/16", dev: "roder-1" }],
    /a route by roder-1 to 10\.43\.0\.0\/16/,
  ],
];
for (const [what, links, routes, expected] of cases) {
  test(what, () => {
    const found = conflictOf(network, links, routes);
    if (expected) assert.match(found?.what ?? "nothing found", expected);
    else assert.equal(found, undefined);
  });
}
