// A containerd of the tests' own with a pod network, for files that called enterOwnNamespaces().
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CriEngine } from "../src/agent/engine/cri/index.ts";
import type { ContainerConfig, SandboxConfig, SecurityContext } from "../src/agent/engine/index.ts";
import {
  type ContainerdPaths,
  ContainerdSupervisor,
  containerdPaths,
  detectMachine,
  ImageStore,
  readMachineFacts,
} from "../src/agent/host/containerd/index.ts";
import { silentLogger, systemClock, systemRandom, uuid } from "../src/lib/index.ts";
import { busyboxImage } from "./images/oci.ts";
import type { OwnNamespaces } from "./namespaces.ts";

export interface TestContainerd {
  readonly engine: CriEngine;
  readonly supervisor: ContainerdSupervisor;
  readonly images: ImageStore;
  readonly paths: ContainerdPaths;
  readonly own: OwnNamespaces;
  /** Ends the containers and containerd. */
  stop(): Promise<void>;
}

export const busybox = "localhost/test/busybox:1";

/** Starts it, with the busybox image loaded. */
export async function startContainerd(own: OwnNamespaces): Promise<TestContainerd> {
  const { directory } = own;
  const machine = detectMachine(await readMachineFacts(directory));
  const paths = containerdPaths(directory);
  writeNetwork(paths.networks, directory);
  const supervisor = new ContainerdSupervisor({ paths, machine, clock: systemClock, log: silentLogger });
  await supervisor.start();
  const engine = new CriEngine({ socketPath: paths.socket, clock: systemClock });
  const images = new ImageStore({ socketPath: paths.socket, snapshotter: machine.snapshotter, clock: systemClock });
  await images.load(busyboxImage(busybox));
  const stop = async () => {
    for (const sandbox of await engine.listSandboxes()) {
      await engine.stopSandbox(sandbox.id);
      await engine.removeSandbox(sandbox.id);
    }
    engine.close();
    await supervisor.stop();
  };
  return { engine, supervisor, images, paths, own, stop };
}

/** Pods on one bridge, with addresses of 10.99.0.0/24. */
function writeNetwork(directory: string, stateDirectory: string): void {
  mkdirSync(directory, { recursive: true });
  const ipam = { type: "host-local", dataDir: join(stateDirectory, "ipam"), ranges: [[{ subnet: "10.99.0.0/24" }]] };
  const bridge = { type: "bridge", bridge: "test0", isGateway: true, hairpinMode: true, ipam };
  const network = { cniVersion: "0.4.0", name: "test", plugins: [bridge] };
  writeFileSync(join(directory, "10-test.conflist"), JSON.stringify(network));
}

const security: SecurityContext = {
  supplementalGroups: [],
  privileged: false,
  readOnlyRootFilesystem: false,
  noNewPrivileges: false,
  addCapabilities: [],
  dropCapabilities: [],
  seccomp: "Unconfined",
};

export function sandboxConfig(containerd: TestContainerd, change: Partial<SandboxConfig> = {}): SandboxConfig {
  const uid = uuid(systemRandom);
  return {
    name: "pod",
    uid,
    namespace: "default",
    attempt: 0,
    hostname: "pod",
    logDirectory: join(containerd.own.directory, "logs", uid),
    labels: {},
    annotations: {},
    cgroupParent: `${containerd.own.cgroup}/${uid}`,
    hostNetwork: false,
    hostPid: false,
    hostIpc: false,
    shareProcessNamespace: false,
    sysctls: {},
    security,
    runtimeHandler: "",
    portMappings: [],
    ...change,
  };
}

export function containerConfig(command: readonly string[], change: Partial<ContainerConfig> = {}): ContainerConfig {
  return {
    name: "main",
    attempt: 0,
    image: busybox,
    command,
    args: [],
    workingDir: "",
    env: {},
    mounts: [],
    devices: [],
    labels: {},
    annotations: {},
    logPath: "main/0.log",
    stdin: false,
    stdinOnce: false,
    tty: false,
    resources: {},
    security,
    ...change,
  };
}
