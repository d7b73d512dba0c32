import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { silentLogger, VirtualClock } from "../lib/index.ts";
import { keepRotated, LogFile, olderLog, rotateLog } from "./log-file.ts";

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "roder-log-"));
  path = join(directory, "server.log");
});
afterEach(() => rmSync(directory, { recursive: true }));

const textOf = (file: string) => readFileSync(file, "utf8");
const modeOf = (file: string) => statSync(file).mode & 0o777;

test("a log that grows beyond its bound goes on in an empty file, and the lines before are kept once", () => {
  const file = openSync(path, "a", 0o600);
  const log = new LogFile(file, 20);
  for (let line = 1; line <= 7; line++) log.write(`line number ${line}\n`);
  assert.equal(textOf(olderLog(path)), "line number 5\nline number 6\n");
  assert.equal(textOf(path), "line number 7\n");
  assert.deepEqual([modeOf(path), modeOf(olderLog(path))], [0o600, 0o600]);
  closeSync(file);
});

test("a log that another process writes is rotated under its hands", () => {
  const file = openSync(path, "a", 0o600);
  const other = new LogFile(file);
  other.write("one\n");
  rotateLog(path, 100);
  assert.ok(!existsSync(olderLog(path)));
  rotateLog(path, 3);
  other.write("two\n");
  assert.equal(textOf(olderLog(path)), "one\n");
  assert.equal(textOf(path), "two\n");
  closeSync(file);
});

test("the log of a program that rotates nothing is looked at every minute", async () => {
  const clock = new VirtualClock();
  const ending = new AbortController();
  const done = keepRotated(path, { clock, log: silentLogger, signal: ending.signal }, 3);
  writeFileSync(path, "lines\n");
  await clock.advance(60_000);
  assert.equal(textOf(olderLog(path)), "lines\n");
  assert.equal(textOf(path), "");
  ending.abort();
  await done;
});

test("a log that nobody has written yet is left alone", () => {
  rotateLog(path, 3);
  assert.ok(!existsSync(olderLog(path)));
});

test("the bound counts what an earlier process wrote", () => {
  writeFileSync(path, "an earlier line\n");
  const file = openSync(path, "a");
  new LogFile(file, 20).write("a later line\n");
  assert.equal(textOf(path), "");
  assert.equal(textOf(olderLog(path)), "an earlier line\na later line\n");
  closeSync(file);
});

test("a line that cannot be written ends nothing", () => {
  const full = openSync("/dev/full", "a");
  const log = new LogFile(full);
  log.write("lost\n");
  log.write("lost\n");
  closeSync(full);
});

/** Run on a file system of 1 MiB: shows the log's size, and whether there is an older one, after each of some lines. */
const onSmallDisk = `
  import { existsSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
  import { LogFile, olderLog } from ${JSON.stringify(resolve(import.meta.dirname, "log-file.ts"))};
  const [, directory] = process.argv;
  const path = directory + "/server.log";
  const log = new LogFile(openSync(path, "a", 0o600), 400_000);
  const line = "x".repeat(99_999) + "\\n";
  const sizes = [];
  const write = () => {
    log.write(line);
    sizes.push(statSync(path).size);
  };
  writeFileSync(directory + "/ballast", Buffer.alloc(500_000));
  for (let n = 0; n < 7; n++) write();
  rmSync(directory + "/ballast");
  write();
  const notice = readFileSync(path, "utf8").split("\\n").find((each) => each.startsWith("{"));
  write();
  write();
  console.log(JSON.stringify({ sizes, notice: JSON.parse(notice), hasOlder: existsSync(olderLog(path)) }));
`;

test("on a full disk lines stay where they are up to twice the bound, and the next line tells how many are lost", (context) => {
  const user = process.getuid?.() === 0 ? [] : ["--map-root-user"];
  const mount = 'mount -t tmpfs -o size=1m tmpfs "$1"';
  const shell = (script: string, ...values: string[]) =>
    spawnSync("unshare", [...user, "--mount", "sh", "-c", script, "sh", directory, ...values], { encoding: "utf8" });
  if (shell(mount).status !== 0) {
    context.skip("this machine lets nobody mount a small file system");
    return;
  }
  const node = '"$2" --disable-warning=ExperimentalWarning --input-type=module --eval "$3" "$1"';
  const { stdout, stderr } = shell(`${mount} && exec ${node}`, process.execPath, onSmallDisk);
  assert.equal(stderr, "");
  const { sizes, notice, hasOlder } = JSON.parse(stdout);
  assert.deepEqual(sizes.slice(0, 5), [100_000, 200_000, 300_000, 400_000, 500_000]);
  const full = sizes[5];
  assert.ok(full > 500_000 && full < 600_000, `${full} bytes when the disk is full`);
  assert.equal(sizes[6], full);
  assert.equal(notice.lines, 2);
  assert.ok(sizes[7] > full + 100_000);
  // Past twice the bound they go, whatever they are.
  assert.deepEqual(sizes.slice(8), [sizes[7] + 100_000, 0]);
  assert.equal(hasOlder, false);
});
