import assert from "node:assert/strict";
import { test } from "node:test";
import type { Secret } from "../../api/index.ts";
import { VirtualClock } from "../../lib/index.ts";
import type { Image } from "../engine/index.ts";
import { HollowFiles } from "../hollow-files.ts";
import { PulledImages } from "./pulled-images.ts";

const path = "/pulled-images.json";
// What it is known by is all that is looked at.
const secret = (name: string, uid = name) => ({ metadata: { name, namespace: "default", uid } }) as unknown as Secret; // what is read
const image = (id: string, ...tags: readonly string[]): Image => ({ id, tags, digests: [], sizeBytes: 1 });

function scene() {
  const files = new HollowFiles(new VirtualClock());
  const pulled = new PulledImages(files, path);
  const mayUse = (from: PulledImages, each: Image, name: string, ...secrets: readonly Secret[]) =>
    from.mayUse(each, name, async () => secrets);
  return { files, pulled, mayUse };
}

test("each name of an image is for those whose secret opened it", async () => {
  const { files, pulled, mayUse } = scene();
  const loaded = image("sha256:1", "localhost/app:1", "r.example.com/app:1", "nginx:1");
  assert.ok(await mayUse(pulled, loaded, "r.example.com/app:1"), "nobody pulled it");
  await pulled.pulled("r.example.com/app:1", loaded.id, secret("key"));
  assert.ok(!(await mayUse(pulled, loaded, "r.example.com/app:1")));
  assert.ok(await mayUse(pulled, loaded, "r.example.com/app:1", secret("key")));
  assert.ok(await mayUse(pulled, loaded, "r.example.com/app:2", secret("key")), "the repository counts, not the tag");
  assert.ok(!(await mayUse(pulled, loaded, "r.example.com/app:1", secret("key", "another"))), "made anew");
  assert.ok(await mayUse(pulled, loaded, "localhost/app:1"), "loaded under another name");
  assert.ok(await mayUse(pulled, loaded, "docker.io/library/nginx:1"));
  assert.ok(!(await mayUse(pulled, loaded, "sha256:1")), "its id opens nothing");
  await pulled.pulled("r.example.com/app:1", loaded.id, undefined);
  const later = new PulledImages(files, path);
  assert.ok(await mayUse(later, loaded, "r.example.com/app:1"), "open to all by now");
});

test("a pull whose end is not known leaves the image to those who can pull it", async () => {
  const { files, pulled, mayUse } = scene();
  await pulled.began("r.example.com/app:1");
  const after = new PulledImages(files, path);
  const here = image("sha256:1", "r.example.com/app:1");
  assert.ok(!(await mayUse(after, here, "r.example.com/app:1", secret("key"))));
  await after.pulled("r.example.com/app:1", here.id, secret("key"));
  assert.ok(await mayUse(after, here, "r.example.com/app:1", secret("key")));
  await after.retain(new Set());
  assert.ok(await mayUse(after, here, "r.example.com/app:1"), "another image of that id, some day");
  await after.began("r.example.com/app:1");
  await after.failed("r.example.com/app:1");
  assert.ok(await mayUse(after, here, "r.example.com/app:1"));
});

test("what cannot be read opens nothing, and says so", async () => {
  const { files, pulled, mayUse } = scene();
  await files.write(path, new TextEncoder().encode("{"), 0o600);
  await assert.rejects(mayUse(pulled, image("sha256:1"), "app:1"), /cannot be read from \/pulled-images\.json/);
});
