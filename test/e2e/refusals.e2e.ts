// What `roder up` refuses: one sentence with the cause and the mend, exit code 1, and nothing made or touched.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import type { Outcome } from "../programs.ts";
import { TestCluster } from "./cluster.ts";

const roder = new URL("../../roder", import.meta.url).pathname;
let cluster: TestCluster;
let programs: string;

before(async () => {
  cluster = await TestCluster.prepare("refusals");
  programs = join(cluster.directory, "programs");
  mkdirSync(programs);
});
after(() => cluster.remove());

/** Runs `roder up` after `preparation`, a shell script, in a mount namespace of its own. */
function up(flags: readonly string[] = [], preparation = "true"): Promise<Outcome> {
  const script = `set -e; mount --make-rprivate /; ${preparation}; exec "$0" up "$@"`;
  const usual = [
    "--name",
    `test-${cluster.name}`,
    "--data-dir",
    cluster.dataDirectory,
    "--kubeconfig",
    cluster.kubeconfig,
  ];
  const env = { ...process.env, PATH: `${programs}:${process.env.PATH}` };
  return cluster.insideOutcome("unshare", ["--mount", "sh", "-c", script, roder, ...usual, ...flags], { env });
}

function assertRefused({ code, stderr }: Outcome, words: RegExp): void {
  assert.match(stderr, words);
  assert.equal(code, 1);
  assert.equal(stderr.trim().split("\n").length, 1, `one sentence: ${stderr}`);
}

function assertUntouched(): void {
  assert.ok(!existsSync(cluster.dataDirectory), "no data directory");
  assert.ok(!existsSync(cluster.kubeconfig), "no kubeconfig");
}

function program(name: string, script: string): void {
  writeFileSync(join(programs, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(programs, name), 0o755);
}

/** A process of somebody else in the cluster's network, until the test ends. */
async function stranger(t: TestContext, script: string): Promise<void> {
  const args = [`--net=${cluster.networkNamespace}`, process.execPath, "-e", script];
  const child = spawn("nsenter", args, { stdio: ["ignore", "pipe", "inherit"] });
  t.after(async () => {
    child.kill();
    await once(child, "close");
  });
  await once(child.stdout, "data");
}

for (const [what, script] of [
  ["TCP", `require("net").createServer().listen(53, "0.0.0.0", () => console.log("listening"))`],
  ["UDP", `require("dgram").createSocket("udp4").bind(53, () => console.log("listening"))`],
] as const) {
  test(`a name server that has port 53 of every address (${what})`, async (t) => {
    await stranger(t, script);
    assertRefused(await up(), /another name server listens on port 53 of every address.*: stop it/);
    assertUntouched();
  });
}

test("a package that apt-get cannot install, with what apt-get said", async () => {
  program("apt-get", `echo "E: Unable to locate package nftables" >&2; exit 100`);
  const hidden = "mount --bind /dev/null /usr/sbin/nft";
  assertRefused(
    await up([], hidden),
    /apt-get could not install nftables \(E: Unable to locate package nftables\): install nftables/,
  );
  assertUntouched();
  rmSync(join(programs, "apt-get"));
});

test("a package that is missing where there is no apt-get", async () => {
  const hidden = 'for each in /usr/sbin/nft "$(command -v apt-get)"; do mount --bind /dev/null "$each"; done';
  assertRefused(
    await up([], hidden),
    /could not install nftables .*: install nftables with your system's package manager/,
  );
  assertUntouched();
});

test("a kernel without nftables", async () => {
  program("nft", `echo "internal:0:0-0: Error: Could not process rule: Operation not supported" >&2; exit 1`);
  assertRefused(
    await up(),
    /containers cannot run on this machine: the kernel offers no nftables .*Operation not supported.*: load the module nft_chain_nat/,
  );
  assertUntouched();
  rmSync(join(programs, "nft"));
});

test("a machine without cgroups", async () => {
  assertRefused(
    await up([], "umount --recursive --lazy /sys/fs/cgroup"),
    /containers cannot run on this machine: .*no cgroups: mount a cgroup2 filesystem/,
  );
  assertUntouched();
});

test("a data directory that cannot be written", async () => {
  assertRefused(
    await up(["--data-dir", "/proc/roder"]),
    /cannot write to \/proc\/roder \(ENOENT\): choose another --data-dir/,
  );
  const readOnly = join(cluster.directory, "read-only");
  mkdirSync(readOnly);
  const mounted = `mount -t tmpfs -o ro none ${readOnly}`;
  assertRefused(await up(["--data-dir", readOnly], mounted), /cannot write to .*read-only \(EROFS\)/);
  const file = join(cluster.directory, "file");
  writeFileSync(file, "mine");
  assertRefused(await up(["--data-dir", join(file, "data")]), /cannot write to .* \(ENOTDIR\)/);
  assert.equal(readFileSync(file, "utf8"), "mine");
});

test("a data directory whose path is too long for sockets", async () => {
  const long = join(cluster.directory, "x".repeat(100));
  assertRefused(
    await up(["--data-dir", long]),
    /too long for the sockets in it: choose a --data-dir of at most \d+ char/,
  );
  assert.ok(!existsSync(long));
});

test("a full disk", async () => {
  const small = join(cluster.directory, "small");
  mkdirSync(small);
  const mounted = `mount -t tmpfs -o size=8m none ${small}`;
  assertRefused(await up(["--data-dir", join(small, "data")], mounted), /the disk that holds .* is full: free space/);
  assert.deepEqual(readdirSync(small), []);
});

test("a kubeconfig that is none, or cannot be written", async () => {
  writeFileSync(cluster.kubeconfig, "clusters: [");
  assertRefused(await up(), /kubeconfig is not a kubeconfig \(.*\): mend it or move it away/);
  assert.equal(readFileSync(cluster.kubeconfig, "utf8"), "clusters: [");
  rmSync(cluster.kubeconfig);
  assertRefused(await up(["--kubeconfig", cluster.directory]), /cannot read the kubeconfig .* \(EISDIR\)/);
  const readOnly = `mkdir ${cluster.directory}/home && mount -t tmpfs -o ro none ${cluster.directory}/home`;
  const inside = ["--kubeconfig", join(cluster.directory, "home/.kube/config")];
  assertRefused(await up(inside, readOnly), /cannot write the kubeconfig .* \(EROFS\)/);
  assertUntouched();
});

test("a context of that name that is another cluster's", async () => {
  const foreign = `apiVersion: v1\nkind: Config\ncontexts: [{ name: test-${cluster.name}, context: {} }]\n`;
  writeFileSync(cluster.kubeconfig, foreign);
  assertRefused(await up(), /has a context "test-refusals" of another cluster: choose another --name/);
  assert.equal(readFileSync(cluster.kubeconfig, "utf8"), foreign);
  rmSync(cluster.kubeconfig);
  assertUntouched();
});

test("ranges that the machine routes elsewhere", async () => {
  await cluster.inside("ip", ["route", "add", "10.43.128.0/20", "via", "198.51.100.1"]);
  assertRefused(
    await up(),
    /a route by uplink to 10\.43\.128\.0\/20 overlaps the range 10\.43\.0\.0\/16: choose another --service-range/,
  );
  assertUntouched();
  await cluster.inside("ip", ["route", "delete", "10.43.128.0/20"]);
});

test("two at the same time: one makes the cluster, the other says so", async () => {
  const outcomes = await Promise.all([up(["--nodes", "0"]), up(["--nodes", "0"])]);
  const [won, lost] = outcomes[0].code === 0 ? outcomes : outcomes.toReversed();
  assert.equal(won!.code, 0, won!.stderr);
  assertRefused(lost!, /another roder command works on .*: wait until it is done/);
  await cluster.roder(["reset"]);
  assertUntouched();
});

test("data of a newer Roder stays as it is", async () => {
  assert.equal((await up(["--nodes", "0"])).code, 0);
  await cluster.roder(["down"]);
  const format = join(cluster.dataDirectory, "storage/format.json");
  const own = readFileSync(format, "utf8");
  writeFileSync(format, own.replace(/\d+/, "99"));
  const before = readFileSync(join(cluster.dataDirectory, "storage/data.mdb"));
  assertRefused(
    await up(["--nodes", "0"]),
    /storage was written by a newer Roder \(data format 99; .*: run that version/,
  );
  assert.deepEqual(readFileSync(join(cluster.dataDirectory, "storage/data.mdb")), before);
  writeFileSync(format, own);
  assert.equal((await up(["--nodes", "0"])).code, 0);
});
