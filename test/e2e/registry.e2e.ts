// Pulling from a registry: Debian's docker-registry on the loopback of the test's own network, open and with a password.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { imageArchive } from "../images/build.ts";
import { eventually, TestCluster } from "./cluster.ts";

const busybox = "docker.io/library/busybox:1.35";
const user = "student";
const password = "open-sesame";
/** bcrypt of the password; what htpasswd -B would write. */
const passwordHash = "$2b$04$x1QTLZUWpnPyO8Tl7eC75.652q9GIypC1ooDfugtQX3YNkgSLzRuS";
let cluster: TestCluster;
const registries: ChildProcess[] = [];

before(async () => {
  cluster = await TestCluster.prepare("registry");
  await cluster.up();
  await cluster.roder(["image", "load", await imageArchive(busybox)]);
  await startRegistry(5000, "");
  await startRegistry(5001, `auth: { htpasswd: { realm: test, path: ${join(cluster.directory, "passwords")} } }`);
  await push("127.0.0.1:5000/busybox:1");
  await push("127.0.0.1:5001/busybox:1", "--user", `${user}:${password}`);
});
after(async () => {
  for (const registry of registries) {
    registry.kill();
    if (registry.exitCode === null) await once(registry, "close");
  }
  await cluster.remove();
});

async function startRegistry(port: number, auth: string): Promise<void> {
  const directory = join(cluster.directory, `registry-${port}`);
  mkdirSync(directory);
  writeFileSync(join(cluster.directory, "passwords"), `${user}:${passwordHash}\n`, { mode: 0o600 });
  const configuration = join(cluster.directory, `registry-${port}.yml`);
  writeFileSync(
    configuration,
    `version: 0.1\nlog: { level: error }\nstorage: { filesystem: { rootdirectory: ${directory} } }\nhttp: { addr: "127.0.0.1:${port}" }\n${auth}\n`,
  );
  const process = spawn("nsenter", [`--net=${cluster.networkNamespace}`, "docker-registry", "serve", configuration], {
    stdio: "ignore",
  });
  registries.push(process);
  await eventually(`the registry on port ${port} answers`, async () => {
    const { stdout } = await cluster.insideOutcome("curl", [
      "-s",
      "-o",
      "/dev/null",
      "-w",
      "%{http_code}",
      `http://127.0.0.1:${port}/v2/`,
    ]);
    return stdout === "200" || stdout === "401";
  });
}

/** Gives the loaded image another name and pushes it, with containerd's own program. */
async function push(name: string, ...flags: readonly string[]): Promise<void> {
  const ctr = (...args: readonly string[]) =>
    cluster.inside("ctr", [
      "--address",
      join(cluster.dataDirectory, "containerd/containerd.sock"),
      "--namespace",
      "k8s.io",
      "images",
      ...args,
    ]);
  await ctr("tag", busybox, name);
  await ctr("push", "--plain-http", ...flags, name);
  await ctr("rm", name);
}

const pod = (name: string, image: string, more = "") => `
apiVersion: v1
kind: Pod
metadata: { name: ${name} }
spec:
  restartPolicy: Never
  ${more}
  containers:
    - { name: main, image: "${image}", imagePullPolicy: Always, command: ["echo", "pulled"] }
`;
const reasonOf = (name: string) =>
  cluster.kubectl("get", "pod", name, "-o", "jsonpath={.status.containerStatuses[0].state.waiting.reason}");

test("an image is pulled from a registry", async () => {
  await cluster.apply(pod("open", "127.0.0.1:5000/busybox:1"));
  await cluster.becomes("pod/open", ".status.phase", "Succeeded");
  await eventually("an event tells of it", async () =>
    /Successfully pulled image "127\.0\.0\.1:5000\/busybox:1"/.test(await cluster.kubectl("describe", "pod", "open")),
  );
  assert.equal(await cluster.kubectl("logs", "open"), "pulled\n");
});

test("without credentials a closed registry gives ErrImagePull, then ImagePullBackOff", async () => {
  await cluster.apply(pod("refused", "127.0.0.1:5001/busybox:1"));
  await eventually("the pull failed", async () => /ErrImagePull|ImagePullBackOff/.test(await reasonOf("refused")));
  await eventually("the pull waits", async () => (await reasonOf("refused")) === "ImagePullBackOff");
  await eventually("an event tells of it", async () =>
    /Failed to pull image/.test(await cluster.kubectl("describe", "pod", "refused")),
  );
});

test("with a pull secret the same registry gives the image", async () => {
  await cluster.kubectl(
    "create",
    "secret",
    "docker-registry",
    "closed",
    "--docker-server=127.0.0.1:5001",
    `--docker-username=${user}`,
    `--docker-password=${password}`,
  );
  await cluster.apply(pod("allowed", "127.0.0.1:5001/busybox:1", "imagePullSecrets: [{ name: closed }]"));
  await cluster.becomes("pod/allowed", ".status.phase", "Succeeded");
});

test("an image that must be there and is not gives ErrImageNeverPull", async () => {
  await cluster.apply(pod("never", "127.0.0.1:5000/busybox:2").replace("Always", "Never"));
  await eventually("the reason is told", async () => (await reasonOf("never")) === "ErrImageNeverPull");
});
