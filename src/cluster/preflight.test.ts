import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { UserError } from "../lib/index.ts";
import { lockCluster } from "./lock.ts";
import { missingRequirements } from "./packages.ts";
import { requireFreePort, requireFreeRanges } from "./preflight.ts";

const fails = (words: RegExp) => (error: unknown) => error instanceof UserError && words.test(error.message);

test("a port that somebody has is refused with the flag that mends it", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  await assert.rejects(requireFreePort("127.0.0.1", port), fails(/port \d+ is in use.*--port/));
  other.close();
  await once(other, "close");
  await requireFreePort("127.0.0.1", port);
});

test("an address that the machine does not have is refused", async () => {
  await assert.rejects(requireFreePort("203.0.113.9", 6443), fails(/no address 203\.0\.113\.9/));
  await assert.rejects(requireFreePort("localhost", 6443), fails(/"localhost" is no address/));
});

test("ranges must be ranges, apart from each other and from the machine's own addresses", () => {
  const own = [
    { name: "lo", address: "::1" },
    { name: "eth0", address: "10.42.7.7" },
  ];
  requireFreeRanges("10.44.0.0/16", "10.45.0.0/16", own);
  const refused = (pods: string, services: string, words: RegExp) =>
    assert.throws(() => requireFreeRanges(pods, services, own), fails(words));
  refused("10.44.0.0", "10.45.0.0/16", /--pod-range "10\.44\.0\.0" is no IPv4 range/);
  refused("10.44.0.0/16", "10.45.0.1/16", /--service-range/);
  refused("10.44.0.0/16", "10.44.8.0/24", /overlap/);
  refused("10.42.0.0/16", "10.45.0.0/16", /own address 10\.42\.7\.7 \(eth0\) lies in --pod-range/);
  refused("10.44.0.0/16", "10.42.0.0/16", /lies in --service-range/);
});

test("one command at a time works on a cluster, and a dead one's lock is free", async () => {
  const root = mkdtempSync(join(tmpdir(), "roder-lock-"));
  const lock = lockCluster(root);
  assert.throws(() => lockCluster(root), fails(/another roder command works/));
  lock.release();
  const next = `
    import { lockCluster } from ${JSON.stringify(join(import.meta.dirname, "lock.ts"))};
    lockCluster(${JSON.stringify(root)});
    console.log("locked");
    setInterval(() => {}, 1000);`;
  const other = spawn(process.execPath, ["--input-type=module", "-e", next], { stdio: ["ignore", "pipe", "inherit"] });
  await once(other.stdout, "data");
  assert.throws(() => lockCluster(root), fails(/another roder command works/));
  other.kill("SIGKILL");
  await once(other, "close");
  lockCluster(root).remove();
  assert.deepEqual(readdirSync(root), []);
  rmSync(root, { recursive: true });
});

test("what is missing is found by its program", () => {
  const wanted = [
    { package: "containerd", file: "containerd" },
    { package: "nftables", file: "nft" },
    { package: "containernetworking-plugins", file: "/usr/lib/cni/ptp" },
  ];
  const there = new Set(["/usr/sbin/nft", "/usr/bin/containerd"]);
  const missing = missingRequirements(wanted, "/usr/bin:/usr/sbin", (file) => there.has(file));
  assert.deepEqual(missing, [wanted[2]]);
});
