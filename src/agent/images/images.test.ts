import assert from "node:assert/strict";
import { test } from "node:test";
import type { Image } from "../engine/index.ts";
import { imageGarbage } from "./image-garbage.ts";
import { parseImage, withDefaultTag } from "./image-reference.ts";
import { credentialsFor } from "./pull-credentials.ts";

test("names of images are taken apart by the rules of registries", () => {
  const digest = `sha256:${"a".repeat(64)}`;
  for (const [name, registry, repository, tag] of [
    ["nginx", "docker.io", "library/nginx", undefined],
    ["nginx:1.25", "docker.io", "library/nginx", "1.25"],
    ["me/app:v1", "docker.io", "me/app", "v1"],
    ["localhost/app", "localhost", "app", undefined],
    ["localhost:5000/a/b:c", "localhost:5000", "a/b", "c"],
    ["registry.example.com/team/app", "registry.example.com", "team/app", undefined],
    ["[::1]:5000/app", "[::1]:5000", "app", undefined],
    [`nginx@${digest}`, "docker.io", "library/nginx", undefined],
  ] as const) {
    const found = parseImage(name);
    assert.deepEqual([found?.registry, found?.repository, found?.tag], [registry, repository, tag], name);
  }
  for (const wrong of ["", "Nginx", "a b", "nginx:", "nginx@sha256:short", "-x", "me//app", "x".repeat(300)]) {
    assert.equal(parseImage(wrong), undefined, wrong);
  }
});

test("a name without tag and digest means latest", () => {
  assert.equal(withDefaultTag("nginx"), "nginx:latest");
  assert.equal(withDefaultTag("nginx:1"), "nginx:1");
  assert.equal(withDefaultTag(`nginx@sha256:${"a".repeat(64)}`), `nginx@sha256:${"a".repeat(64)}`);
});

const secret = (auths: object, type = "kubernetes.io/dockerconfigjson") => ({
  metadata: { name: "s", uid: "", resourceVersion: "", creationTimestamp: "" },
  type,
  data: {
    [type.endsWith("json") ? ".dockerconfigjson" : ".dockercfg"]: btoa(
      JSON.stringify(type.endsWith("json") ? { auths } : auths),
    ),
  },
});

test("pull secrets are chosen by registry and path, the most specific first", () => {
  const secrets = [
    secret({
      "registry.example.com": { auth: btoa("all:secret:with:colons") },
      "https://registry.example.com/team": { username: "team", password: "t" },
      "*.example.com:5000": { username: "star", password: "s" },
      "https://index.docker.io/v1/": { username: "hub", password: "h" },
    }),
    secret({ "other.example.org": { username: "old", password: "o" } }, "kubernetes.io/dockercfg"),
  ];
  const users = (image: string) => credentialsFor(image, secrets).map((each) => each.credentials.username);
  assert.deepEqual(users("registry.example.com/team/app"), ["team", "all"]);
  assert.deepEqual(users("registry.example.com/x"), ["all"]);
  assert.equal(credentialsFor("registry.example.com/x", secrets)[0]?.credentials.password, "secret:with:colons");
  assert.deepEqual(users("a.example.com:5000/x"), ["star"]);
  assert.deepEqual(users("a.b.example.com:5000/x"), []);
  assert.deepEqual(users("nginx"), ["hub"]);
  const globs = ["r*y", "reg?stry", "*r*", "reg*ry*", "r*x", "registry?", "*try.", "(registry)"];
  const matching = (image: string) =>
    globs.filter((glob) => credentialsFor(image, [secret({ [`${glob}:80`]: {} })]).length > 0);
  assert.deepEqual(matching("registry:80/x"), ["r*y", "reg?stry", "*r*", "reg*ry*"]);
  // Nobody waits for what would never end.
  assert.deepEqual(credentialsFor(`${"a".repeat(60)}:80/x`, [secret({ [`${"*a".repeat(30)}*b:80`]: {} })]), []);
  assert.deepEqual(users("other.example.org/x:1"), ["old"]);
  assert.deepEqual(users("unknown.example.net/x"), []);
});

test("a pull secret that cannot be read is passed over", () => {
  const broken = { ...secret({}), data: { ".dockerconfigjson": btoa("{") } };
  const good = secret({ "registry.example.com": { username: "u", password: "p" } });
  assert.equal(credentialsFor("registry.example.com/x", [broken, good]).length, 1);
});

test("images go only above the high mark, the longest unused first, until the low mark is reached", () => {
  const image = (name: string, sizeBytes: number): Image => ({ id: name, tags: [`${name}:1`], digests: [], sizeBytes });
  const hour = 3_600_000;
  const input = {
    images: [
      { image: image("new", 10), lastUsedAtMs: 10 * hour - 1_000 },
      { image: image("used", 10), lastUsedAtMs: 0 },
      { image: image("old", 4), lastUsedAtMs: hour },
      { image: image("older", 4), lastUsedAtMs: 0 },
      { image: image("recent", 4), lastUsedAtMs: 9 * hour },
    ],
    used: new Set(["used:1"]),
    diskCapacityBytes: 100,
    highPercent: 85,
    lowPercent: 80,
    nowMs: 10 * hour,
  };
  assert.deepEqual(imageGarbage({ ...input, diskAvailableBytes: 16 }), []);
  const names = imageGarbage({ ...input, diskAvailableBytes: 13 }).map((each) => each.id);
  assert.deepEqual(names, ["older", "old"]);
});
