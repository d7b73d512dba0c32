import assert from "node:assert/strict";
import { link, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer as createHttp } from "node:http";
import { type AddressInfo, createServer as createTcp, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { Server as GrpcServer, ServerCredentials } from "@grpc/grpc-js";
import { systemClock } from "../../lib/index.ts";
import { linuxHost } from "./index.ts";
import { cgroupFiles, parseHierarchies } from "./linux-cgroups.ts";
import { mountPoints } from "./mount-table.ts";

const host = linuxHost({ clock: systemClock, directory: tmpdir() });

async function inDirectory(work: (path: string) => Promise<void>): Promise<void> {
  const path = await mkdtemp(join(tmpdir(), "agent-host-"));
  try {
    await work(path);
  } finally {
    await rm(path, { recursive: true });
  }
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A TCP server has such an address.
  return (server.address() as AddressInfo).port;
}

test("the space of a file system is told for any path on it", () =>
  inDirectory(async (path) => {
    const space = await host.files.space(path);
    assert.ok(space && space.usedBytes + space.availableBytes <= space.capacityBytes && space.availableBytes > 0);
    assert.equal(await host.files.space(`${path}/none`), undefined);
  }));

test("the disk that a directory takes is that of its files, links not followed", () =>
  inDirectory(async (path) => {
    const { files } = host;
    assert.deepEqual(await files.diskUse(`${path}/none`), { bytes: 0, inodes: 0 });
    await files.makeDirectory(`${path}/a/b`);
    const empty = await files.diskUse(`${path}/a`);
    await files.write(`${path}/large`, new Uint8Array(1 << 20), 0o644);
    await symlink(`${path}/large`, `${path}/a/link`);
    await files.write(`${path}/a/b/file`, new Uint8Array(1 << 16), 0o644);
    await link(`${path}/a/b/file`, `${path}/a/same`);
    const full = await files.diskUse(`${path}/a`);
    const used = full.bytes - empty.bytes;
    assert.ok(used >= 1 << 16 && used < 1 << 17, String(used));
    // The link, and the file with its two names.
    assert.equal(full.inodes - empty.inodes, 2);
  }));

test("files are read in part, from either end, and are missing without an error", () =>
  inDirectory(async (path) => {
    const { files } = host;
    await files.write(`${path}/a`, new TextEncoder().encode("0123456789"), 0o640);
    const text = async (bytesMax?: number, fromEnd?: boolean) =>
      new TextDecoder().decode(await files.read(`${path}/a`, bytesMax, fromEnd));
    assert.deepEqual(
      [await text(), await text(3), await text(3, true), await text(99, true)],
      ["0123456789", "012", "789", "0123456789"],
    );
    assert.equal((await files.status(`${path}/a`))?.mode, 0o640);
    assert.equal(await files.read(`${path}/none`), undefined);
    assert.equal(await files.status(`${path}/none`), undefined);
    assert.equal(await files.readLink(`${path}/a`), undefined);
    assert.deepEqual(await files.list(`${path}/none`), []);
    await files.remove(`${path}/none`);
  }));

test("a file is compressed in its place, and nothing is left when there is no room", () =>
  inDirectory(async (path) => {
    const { files } = host;
    await files.write(`${path}/0.log.1`, new TextEncoder().encode("line"), 0o640);
    await files.compress(`${path}/0.log.1`, `${path}/0.log.1.gz`);
    assert.deepEqual(await files.list(path), ["0.log.1.gz"]);
    assert.equal(gunzipSync((await files.read(`${path}/0.log.1.gz`))!).toString(), "line");
    await files.write(`${path}/0.log.2`, new Uint8Array(1), 0o640);
    // What cannot be written to its end, here because a directory has the name.
    await files.makeDirectory(`${path}/0.log.2.gz/full`);
    await assert.rejects(files.compress(`${path}/0.log.2`, `${path}/0.log.2.gz`));
    assert.deepEqual([...(await files.list(path))].sort(), ["0.log.1.gz", "0.log.2", "0.log.2.gz"]);
  }));

test("the mount table gives the innermost mounts first", () => {
  const line = (point: string) => `31 23 0:28 / ${point} rw,relatime - tmpfs tmpfs rw`;
  const table = ["/data", "/data/pods/a", "/data/pods/a/volumes/x\\040y", "/database"].map(line).join("\n");
  assert.deepEqual(mountPoints(table, "/data"), ["/data/pods/a/volumes/x y", "/data/pods/a", "/data"]);
});

test("the hierarchies of v1, v2 and hybrid machines are told apart", () => {
  const v1 = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct";
  const named = "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd";
  const v2 = "41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate";
  assert.deepEqual(parseHierarchies([v1, named, v2].join("\n")), [
    { root: "/sys/fs/cgroup/cpu,cpuacct", version: 1, controllers: ["cpu", "cpuacct"] },
    { root: "/sys/fs/cgroup/systemd", version: 1, controllers: [] },
    { root: "/sys/fs/cgroup", version: 2, controllers: [] },
  ]);
});

test("limits are written as each version of cgroups takes them", () => {
  const limits = { cpuShares: 1_024, cpuQuota: 50_000 };
  const controllers = ["cpu", "memory"];
  assert.deepEqual(cgroupFiles({ root: "", version: 2, controllers }, limits), [
    ["cpu.weight", "39"],
    ["cpu.max", "50000 100000"],
    ["memory.max", "max"],
  ]);
  assert.deepEqual(cgroupFiles({ root: "", version: 1, controllers }, limits), [
    ["cpu.shares", "1024"],
    ["cpu.cfs_period_us", "100000"],
    ["cpu.cfs_quota_us", "50000"],
    ["memory.limit_in_bytes", "-1"],
  ]);
});

test("an HTTP probe succeeds from 200 to 399 and says why it fails", async () => {
  const server = createHttp((request, response) => {
    if (request.url === "/slow") return;
    if (request.url === "/moved") response.writeHead(302, { location: "/ok" });
    else if (request.url === "/away") response.writeHead(302, { location: "http://example.invalid/" });
    else if (request.url === "/own") response.statusCode = request.headers.host === `127.0.0.1:${port}` ? 200 : 503;
    else response.statusCode = request.url === "/ok" && request.headers.host === "app.local" ? 200 : 503;
    response.end("body");
  });
  const port = await listening(server);
  const probe = (path: string, timeoutMs = 5_000, to = port) =>
    host.connections.http(
      { scheme: "http", host: "127.0.0.1", port: to, path, headers: [{ name: "Host", value: "app.local" }] },
      timeoutMs,
    );
  assert.equal((await probe("/ok")).success, true);
  const bare = { scheme: "http", host: "127.0.0.1", port, path: "/own", headers: [] } as const;
  assert.equal((await host.connections.http(bare, 5_000)).success, true);
  assert.equal((await probe("/moved")).success, true);
  assert.deepEqual(await probe("/away"), {
    success: true,
    answered: true,
    warning: true,
    output: "Probe terminated redirects, Response body: body",
  });
  const failed = { success: false, answered: true, output: "HTTP probe failed with statuscode: 503" };
  assert.deepEqual(await probe("/bad"), failed);
  assert.deepEqual(await host.connections.http({ ...bare, scheme: "https" }, 5_000), {
    success: false,
    output: `Get "https://127.0.0.1:${port}/own": http: server gave HTTP response to HTTPS client`,
  });
  assert.deepEqual(await probe("/slow", 50), {
    success: false,
    output: `Get "http://127.0.0.1:${port}/slow": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
  });
  const aborting = new AbortController();
  const asked = host.connections.http({ ...bare, path: "/slow" }, 5_000, aborting.signal);
  aborting.abort();
  await assert.rejects(asked, { name: "AbortError" });
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  assert.deepEqual(await probe("/ok"), {
    success: false,
    output: `Get "http://127.0.0.1:${port}/ok": dial tcp 127.0.0.1:${port}: connect: connection refused`,
  });
});

test("a TCP probe succeeds when something accepts", async () => {
  const server = createTcp((socket) => socket.destroy());
  const port = await listening(server);
  assert.equal((await host.connections.tcp("127.0.0.1", port, 5_000)).success, true);
  await new Promise((resolve) => server.close(resolve));
  assert.deepEqual(await host.connections.tcp("127.0.0.1", port, 5_000), {
    success: false,
    output: `dial tcp 127.0.0.1:${port}: connect: connection refused`,
  });
});

test("a gRPC probe asks the health service", async () => {
  const server = new GrpcServer();
  const raw = (buffer: Buffer) => buffer;
  const path = "/grpc.health.v1.Health/Check";
  server.addService(
    {
      check: {
        path,
        requestStream: false,
        responseStream: false,
        requestSerialize: raw,
        requestDeserialize: raw,
        responseSerialize: raw,
        responseDeserialize: raw,
      },
    },
    {
      check: (call: { request: Buffer }, callback: (error: null, answer: Buffer) => void) =>
        callback(null, Buffer.from([0x08, call.request.subarray(2).toString() === "db" ? 1 : 2])),
    },
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  assert.equal((await host.connections.grpc("127.0.0.1", port, "db", 5_000)).success, true);
  assert.deepEqual(await host.connections.grpc("127.0.0.1", port, "", 5_000), {
    success: false,
    output: 'service unhealthy (responded with "NOT_SERVING")',
  });
  server.forceShutdown();
  assert.match(
    (await host.connections.grpc("127.0.0.1", port, "", 5_000)).output,
    /^error: failed to connect service at/,
  );
});

test("the machine is described", async () => {
  const machine = await host.machine();
  assert.ok(machine.cpus > 0 && machine.memoryBytes > 0);
  const load = await host.load();
  assert.ok(load.diskCapacityBytes > load.diskAvailableBytes && load.memoryAvailableBytes > 0 && load.pids > 0);
});

test("a subpath that leads out of its volume is refused", () =>
  inDirectory(async (path) => {
    await mkdir(`${path}/volume`);
    await writeFile(`${path}/secret`, "x");
    await symlink("../secret", `${path}/volume/link`);
    await symlink("..", `${path}/volume/up`);
    const { mounts } = host;
    await assert.rejects(mounts.bindInside(`${path}/volume`, "link", `${path}/target`), /leads out of its volume/);
    await assert.rejects(mounts.makeDirectoryInside(`${path}/volume`, "up/new", 0o755), /leads out of its volume/);
    await assert.rejects(mounts.readInside(`${path}/volume`, "link", 10), /leads out of its volume/);
    await mounts.makeDirectoryInside(`${path}/volume`, "a/b", 0o700);
    await assert.rejects(mounts.readInside(`${path}/volume`, "a", 10), /a is not a file/);
    await writeFile(`${path}/volume/a/file`, "content");
    assert.equal(new TextDecoder().decode(await mounts.readInside(`${path}/volume`, "a/file", 4)), "cont");
    assert.equal((await host.files.status(`${path}/volume/a/b`))?.mode, 0o700);
    await symlink("../outside", `${path}/volume/nowhere`);
    await assert.rejects(mounts.makeDirectoryInside(`${path}/volume`, "nowhere/new", 0o755));
    assert.deepEqual(await host.files.list(`${path}/outside`), []);
  }));

test("pods that make the same directory of a volume at once have it both", () =>
  inDirectory(async (path) => {
    for (let round = 0; round < 20; round++) {
      const inner = `${round}/b/c`;
      await Promise.all([1, 2, 3].map(() => host.mounts.makeDirectoryInside(path, inner, 0o700)));
      assert.equal((await host.files.status(`${path}/${inner}`))?.mode, 0o700);
    }
  }));
