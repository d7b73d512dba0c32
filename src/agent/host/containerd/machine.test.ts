import assert from "node:assert/strict";
import { test } from "node:test";
import { detectMachine, type MachineFacts } from "./machine.ts";

const v2 = "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0";
const v1 = ["cpu", "memory", "pids"].map((name) => `cgroup /sys/fs/cgroup/${name} cgroup rw,${name} 0 0`).join("\n");
const hybrid = `tmpfs /sys/fs/cgroup tmpfs rw 0 0\n${v1}\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0`;
const disk = "/dev/vda / ext4 rw 0 0\n";
const programs = { containerd: "/c", "containerd-shim-runc-v2": "/s", ctr: "/t", runc: "/r", crun: "/n" };

function facts(change: Partial<MachineFacts> = {}): MachineFacts {
  return {
    mounts: disk + v2,
    status: "Name:\tx\nCapEff:\t000001ffffffffff\n",
    filesystems: "nodev\toverlay\n\text4\n",
    modules: "",
    programs,
    directory: "/var/lib/roder",
    ...change,
  };
}

test("the mode of cgroups follows from what is mounted", () => {
  const modeOf = (mounts: string) => detectMachine(facts({ mounts: disk + mounts })).cgroupMode;
  assert.equal(modeOf(v2), "v2");
  assert.equal(modeOf(v1), "v1");
  assert.equal(modeOf(hybrid), "hybrid");
  assert.equal(modeOf(""), "none");
});

test("without CAP_SYS_RESOURCE no score can be lowered", () => {
  assert.equal(detectMachine(facts()).canLowerOomScore, true);
  assert.equal(detectMachine(facts({ status: "CapEff:\t000001fffeffffff\n" })).canLowerOomScore, false);
});

test("runc is preferred, and crun is not used where it refuses the cgroups", () => {
  const withoutRunc = { ...programs, runc: "" };
  const { runtime } = detectMachine(facts());
  assert.deepEqual(runtime, { name: "runc", path: "/r" });
  assert.equal(detectMachine(facts({ programs: withoutRunc })).runtime?.name, "crun");
  const refused = detectMachine(facts({ programs: withoutRunc, mounts: disk + hybrid }));
  assert.equal(refused.runtime, undefined);
  assert.deepEqual(refused.missing, ["no OCI runtime that works with cgroups hybrid: install the package runc"]);
});

test("overlayfs is used where the kernel has it and the directory is not on one", () => {
  const snapshotterOf = (change: Partial<MachineFacts>) => detectMachine(facts(change)).snapshotter;
  assert.equal(snapshotterOf({}), "overlayfs");
  assert.equal(snapshotterOf({ filesystems: "\text4\n" }), "native");
  assert.equal(snapshotterOf({ filesystems: "", modules: "kernel/fs/overlayfs/overlay.ko.xz:\n" }), "overlayfs");
  assert.equal(snapshotterOf({ mounts: `overlay / overlay rw 0 0\n${v2}` }), "native");
  const onDisk = `overlay / overlay rw 0 0\n/dev/vdb /var/lib ext4 rw 0 0\n${v2}`;
  assert.equal(snapshotterOf({ mounts: onDisk }), "overlayfs");
});

test("what is missing is said with how to get it", () => {
  const { missing } = detectMachine(facts({ programs: { runc: "/r" }, mounts: disk }));
  assert.deepEqual(missing, [
    "containerd and containerd-shim-runc-v2 and ctr not found: install the package containerd",
    "no cgroups: mount a cgroup2 filesystem on /sys/fs/cgroup",
  ]);
  const withoutPids = v1.replace(/^.*pids.*$/m, "");
  assert.deepEqual(detectMachine(facts({ mounts: disk + withoutPids })).missing, [
    "the cgroup controllers pids are not mounted",
  ]);
});
