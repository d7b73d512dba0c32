import assert from "node:assert/strict";
import { test } from "node:test";
import type { Draft } from "../../lib/index.ts";
import { cells, created, errorsOnCreate, errorsOnUpdate, type Partially } from "../definition-fixture.ts";
import type { ConfigMap, Secret } from "../types.generated.ts";
import { ConfigMaps } from "./config-map.ts";
import { Secrets } from "./secret.ts";

const mebibyte = 1024 * 1024;
const keyMessage =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

const maps: readonly (readonly [string, Partially<ConfigMap>, readonly string[]])[] = [
  ["a good one", { data: { "a.b": "1" }, binaryData: { c: "AA==" } }, []],
  ["a key", { data: { "a b": "1" } }, [`data[a b]: Invalid value: "a b": ${keyMessage}`]],
  [
    "a key twice",
    { data: { a: "1" }, binaryData: { a: "AA==" } },
    ['data[a]: Invalid value: "a": duplicate of key present in binaryData'],
  ],
  ["as much as fits", { data: { a: "x".repeat(mebibyte) } }, []],
  ["too much", { data: { a: "x".repeat(mebibyte), b: "x" } }, [": Too long: may not be more than 1048576 bytes"]],
  [
    "bytes, not characters",
    { data: { a: "é".repeat(mebibyte / 2), b: "é" } },
    [": Too long: may not be more than 1048576 bytes"],
  ],
];

for (const [name, map, errors] of maps)
  test(`a ConfigMap is validated: ${name}`, () => {
    assert.deepEqual(errorsOnCreate(ConfigMaps, map), errors);
  });

test("an immutable map stays as it is", () => {
  const change = (old: Partially<ConfigMap>, edit: (draft: Draft<ConfigMap>) => void) =>
    errorsOnUpdate(ConfigMaps, old, edit);
  const fixed = { immutable: true, data: { a: "1" } };
  assert.deepEqual(
    change(fixed, (map) => {
      map.metadata.labels = { a: "b" };
    }),
    [],
  );
  assert.deepEqual(
    change(fixed, (map) => {
      map.data = { a: "2" };
      map.binaryData = { b: "AA==" };
      delete map.immutable;
    }),
    [
      "immutable: Forbidden: field is immutable when `immutable` is set",
      "data: Forbidden: field is immutable when `immutable` is set",
      "binaryData: Forbidden: field is immutable when `immutable` is set",
    ],
  );
});

test("the row of a ConfigMap counts both kinds of data", () => {
  assert.equal(cells(ConfigMaps, { metadata: {}, data: { a: "1" }, binaryData: { b: "AA==" } }).Data, 2);
});

test("the texts of a secret become its data", () => {
  const secret = created(Secrets, { data: { a: "AA==", b: "AA==" }, stringData: { b: "é", c: "" } });
  assert.deepEqual(secret.data, { a: "AA==", b: "w6k=", c: "" });
  assert.equal(secret.stringData, undefined);
  assert.equal(secret.type, "Opaque");
});

const secrets: readonly (readonly [string, Partially<Secret>, readonly string[]])[] = [
  ["a good one", { stringData: { a: "1" } }, []],
  ["a key", { stringData: { "a/b": "1" } }, [`data[a/b]: Invalid value: "a/b": ${keyMessage}`]],
  ["too much", { stringData: { a: "x".repeat(mebibyte + 1) } }, ["data: Too long: may not be more than 1048576 bytes"]],
  [
    "a token without an account",
    { type: "kubernetes.io/service-account-token" },
    ["metadata.annotations[kubernetes.io/service-account.name]: Required value"],
  ],
  [
    "registries without a file",
    { type: "kubernetes.io/dockerconfigjson" },
    ["data[.dockerconfigjson]: Required value"],
  ],
  [
    "registries that are no JSON",
    { type: "kubernetes.io/dockercfg", stringData: { ".dockercfg": "{" } },
    ['data[.dockercfg]: Invalid value: "<secret contents redacted>": invalid character in JSON'],
  ],
  ["registries", { type: "kubernetes.io/dockerconfigjson", stringData: { ".dockerconfigjson": "{}" } }, []],
  [
    "a user without anything",
    { type: "kubernetes.io/basic-auth" },
    ["data[username]: Required value", "data[password]: Required value"],
  ],
  ["a user without a password", { type: "kubernetes.io/basic-auth", stringData: { username: "me" } }, []],
  ["no key", { type: "kubernetes.io/ssh-auth" }, ["data[ssh-privatekey]: Required value"]],
  [
    "a certificate without a key",
    { type: "kubernetes.io/tls", stringData: { "tls.crt": "" } },
    ["data[tls.key]: Required value"],
  ],
];

for (const [name, secret, errors] of secrets)
  test(`a secret is validated: ${name}`, () => {
    assert.deepEqual(errorsOnCreate(Secrets, secret), errors);
  });

test("a secret keeps its type", () => {
  const errors = errorsOnUpdate(Secrets, {}, (secret) => {
    secret.type = "example.com/other";
  });
  assert.deepEqual(errors, ['type: Invalid value: "example.com/other": field is immutable']);
});

test("the row of a secret tells its type, and how much is in it", () => {
  const { Type, Data } = cells(Secrets, { metadata: {}, stringData: { a: "1", b: "2" } });
  assert.deepEqual([Type, Data], ["Opaque", 2]);
});
