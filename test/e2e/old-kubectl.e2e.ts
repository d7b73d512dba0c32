// The kubectl of Debian 12 (1.20), which a newcomer's machine gets: it reads OpenAPI in protobuf only, streams over SPDY
// only, and validates and merges on its own side.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { imageArchive } from "../images/build.ts";
import { succeed } from "../programs.ts";
import { eventually, TestCluster } from "./cluster.ts";

const image = "docker.io/library/nginx:1.22";
let cluster: TestCluster;

/** The directory of the distribution's kubectl, fetched into the cache and not installed. */
async function debianKubectl(): Promise<string> {
  const cache = join(homedir(), ".cache/roder");
  const kept = join(cache, "debian-kubectl");
  if (!existsSync(kept)) {
    mkdirSync(cache, { recursive: true });
    const work = mkdtempSync(join(cache, "debian-kubectl-"));
    await succeed("sh", [
      "-c",
      'cd "$1" && apt-get -q -o APT::Sandbox::User=root download kubernetes-client',
      "sh",
      work,
    ]);
    const [archive = ""] = readdirSync(work);
    await succeed("dpkg-deb", ["-x", join(work, archive), work]);
    rmSync(join(work, archive));
    renameSync(work, kept);
  }
  return join(kept, "usr/bin");
}

before(async () => {
  cluster = await TestCluster.prepare("old-kubectl", await debianKubectl());
  await cluster.up();
  await cluster.roder(["image", "load", await imageArchive(image)]);
});
after(() => cluster.remove());

const pod = async () =>
  (await cluster.kubectl("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[0].metadata.name}")).trim();

test("a deployment is created, exposed, rolled out, rolled back and described", async () => {
  await cluster.kubectl("create", "deployment", "web", `--image=${image}`);
  await cluster.kubectl("expose", "deployment", "web", "--port=80");
  assert.match(
    await cluster.kubectl("rollout", "status", "deployment/web", "--timeout=60s"),
    /successfully rolled out/,
  );
  await cluster.kubectl("set", "env", "deployment/web", "VERSION=2");
  assert.match(
    await cluster.kubectl("rollout", "status", "deployment/web", "--timeout=60s"),
    /successfully rolled out/,
  );
  assert.match(await cluster.kubectl("rollout", "history", "deployment/web"), /^1 .*\n2 /m);
  await cluster.kubectl("rollout", "undo", "deployment/web");
  await cluster.kubectl("rollout", "status", "deployment/web", "--timeout=60s");
  await eventually(
    "one pod is left",
    async () => (await cluster.kubectl("get", "pods", "-o", "name")).split("\n").length === 2,
  );
  assert.match(await cluster.kubectl("get", "deployments", "-o", "wide"), /web +1\/1 +1 +1 .*nginx:1\.22 +app=web/);
  assert.match(await cluster.kubectl("describe", "deployment", "web"), /Scaled up replica set web-\w+ from 0 to 1/);
  await eventually("the service has its pod", async () =>
    /Endpoints: +10\.42\.0\.\d+:80/.test(await cluster.kubectl("describe", "service", "web")),
  );
  assert.match(await cluster.kubectl("describe", "pod", await pod()), /Successfully assigned default\/web-/);
});

test("logs, exec with input and cp reach the container", async () => {
  const name = await pod();
  assert.equal((await cluster.kubectlOutcome(["logs", name])).code, 0);
  const echoed = await cluster.kubectlOutcome(["exec", "-i", name, "--", "sh", "-c", "cat; echo wrong >&2; exit 7"], {
    input: "typed",
  });
  assert.deepEqual([echoed.code, echoed.stdout], [7, "typed"]);
  assert.match(echoed.stderr, /wrong/);
  const [there, back] = [join(cluster.directory, "there"), join(cluster.directory, "back")];
  writeFileSync(there, "x".repeat(300_000));
  await cluster.kubectl("cp", there, `${name}:/tmp/copied`);
  await cluster.kubectl("cp", `${name}:/tmp/copied`, back);
  assert.deepEqual(readFileSync(back), readFileSync(there));
});

test("port-forward leads to the service's pod", async () => {
  const args = [`--net=${cluster.networkNamespace}`, "kubectl", "port-forward", "service/web", "8888:80"];
  const forward = spawn("nsenter", args, { env: cluster.kubectlEnvironment, stdio: ["ignore", "pipe", "inherit"] });
  try {
    await once(forward.stdout, "data");
    assert.match(await cluster.get("http://127.0.0.1:8888/"), /nginx/);
  } finally {
    forward.kill();
    await once(forward, "close");
  }
});

test("manifests are checked, applied, changed and compared", async () => {
  const manifest = (value: string) =>
    `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: words }\ndata: { greeting: ${value}, kept: "yes" }\n`;
  assert.match(await cluster.apply(manifest("hello")), /created/);
  assert.match(await cluster.apply(manifest("hello")), /unchanged/);
  assert.match(await cluster.apply(manifest("servus")), /configured/);
  assert.equal(await cluster.kubectl("get", "cm", "words", "-o", "jsonpath={.data.greeting}"), "servus");
  const input = manifest("hi");
  const difference = await cluster.kubectlOutcome(["diff", "-f", "-"], { input });
  assert.match(difference.stdout, /^-.*greeting: servus\n\+.*greeting: hi$/m);
  const forced = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
  assert.match((await cluster.kubectlOutcome(forced, { input })).stdout, /serverside-applied/);
  const wrong = await cluster.kubectlOutcome(["apply", "-f", "-"], { input: `${input}dada: {}\n` });
  assert.match(wrong.stderr, /unknown field "dada"/);
});

test("explain knows the fields, and an edit is saved", async () => {
  assert.match(await cluster.kubectl("explain", "deployment.spec.replicas"), /FIELD: +replicas <integer>/);
  assert.match(await cluster.kubectl("explain", "pods", "--recursive"), /terminationGracePeriodSeconds\t<integer>/);
  const edited = await cluster.inside("kubectl", ["edit", "deployment", "web"], {
    env: { ...cluster.kubectlEnvironment, EDITOR: "sed -i 's/replicas: 1/replicas: 2/'" },
  });
  assert.match(edited, /edited/);
  await cluster.becomes("deployment/web", ".status.readyReplicas", "2");
});

test("what one may is told, and what the node uses", async () => {
  assert.equal((await cluster.kubectl("auth", "can-i", "create", "pods")).trim(), "yes");
  const stranger = await cluster.kubectlOutcome(["auth", "can-i", "delete", "nodes", "--as=stranger"]);
  assert.equal(stranger.stdout.trim(), "no");
  assert.match(await cluster.kubectl("top", "nodes", "--no-headers"), /^\S+ +\d+m +\d+% +\d+Mi +\d+% *$/m);
});

test("a drained node has no pods until it is given back", async () => {
  const node = (await cluster.kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")).trim();
  const before = await pod();
  await cluster.kubectl("drain", node, "--ignore-daemonsets", "--timeout=60s");
  assert.match(await cluster.kubectl("get", "nodes"), /SchedulingDisabled/);
  await eventually("other pods wait", async () => {
    const pods = await cluster.kubectl("get", "pods", "-l", "app=web");
    return !pods.includes(before) && /Pending/.test(pods);
  });
  await cluster.kubectl("uncordon", node);
  assert.match(
    await cluster.kubectl("rollout", "status", "deployment/web", "--timeout=60s"),
    /successfully rolled out/,
  );
});
