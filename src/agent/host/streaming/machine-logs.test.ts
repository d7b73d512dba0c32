import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { rmSync, symlinkSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { sendMachineLogs } from "./machine-logs.ts";
import { RequestError } from "./request-error.ts";

test("Proxy should proxy logs on node: directories are listed, files are sent, and nothing leads out", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "machine-logs-"));
  t.after(() => rm(directory, { recursive: true }));
  const logs = join(directory, "log");
  await mkdir(join(logs, "boot"), { recursive: true });
  await writeFile(join(logs, "a<b.log"), "first\n");
  await writeFile(join(logs, "empty"), "");
  await writeFile(join(directory, "secret"), "hidden");
  await symlink(join(directory, "secret"), join(logs, "out"));
  await symlink(join(logs, "a<b.log"), join(logs, "again"));
  execFileSync("mkfifo", [join(logs, "pipe")]);
  const server = createServer(async ({ url = "" }, response) => {
    try {
      await sendMachineLogs(logs, url.split("/").slice(2).map(decodeURIComponent), response);
    } catch (error) {
      response.writeHead(error instanceof RequestError ? error.code : 500).end(String(error));
    }
  });
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A TCP server has such an address.
  const { port } = server.address() as AddressInfo;
  // Unlike fetch it leaves the path as it is.
  const get = (path: string) =>
    new Promise<readonly [number | undefined, string]>((resolve, reject) => {
      const answered = async (response: IncomingMessage) =>
        resolve([response.statusCode, response.headers.location ?? (await text(response))]);
      request({ host: "127.0.0.1", port, path, agent: false }, answered).on("error", reject).end();
    });
  const names = ["a&lt;b.log", "again", "boot/", "empty", "out", "pipe"];
  const [code, listing] = await get("/logs/");
  assert.equal(code, 200);
  assert.deepEqual(
    [...listing.matchAll(/>([^<]+)<\/a>/g)].map(([, name]) => name),
    names,
  );
  assert.match(listing, /href="a%3Cb.log"/);
  assert.deepEqual(await get("/logs/a%3Cb.log"), [200, "first\n"]);
  assert.deepEqual(await get("/logs/again"), [200, "first\n"]);
  assert.deepEqual(await get("/logs/empty"), [200, ""]);
  assert.deepEqual(await get("/logs"), [301, "logs/"]);
  assert.deepEqual(await get("/logs/boot"), [301, "boot/"]);
  for (const path of [
    "/logs/out",
    "/logs/pipe",
    "/logs/none",
    "/logs/../secret",
    "/logs/..%2Fsecret",
    "/logs/empty/",
    "/logs/%00",
  ])
    assert.equal((await get(path))[0], 404, path);
});

test("what is sent is what was looked at, whatever its name leads to by then", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "machine-logs-"));
  t.after(() => rm(directory, { recursive: true }));
  const logs = join(directory, "log");
  await mkdir(logs);
  await writeFile(join(directory, "secret"), "hidden");
  await writeFile(join(logs, "open"), "shown!");
  const body = new PassThrough();
  const writeHead = () => {
    rmSync(join(logs, "open"));
    symlinkSync("../secret", join(logs, "open"));
    return body;
  };
  // Of a response nothing else is used.
  await sendMachineLogs(logs, ["open"], Object.assign(body, { writeHead }) as unknown as ServerResponse);
  assert.equal(await text(body), "shown!");
});
