import assert from "node:assert/strict";
import { test } from "node:test";
import * as names from "./names.ts";

const long = (length: number) => "a".repeat(length);

type Check = (value: string) => string[];
const table: readonly (readonly [rule: Check, good: readonly string[], bad: readonly (readonly [string, RegExp])[]])[] =
  [
    [
      names.isDns1123Subdomain,
      ["a", "a.b-c.1", "0", long(253)],
      [
        [
          "",
          /^a lowercase RFC 1123 subdomain must consist of .* \(e\.g\. 'example\.com', regex used for validation is/,
        ],
        ["A", /lowercase RFC 1123 subdomain/],
        ["a_b", /lowercase RFC 1123 subdomain/],
        ["-a", /lowercase RFC 1123 subdomain/],
        [long(254), /^must be no more than 253 bytes$/],
      ],
    ],
    [
      names.isDns1123Label,
      ["a", "1-b", long(63)],
      [
        ["a.b", /^must not contain dots$/],
        [long(64), /^must be no more than 63 bytes$/],
        [
          "a b",
          /\(e\.g\. 'my-name', {2}or '123-abc', regex used for validation is '\[a-z0-9\]\(\[-a-z0-9\]\*\[a-z0-9\]\)\?'\)$/,
        ],
      ],
    ],
    [
      names.isDns1035Label,
      ["a", "a1-b"],
      [
        ["1a", /^a DNS-1035 label must/],
        ["", /^a DNS-1035 label must/],
      ],
    ],
    [
      names.isWildcardDns1123Subdomain,
      ["*.a.b"],
      [
        ["*", /^a wildcard/],
        ["a.b", /^a wildcard/],
      ],
    ],
    [
      names.isQualifiedName,
      ["a", "A.b_c", "example.com/Name"],
      [
        ["", /^name part must be non-empty\n/],
        ["/a", /^prefix part must be non-empty$/],
        ["a/", /^name part must be non-empty\n/],
        ["A/b", /^prefix part a lowercase RFC 1123 subdomain/],
        ["a/b/c", /^a valid label key must consist of .* with an optional DNS subdomain prefix and '\/'/],
        [long(64), /^name part must be no more than 63 bytes$/],
        ["a b", /^name part must consist of alphanumeric characters/],
      ],
    ],
    [
      names.isLabelValue,
      ["", "a", "A_b.c"],
      [
        ["-", /^a valid label must be an empty string/],
        ["é", /^a valid label/],
      ],
    ],
    [
      names.isConfigMapKey,
      ["a", ".a", "A_b-c.d"],
      [
        [".", /^must not be '\.'$/],
        ["..", /^must not be '\.\.'$/],
        ["..a", /^must not start with '\.\.'$/],
        ["a/b", /^a valid config key must consist/],
      ],
    ],
    [
      names.isEnvVarName,
      ["A", "1a", "a b", "..", "~"],
      [
        ["", /non-empty/],
        ["a=b", /printable ASCII/],
        ["é", /printable/],
      ],
    ],
    [
      names.isPortName,
      ["http", "a-1"],
      [
        ["Http", /alpha-numeric/],
        ["80", /at least one letter/],
        ["a--b", /consecutive/],
        ["-a", /begin or end/],
        ["abcdefghijklmnop", /no more than 15 bytes/],
        ["", /alpha-numeric/],
      ],
    ],
    [
      names.isPathSegmentName,
      ["a:b", "A B"],
      [
        [".", /^may not be '\.'$/],
        ["a/b", /^may not contain '\/'$/],
        ["%", /'%'/],
      ],
    ],
    [
      names.isPercent,
      ["1%", "300%"],
      [
        ["1", /^a valid percent string/],
        ["-1%", /percent/],
      ],
    ],
    [names.isHttpHeaderName, ["X-A"], [["a b", /^a valid HTTP header/]]],
    [names.isCIdentifier, ["_a1"], [["1a", /^a valid C identifier/]]],
  ];

for (const [rule, good, bad] of table)
  test(`${rule.name} tells good from bad`, () => {
    for (const value of good) assert.deepEqual(rule(value), [], value);
    for (const [value, message] of bad) assert.match(rule(value).join("\n"), message, value);
  });

test("a generateName may end in a dash", () => {
  assert.deepEqual(names.nameIsDnsSubdomain("web-", true), []);
  assert.notDeepEqual(names.nameIsDnsSubdomain("web-", false), []);
  assert.notDeepEqual(names.nameIsDns1035Label("1a-", true), []);
});

test("numbers must be in their range", () => {
  assert.deepEqual(names.isPortNumber(0), ["must be between 1 and 65535, inclusive"]);
  assert.deepEqual(names.isUserId(0xffffffff), []);
  assert.deepEqual(names.isUserId(-1), ["must be between 0 and 4294967295, inclusive"]);
});
