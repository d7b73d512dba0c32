import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { ociArchive, tar } from "./oci-archive.ts";

function withDirectory(use: (directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), "roder-oci-"));
  try {
    use(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test("tar unpacks what was packed", () => {
  const long = `${"directory/".repeat(12)}file`;
  const archive = tar([
    { path: "a", directory: true },
    { path: "a/run", content: "#!/bin/sh\n", mode: 0o755 },
    { path: "a/link", link: "run" },
    { path: "a/block", content: new Uint8Array(512).fill(7) },
    { path: long, content: "deep" },
  ]);
  const listing = execFileSync("tar", ["-tv", "--numeric-owner"], { input: archive, encoding: "utf8" });
  assert.match(listing, /^drwxr-xr-x 0\/0 +0 .* a\/$/m);
  assert.match(listing, /^-rwxr-xr-x 0\/0 +10 .* a\/run$/m);
  assert.match(listing, /^lrwxrwxrwx .* a\/link -> run$/m);
  withDirectory((directory) => {
    execFileSync("tar", ["-x", "-C", directory], { input: archive });
    assert.equal(readFileSync(join(directory, "a/link"), "utf8"), "#!/bin/sh\n");
    assert.equal(readFileSync(join(directory, "a/block")).length, 512);
    assert.equal(readFileSync(join(directory, long), "utf8"), "deep");
  });
});

test("a path that no tar header holds is refused", () => {
  assert.throws(() => tar([{ path: "x".repeat(300), content: "" }]), /too long for a tar archive/);
});

test("an image archive names everything by its digest and is the same every time", () => {
  const layer = tar([{ path: "hello", content: "world" }]);
  const image = {
    names: ["localhost/a:1", "localhost/a:2"],
    architecture: "amd64",
    layers: [layer],
    config: {},
  } as const;
  const archive = ociArchive(image);
  assert.deepEqual(ociArchive(image), archive);
  withDirectory((directory) => {
    execFileSync("tar", ["-x", "-C", directory], { input: archive });
    const blob = (digest: string) => {
      const content = readFileSync(join(directory, "blobs", digest.replace(":", "/")));
      assert.equal(`sha256:${createHash("sha256").update(content).digest("hex")}`, digest);
      return content;
    };
    const index = JSON.parse(readFileSync(join(directory, "index.json"), "utf8"));
    const names = index.manifests.map((each: { annotations: object }) => Object.values(each.annotations)[0]);
    assert.deepEqual(names, image.names);
    const manifest = JSON.parse(blob(index.manifests[0].digest).toString());
    assert.deepEqual(new Uint8Array(gunzipSync(blob(manifest.layers[0].digest))), layer);
    assert.equal(JSON.parse(blob(manifest.config.digest).toString()).rootfs.diff_ids.length, 1);
  });
});
