import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import { aroundTests } from "../../../../test/around-tests.ts";
import { errorMessage, systemClock } from "../../../lib/index.ts";
import { type Messages, methodsOf } from "./connection.ts";
import { criMessages } from "./cri.generated.ts";
import { CriEngine } from "./cri-engine.ts";
import { EngineError } from "./engine-error.ts";

const methods = methodsOf("runtime.v1", criMessages as Messages);
const directory = mkdtempSync(join(tmpdir(), "roder-cri-"));
const socketPath = join(directory, "cri.sock");
let server: Server;
let engine: CriEngine;
/** What the pretended runtime was asked last, by the method's name. */
const asked = new Map<string, unknown>();
/** How it answers. */
const answers = new Map<string, object>();

class Refusal {
  readonly code: status;
  readonly details: string;

  constructor(code: status, details: string) {
    this.code = code;
    this.details = details;
  }
}

aroundTests(
  async () => {
    server = new Server();
    for (const service of ["RuntimeService", "ImageService"]) {
      const own = [...methods].filter(
        ([path]) => path.startsWith(`/runtime.v1.${service}/`) && !path.endsWith("ContainerEvents"),
      );
      const nameOf = (path: string) => path.slice(path.lastIndexOf("/") + 1);
      const implementation = own.map(([path]) => [
        nameOf(path),
        (call: ServerUnaryCall<object, object>, reply: sendUnaryData<object>) => {
          asked.set(nameOf(path), call.request);
          const answer = answers.get(nameOf(path)) ?? {};
          if (answer instanceof Refusal) reply({ code: answer.code, details: answer.details });
          else reply(null, answer);
        },
      ]);
      server.addService(
        Object.fromEntries(own.map(([path, method]) => [nameOf(path), method])),
        Object.fromEntries(implementation),
      );
    }
    await new Promise<void>((resolve, reject) =>
      server.bindAsync(`unix://${socketPath}`, ServerCredentials.createInsecure(), (error) =>
        error ? reject(error) : resolve(),
      ),
    );
    engine = new CriEngine({ socketPath, clock: systemClock });
  },
  () => {
    engine.close();
    server.forceShutdown();
    rmSync(directory, { recursive: true });
  },
);

test("a runtime's refusal is said once and in its words, without those of gRPC", async () => {
  const details = "failed to pull: rpc error: code = NotFound desc = no such image";
  answers.set("PullImage", new Refusal(status.UNKNOWN, details));
  await assert.rejects(engine.pullImage("x", undefined), (error) => {
    assert.ok(error instanceof EngineError && error.code === "unknown");
    assert.equal(errorMessage(error), "failed to pull: no such image");
    return true;
  });
});

test("what the runtime does not know is undefined when asked for and no error when removed", async () => {
  for (const name of ["ContainerStatus", "PodSandboxStatus", "RemoveContainer", "StopPodSandbox"])
    answers.set(name, new Refusal(status.NOT_FOUND, "not found"));
  assert.equal(await engine.containerStatus("x"), undefined);
  assert.equal(await engine.sandboxStatus("x"), undefined);
  await engine.removeContainer("x");
  await engine.stopSandbox("x");
});

test("a runtime that is not there is named", async () => {
  const missing = new CriEngine({ socketPath: "/no/such/cri.sock", clock: systemClock });
  const expected = { message: "the container engine at /no/such/cri.sock cannot be reached", code: "unavailable" };
  await assert.rejects(missing.version(), expected);
  assert.ok(new EngineError("unknown", "x") instanceof Error);
  missing.close();
});

test("a sandbox is asked for with its resolver, ports and namespaces", async () => {
  answers.set("RunPodSandbox", { pod_sandbox_id: "s1" });
  const dns = { servers: ["10.43.0.10"], searches: ["svc.cluster.local"], options: ["ndots:5"] };
  const id = await engine.runSandbox({
    name: "p",
    uid: "u",
    namespace: "n",
    attempt: 2,
    hostname: "h",
    logDirectory: "/logs",
    dns,
    labels: { a: "b" },
    annotations: {},
    cgroupParent: "/roder/u",
    hostNetwork: false,
    hostPid: true,
    hostIpc: false,
    shareProcessNamespace: false,
    sysctls: {},
    security: {
      supplementalGroups: [7],
      runAsUser: 0,
      privileged: false,
      readOnlyRootFilesystem: false,
      noNewPrivileges: false,
      addCapabilities: [],
      dropCapabilities: [],
      seccomp: "Localhost/profile.json",
    },
    runtimeHandler: "",
    portMappings: [{ protocol: "UDP", containerPort: 53, hostPort: 5353, hostIp: "" }],
  });
  assert.equal(id, "s1");
  const { config } = asked.get("RunPodSandbox") as { config: Record<string, Record<string, unknown>> };
  assert.deepEqual(config.dns_config, dns);
  assert.deepEqual(config.port_mappings, [{ protocol: "UDP", container_port: 53, host_port: 5353, host_ip: "" }]);
  const security = config.linux!.security_context as Record<string, Record<string, unknown>>;
  assert.equal(security.namespace_options!.pid, "NODE");
  assert.deepEqual(security.seccomp, { profile_type: "Localhost", localhost_ref: "profile.json" });
  assert.deepEqual(security.run_as_user, { value: 0 });
});

test("states and times come in the agent's words", async () => {
  answers.set("ListContainers", {
    containers: [
      {
        id: "c1",
        pod_sandbox_id: "s1",
        metadata: { name: "main", attempt: 3 },
        state: "CONTAINER_RUNNING",
        created_at: 1_700_000_000_123 * 1e6,
      },
    ],
  });
  const [container] = await engine.listContainers();
  assert.deepEqual(
    [container?.sandboxId, container?.name, container?.attempt, container?.state, container?.createdAtMs],
    ["s1", "main", 3, "running", 1_700_000_000_123],
  );
  answers.set("ContainerStatus", { status: { id: "c1", state: "CONTAINER_EXITED", exit_code: 3, reason: "Error" } });
  const state = await engine.containerStatus("c1");
  assert.deepEqual([state?.state, state?.exitCode, state?.reason, state?.sandboxId], ["exited", 3, "Error", "s1"]);
});

test("a process that ended while it was being started has not ended before its start", async () => {
  answers.set("ContainerStatus", {
    status: { id: "c1", state: "CONTAINER_EXITED", started_at: 7e6, finished_at: 5e6 },
  });
  const ended = await engine.containerStatus("c1");
  assert.deepEqual([ended?.startedAtMs, ended?.finishedAtMs], [5, 5]);
});
