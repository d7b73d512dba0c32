import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { containerConfig, sandboxConfig, startContainerd, type TestContainerd } from "../../../../test/containerd.ts";
import { busyboxImage } from "../../../../test/images/oci.ts";
import { enterOwnNamespaces } from "../../../../test/namespaces.ts";
import { type Logger, silentLogger, sleep, systemClock } from "../../../lib/index.ts";
import {
  ContainerdSupervisor,
  containerdPaths,
  detectMachine,
  pauseImageName,
  readMachineFacts,
  removeEngine,
  runningPid,
} from "./index.ts";

const own = enterOwnNamespaces();
let containerd: TestContainerd | undefined;
afterEach(async () => {
  await containerd?.stop();
  containerd = undefined;
});

async function supervisorOf({ paths }: Pick<TestContainerd, "paths">, log: Logger = silentLogger, program?: string) {
  const machine = detectMachine(await readMachineFacts(own.directory));
  return new ContainerdSupervisor({ paths, machine, clock: systemClock, log, ...(program ? { program } : {}) });
}

async function runContainer({ engine }: TestContainerd): Promise<string> {
  const pod = sandboxConfig(containerd!);
  mkdirSync(join(pod.logDirectory, "main"), { recursive: true });
  const sandboxId = await engine.runSandbox(pod);
  const id = await engine.createContainer(sandboxId, containerConfig(["sleep", "1000"]), pod);
  await engine.startContainer(id);
  return id;
}

test("a supervisor takes over the containerd that runs, and its containers", async () => {
  containerd = await startContainerd(own);
  const id = await runContainer(containerd);
  const { pid } = containerd.supervisor;
  containerd.supervisor.release();
  const next = await supervisorOf(containerd);
  assert.equal(await next.start(), "adopted");
  assert.equal(next.pid, pid);
  assert.equal((await containerd.engine.containerStatus(id))?.state, "running");
  next.release();
});

test("a containerd that dies is started again and its containers go on", async () => {
  containerd = await startContainerd(own);
  const id = await runContainer(containerd);
  const { pid } = containerd.supervisor;
  process.kill(pid, "SIGKILL");
  for (;;) {
    await sleep(systemClock, 20);
    const running = await runningPid(containerd.paths);
    if (running !== undefined && running !== pid && (await answers(containerd))) break;
  }
  assert.equal((await containerd.engine.containerStatus(id))?.state, "running");
});

async function answers({ engine }: TestContainerd): Promise<boolean> {
  try {
    await engine.version();
    return true;
  } catch {
    // It is still starting.
    return false;
  }
}

test("a containerd that cannot start says why", async () => {
  const paths = containerdPaths(join(own.directory, "refusing"));
  const supervisor = await supervisorOf({ paths }, silentLogger, "/bin/false");
  await assert.rejects(supervisor.start(), /containerd does not start \(see .*\.log\): it ended with code 1/);
  const missing = await supervisorOf({ paths }, silentLogger, "/no/such/containerd");
  await assert.rejects(missing.start(), /ENOENT/);
});

test("images come from archives in memory and in files, and what is no archive is refused", async () => {
  containerd = await startContainerd(own);
  const { images } = containerd;
  assert.deepEqual(await images.load(busyboxImage("localhost/test/other:1")), ["localhost/test/other:1"]);
  const tags = (await images.list()).flatMap((image) => image.tags);
  assert.ok(tags.includes("localhost/test/other:1") && tags.includes(pauseImageName));
  assert.equal(await images.remove("localhost/test/other:1"), true);
  assert.equal(await containerd.engine.imageStatus("localhost/test/other:1"), undefined);
  await assert.rejects(
    images.load(join(own.directory, "missing.tar")),
    /cannot load images from .*missing\.tar: .*no such file/,
  );
  await assert.rejects(images.load(new TextEncoder().encode("nonsense")), /cannot load images from the archive/);
});

test("removing an engine leaves no process, mount, socket, cgroup or file of it", async () => {
  const left = await startContainerd(own);
  containerd = left;
  await runContainer(left);
  const { pid } = left.supervisor;
  left.supervisor.release();
  left.engine.close();
  containerd = undefined;
  await removeEngine({ paths: left.paths, cgroupRoot: own.cgroup, clock: systemClock });
  assert.equal(await runningPid(left.paths), undefined);
  assert.ok(!existsSync(`/proc/${pid}`) || readFileSync(`/proc/${pid}/stat`, "utf8").includes(" Z "));
  const commands = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " "));
  assert.deepEqual(
    commands.filter((line) => line.includes("containerd-shim") || line.includes("sleep 1000")),
    [],
  );
  assert.doesNotMatch(readFileSync("/proc/self/mounts", "utf8"), new RegExp(`${own.directory}/containerd`));
  assert.deepEqual(readdirSync("/run/containerd/s"), []);
  assert.ok(!existsSync(join("/sys/fs/cgroup/memory", own.cgroup)) && !existsSync(join("/sys/fs/cgroup", own.cgroup)));
  assert.ok(!existsSync(left.paths.root) && !existsSync(left.paths.state));
});
