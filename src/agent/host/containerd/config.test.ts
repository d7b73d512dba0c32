import assert from "node:assert/strict";
import { test } from "node:test";
import { containerdConfig, containerdPaths } from "./config.ts";
import type { Machine } from "./machine.ts";

const machine: Machine = {
  cgroupMode: "v2",
  canLowerOomScore: true,
  snapshotter: "overlayfs",
  runtime: { name: "runc", path: "/usr/sbin/runc" },
  missing: [],
};
const paths = containerdPaths("/data");

test("everything that containerd keeps is below the data directory", () => {
  const config = containerdConfig({ paths, machine });
  const absolute = [...config.matchAll(/"(\/[^"]*)"/g)].map((match) => match[1]!);
  const elsewhere = absolute.filter((path) => !path.startsWith("/data/containerd/"));
  assert.deepEqual(elsewhere, ["/usr/lib/cni", "/usr/sbin/runc"]);
  assert.match(config, /^netns_mounts_under_state_dir = true$/m);
});

test("scores are only lowered where the machine lets them be", () => {
  const able = containerdConfig({ paths, machine });
  assert.match(able, /^restrict_oom_score_adj = false$/m);
  assert.match(able, /^oom_score = -999$/m);
  const unable = containerdConfig({ paths, machine: { ...machine, canLowerOomScore: false } });
  assert.match(unable, /^restrict_oom_score_adj = true$/m);
  assert.match(unable, /^oom_score = 0$/m);
});

test("the snapshotter that is not used is not loaded", () => {
  const unusedWith = (snapshotter: Machine["snapshotter"]) =>
    /^disabled_plugins = (.*)$/m.exec(containerdConfig({ paths, machine: { ...machine, snapshotter } }))![1]!;
  assert.match(unusedWith("overlayfs"), /v1\.native/);
  assert.doesNotMatch(unusedWith("overlayfs"), /v1\.overlayfs/);
  assert.match(unusedWith("native"), /v1\.overlayfs/);
  assert.doesNotMatch(unusedWith("native"), /v1\.native/);
});
