import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  busybox,
  containerConfig,
  sandboxConfig,
  startContainerd,
  type TestContainerd,
} from "../../../../test/containerd.ts";
import { eventually } from "../../../../test/e2e/cluster.ts";
import { enterOwnNamespaces } from "../../../../test/namespaces.ts";
import type { ContainerConfig, EngineEvent, SandboxConfig } from "../engine.ts";

const own = enterOwnNamespaces();

let containerd: TestContainerd;
before(async () => {
  containerd = await startContainerd(own);
});
after(() => containerd.stop());

/** Runs a container in a new sandbox. */
async function run(
  command: readonly string[],
  container: Partial<ContainerConfig> = {},
  sandbox: Partial<SandboxConfig> = {},
) {
  const { engine } = containerd;
  const pod = sandboxConfig(containerd, sandbox);
  const config = containerConfig(command, container);
  mkdirSync(join(pod.logDirectory, config.name), { recursive: true });
  const sandboxId = await engine.runSandbox(pod);
  const id = await engine.createContainer(sandboxId, config, pod);
  await engine.startContainer(id);
  return { sandboxId, id, log: () => readFileSync(join(pod.logDirectory, config.logPath), "utf8") };
}

/** Runs `act` and waits until the engine told of `type` for the container that it returns. */
async function until(type: EngineEvent["type"], act: () => Promise<string>): Promise<void> {
  const stop = new AbortController();
  const seen: EngineEvent[] = [];
  const reader = { wake: () => {} };
  const reading = (async () => {
    for await (const event of containerd.engine.events(stop.signal)) {
      seen.push(event);
      reader.wake();
    }
  })();
  const id = await act();
  while (!seen.some((event) => event.type === type && event.containerId === id))
    await new Promise<void>((resolve) => {
      reader.wake = resolve;
    });
  stop.abort();
  await reading;
}

test("the engine says what it is and that it is ready", async () => {
  const version = await containerd.engine.version();
  assert.equal(version.runtime, "containerd");
  assert.equal(await containerd.engine.notReady(), "");
});

test("a container runs, has an address, and its end is told with its code", async () => {
  const { engine } = containerd;
  let id = "";
  await until("stopped", async () => {
    const ran = await run(["sh", "-c", "echo hello; exit 3"]);
    id = ran.id;
    const sandbox = await engine.sandboxStatus(ran.sandboxId);
    assert.match(sandbox?.ips[0] ?? "", /^10\.99\.0\.\d+$/);
    return id;
  });
  const status = await engine.containerStatus(id);
  assert.equal(status?.state, "exited");
  assert.equal(status?.exitCode, 3);
  assert.equal(status?.reason, "Error");
  assert.ok(status!.finishedAtMs >= status!.startedAtMs && status!.startedAtMs > 0);
  assert.match(readFileSync(status!.logPath, "utf8"), / stdout F hello\n$/);
});

test("containers and sandboxes are listed until they are removed, and removing twice is no error", async () => {
  const { engine } = containerd;
  const { sandboxId, id } = await run(["sleep", "1000"]);
  assert.equal((await engine.listContainers()).find((each) => each.id === id)?.sandboxId, sandboxId);
  assert.equal((await engine.listSandboxes()).find((each) => each.id === sandboxId)?.ready, true);
  await engine.stopContainer(id, 0);
  assert.equal((await engine.containerStatus(id))?.state, "exited");
  await engine.removeContainer(id);
  assert.equal(await engine.containerStatus(id), undefined);
  for (let time = 0; time < 2; time++) {
    await engine.stopSandbox(sandboxId);
    await engine.removeSandbox(sandboxId);
    await engine.removeContainer(id);
  }
  assert.equal(await engine.sandboxStatus(sandboxId), undefined);
});

test("exec gives the code and both outputs of a command", async () => {
  const { id } = await run(["sleep", "1000"]);
  const result = await containerd.engine.execSync(id, ["sh", "-c", "echo out; echo err >&2; exit 7"], 10_000);
  const decoder = new TextDecoder();
  assert.deepEqual(
    [result.exitCode, decoder.decode(result.stdout), decoder.decode(result.stderr)],
    [7, "out\n", "err\n"],
  );
});

test("an exec that outlives its time is ended with an error", async () => {
  const { id } = await run(["sleep", "1000"]);
  await assert.rejects(
    containerd.engine.execSync(id, ["sleep", "100"], 1_000),
    /command "sleep 100" timed out after 1 s/,
  );
});

test("an exec whose signal is aborted ends at once, and its command with it", async () => {
  const { engine } = containerd;
  const { id } = await run(["sleep", "1000"]);
  const processes = async () =>
    new TextDecoder().decode((await engine.execSync(id, ["ps", "-o", "args"], 10_000)).stdout);
  const stop = new AbortController();
  const ran = assert.rejects(engine.execSync(id, ["sleep", "77"], 100_000, stop.signal), { name: "AbortError" });
  await eventually("the command runs", async () => /sleep 77/.test(await processes()));
  stop.abort();
  await ran;
  await eventually("the command is gone", async () => !/sleep 77/.test(await processes()));
});

test("a command that does not exist fails with the runtime's sentence", async () => {
  await assert.rejects(run(["/no/such/program"]), /\/no\/such\/program.*no such file or directory/);
});

test("a container that needs more memory than its limit is killed for it", async () => {
  let id = "";
  await until("stopped", async () => {
    // dd holds its whole block in memory.
    const ran = await run(["dd", "if=/dev/zero", "of=/dev/null", "bs=64M"], {
      resources: { memoryLimitBytes: 16 * 2 ** 20 },
    });
    id = ran.id;
    return id;
  });
  const status = await containerd.engine.containerStatus(id);
  assert.equal(status?.reason, "OOMKilled");
  assert.equal(status?.exitCode, 137);
});

test("containers of a pod with a shared process namespace see each other and the sandbox reaps orphans", async () => {
  const { engine } = containerd;
  const { id } = await run(["sleep", "1000"], {}, { shareProcessNamespace: true });
  await engine.execSync(id, ["sh", "-c", "(sleep 0 &)"], 10_000);
  await eventually("the orphan is reaped", async () => {
    const { stdout } = await engine.execSync(id, ["ps", "-o", "pid,stat,args"], 10_000);
    const processes = new TextDecoder().decode(stdout);
    assert.match(processes, /^ +1 SN? +\/pause$/m);
    assert.doesNotMatch(processes, /^ +\d+ Z/m);
    return true;
  });
});

test("resources of a running container change", async () => {
  const { engine } = containerd;
  const { id } = await run(["sleep", "1000"], { resources: { memoryLimitBytes: 64 * 2 ** 20 } });
  await engine.updateResources(id, { memoryLimitBytes: 128 * 2 ** 20 });
  const stats = await engine.stats();
  assert.ok((stats.find((each) => each.containerId === id)?.memoryWorkingSetBytes ?? 0) > 0);
});

test("an image is there after it was loaded, and gone after it was removed", async () => {
  const { engine, images } = containerd;
  const image = await engine.imageStatus(busybox);
  assert.deepEqual(image?.tags, [busybox]);
  assert.equal(await engine.imageStatus("localhost/test/missing:1"), undefined);
  assert.equal(await images.remove("localhost/test/missing:1"), false);
});

test("a pull that is cancelled ends at once", async () => {
  const cancelled = AbortSignal.abort(new Error("not wanted any more"));
  await assert.rejects(
    containerd.engine.pullImage("localhost/test/missing:1", undefined, cancelled),
    /not wanted any more/,
  );
});

const whole = (stream: ReadableStream<Uint8Array> | undefined) => new Response(stream).text();
const quiet = { stdin: false, stdout: true, stderr: true, tty: false };

test("an exec session passes input, gives both outputs and the code", async () => {
  const { id } = await run(["sleep", "1000"]);
  const command = ["sh", "-c", "cat; echo err >&2; exit 5"];
  const session = await containerd.engine.exec(id, { ...quiet, command, stdin: true });
  const input = session.stdin!.getWriter();
  await input.write(new TextEncoder().encode("typed"));
  // cat ends only by the end of its input.
  await input.close();
  assert.deepEqual(await Promise.all([whole(session.stdout), whole(session.stderr), session.done]), [
    "typed",
    "err\n",
    5,
  ]);
});

test("an exec session carries megabytes both ways unchanged", async () => {
  const { id } = await run(["sleep", "1000"]);
  const session = await containerd.engine.exec(id, { ...quiet, command: ["cat"], stdin: true, stderr: false });
  const bytes = new Uint8Array(8 * 2 ** 20).map((_, index) => (index * 7) ^ (index >> 8));
  const writer = session.stdin!.getWriter();
  const [back] = await Promise.all([
    new Response(session.stdout).bytes(),
    writer.write(bytes).then(() => writer.close()),
  ]);
  assert.ok(Buffer.from(bytes).equals(back));
  assert.equal(await session.done, 0);
});

test("a terminal's size reaches the process", async () => {
  const { id } = await run(["sleep", "1000"]);
  // Until the first size came the terminal has none, and stty says nothing.
  const command = ["sh", "-c", 'until [ "$(stty size 2>/dev/null)" ]; do usleep 1000; done; stty size'];
  const session = await containerd.engine.exec(id, { ...quiet, command, stdin: true, tty: true });
  session.resize(123, 45);
  assert.equal(await whole(session.stdout), "45 123\r\n");
  assert.equal(await session.done, 0);
});

test("an exec of a program that does not exist fails with the runtime's sentence", async () => {
  const { id } = await run(["sleep", "1000"]);
  const session = await containerd.engine.exec(id, { ...quiet, command: ["/no/such/program"] });
  await Promise.all([whole(session.stdout), whole(session.stderr)]);
  await assert.rejects(session.done, /no such file or directory/);
});

test("an exec in a container that has ended is refused", async () => {
  const { id } = await run(["sleep", "1000"]);
  await containerd.engine.stopContainer(id, 0);
  await assert.rejects(containerd.engine.exec(id, { ...quiet, command: ["true"] }), /not running|CONTAINER_EXITED/);
});

test("attach sees what the container's own process writes and ends with it", async () => {
  const command = ["sh", "-c", "read line; echo got $line"];
  const { id } = await run(command, { stdin: true, stdinOnce: true });
  const session = await containerd.engine.attach(id, { ...quiet, stdin: true });
  const writer = session.stdin!.getWriter();
  await writer.write(new TextEncoder().encode("hello\n"));
  assert.equal(await whole(session.stdout), "got hello\n");
});

test("port-forward reaches a port inside the sandbox, and says when nothing listens there", async () => {
  const command = ["nc", "-ll", "-p", "7000", "-e", "cat"];
  const { sandboxId, id } = await run(command);
  const listens = ["sh", "-c", "until nc 127.0.0.1 7000 </dev/null; do usleep 10000; done"];
  await containerd.engine.execSync(id, listens, 10_000);
  const { data, close } = await containerd.engine.portForward(sandboxId, 7000);
  const writer = data.writable.getWriter();
  const reader = data.readable.getReader();
  await writer.write(new TextEncoder().encode("ping"));
  assert.equal(new TextDecoder().decode((await reader.read()).value), "ping");
  close();
  const refused = await containerd.engine.portForward(sandboxId, 7001);
  await assert.rejects(whole(refused.data.readable), /failed to connect to localhost:7001 inside namespace|refused/);
});
