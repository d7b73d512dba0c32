import assert from "node:assert/strict";
import { test } from "node:test";
import { rootPath } from "./field-error.ts";
import {
  cidrContains,
  cidrWarnings,
  formatCidr,
  formatIp,
  ipWarnings,
  isCidr,
  isIp,
  isIpv4,
  isIpv6,
  parseCidr,
  parseIp,
} from "./ip.ts";

test("addresses are read and written in canonical form", () => {
  for (const [text, canonical] of [
    ["10.9.8.7", "10.9.8.7"],
    ["010.0.0.001", "10.0.0.1"],
    ["::", "::"],
    ["::1", "::1"],
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"],
    ["64:ff9b::1.2.3.4", "64:ff9b::102:304"],
    ["::ffff:1.2.3.4", "1.2.3.4"],
  ] as const)
    assert.equal(formatIp(parseIp(text)!), canonical);
});

test("what is no address is refused", () => {
  for (const text of [
    "",
    "1.2.3",
    "1.2.3.256",
    "1.2.3.4.5",
    ":::",
    "1::2::3",
    "12345::",
    "1:2:3:4:5:6:7:8:9",
    "g::",
    "1.2.3.4 ",
  ])
    assert.equal(parseIp(text), undefined, text);
  assert.deepEqual(isIp("x"), ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]);
  assert.deepEqual(isIpv4("::1"), ["must be a valid IPv4 address"]);
  assert.deepEqual(isIpv6("1.2.3.4"), ["must be a valid IPv6 address"]);
});

test("networks hold their addresses and no others", () => {
  const cidr = parseCidr("10.42.7.9/16")!;
  assert.equal(formatCidr(cidr), "10.42.0.0/16");
  assert.ok(cidrContains(cidr, parseIp("10.42.255.255")!));
  assert.ok(!cidrContains(cidr, parseIp("10.43.0.0")!));
  assert.ok(!cidrContains(cidr, parseIp("::1")!));
  assert.ok(cidrContains(parseCidr("0.0.0.0/0")!, parseIp("255.1.2.3")!));
  assert.ok(cidrContains(parseCidr("2001:db8::/32")!, parseIp("2001:db8:ffff::1")!));
  for (const text of ["10.0.0.0", "10.0.0.0/33", "10.0.0.0/-1", "::/129", "x/8", "10.0.0.0/"])
    assert.deepEqual(isCidr(text), ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"], text);
});

const ipTable: readonly (readonly [string, readonly string[]])[] = [
  ["10.0.0.1", []],
  ["fd00::1", []],
  ["nothing", []],
  [
    "10.0.0.01",
    [
      'at: non-standard IP address "10.0.0.01" will be considered invalid in a future Kubernetes release: use "10.0.0.1"',
    ],
  ],
  [
    "::ffff:10.0.0.1",
    [
      'at: non-standard IP address "::ffff:10.0.0.1" will be considered invalid in a future Kubernetes release: use "10.0.0.1"',
    ],
  ],
  ["fd00:0::1", ['at: IPv6 address "fd00:0::1" should be in RFC 5952 canonical format ("fd00::1")']],
];

for (const [text, warnings] of ipTable)
  test(`an address is warned about: ${text}`, () => {
    assert.deepEqual(ipWarnings(rootPath.child("at"), text), warnings);
  });

const cidrTable: readonly (readonly [string, readonly string[]])[] = [
  ["10.0.0.0/8", []],
  ["fd00::/8", []],
  ["nothing", []],
  [
    "10.0.0.1/8",
    ['at: CIDR value "10.0.0.1/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.0.0.1/32"?)'],
  ],
  [
    "10.0.0.0/08",
    [
      'at: non-standard CIDR value "10.0.0.0/08" will be considered invalid in a future Kubernetes release: use "10.0.0.0/8"',
    ],
  ],
  ["FD00::/8", ['at: IPv6 CIDR value "FD00::/8" should be in RFC 5952 canonical format ("fd00::/8")']],
];

for (const [text, warnings] of cidrTable)
  test(`a network is warned about: ${text}`, () => {
    assert.deepEqual(cidrWarnings(rootPath.child("at"), text), warnings);
  });
