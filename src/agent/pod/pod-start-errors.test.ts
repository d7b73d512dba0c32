import assert from "node:assert/strict";
import { test } from "node:test";
import { agentScene, nodeName } from "../../../test/agent-scene.ts";
import { ConfigMaps, type Node, Nodes, Pods, Secrets } from "../../api/index.ts";
import type { ClusterView } from "../cluster-view.ts";

const waiting = (pod: { status: { containerStatuses?: readonly { state?: { waiting?: object } }[] } }) =>
  pod.status.containerStatuses?.[0]?.state?.waiting;

test("a missing ConfigMap holds the container back until it is there", async () => {
  const { client, pass, run, pod, events, engine } = await agentScene();
  const env = [{ name: "MODE", valueFrom: { configMapKeyRef: { name: "settings", key: "mode" } } }];
  await run({ containers: [{ name: "app", image: "app:1", env }] });
  assert.deepEqual(waiting(await pod()), {
    reason: "CreateContainerConfigError",
    message: 'configmap "settings" not found',
  });
  assert.ok((await events()).includes('Failed: Error: configmap "settings" not found'));
  const map = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "settings", namespace: "default" } };
  await client.create(ConfigMaps, { ...map, data: { other: "x" } });
  await pass();
  assert.deepEqual(waiting(await pod()), {
    reason: "CreateContainerConfigError",
    message: "couldn't find key mode in ConfigMap default/settings",
  });
  await client.update(ConfigMaps, { ...map, data: { mode: "fast" } });
  await pass();
  assert.equal((await pod()).status.phase, "Running");
  const [container] = await engine.listContainers();
  assert.equal(engine.configOf(container!.id)?.env.MODE, "fast");
});

test("an image that cannot be pulled shows ErrImagePull, then ImagePullBackOff, and is tried again", async () => {
  let missing = true;
  const { clock, pass, run, pod, events } = await agentScene({
    engine: { pull: () => (missing ? new Error("failed to resolve reference: not found") : undefined), pullMs: 500 },
  });
  await run({ containers: [{ name: "app", image: "gone:1" }] });
  await pass(500);
  assert.deepEqual(waiting(await pod()), { reason: "ErrImagePull", message: "failed to resolve reference: not found" });
  await pass(1_500);
  assert.deepEqual(waiting(await pod()), {
    reason: "ImagePullBackOff",
    message: 'Back-off pulling image "gone:1": ErrImagePull: failed to resolve reference: not found',
  });
  assert.deepEqual(await events(), [
    'Pulling: Pulling image "gone:1"',
    'Failed: Failed to pull image "gone:1": failed to resolve reference: not found',
    "Failed: Error: ErrImagePull",
    'BackOff: Back-off pulling image "gone:1"',
    "Failed: Error: ImagePullBackOff",
  ]);
  missing = false;
  // Ten seconds are ten seconds, wherever the clock is set meanwhile.
  clock.leap(-86_400_000);
  await pass(10_000);
  assert.equal((await pod()).status.phase, "Running");
  assert.ok(
    (await events()).includes(
      'Pulled: Successfully pulled image "gone:1" in 500ms (500ms including waiting). Image size: 10000000 bytes.',
    ),
  );
});

test("pull policies decide what is pulled", async () => {
  const pulled: string[] = [];
  const { pass, run, pod } = await agentScene({
    engine: {
      pull: (image) => {
        pulled.push(image);
        return undefined;
      },
    },
  });
  await run({ name: "never", containers: [{ name: "app", image: "other:1", imagePullPolicy: "Never" }] });
  assert.deepEqual(waiting(await pod("never")), {
    reason: "ErrImageNeverPull",
    message: 'Container image "other:1" is not present with pull policy of Never',
  });
  await run({ name: "always", containers: [{ name: "app", image: "app:1", imagePullPolicy: "Always" }] });
  await run({ name: "latest", containers: [{ name: "app", image: "fresh" }] });
  await pass();
  assert.deepEqual(pulled, ["app:1", "fresh:latest"]);
  await run({ name: "wrong", containers: [{ name: "app", image: "Not An Image" }] });
  assert.deepEqual(waiting(await pod("wrong")), {
    reason: "InvalidImageName",
    message:
      'Failed to apply default image tag "Not An Image": couldn\'t parse image name "Not An Image": invalid reference format',
  });
});

test("a container that the engine cannot create or start says so", async () => {
  const { pass, run, pod } = await agentScene({
    engine: {
      script: ({ name }) => (name === "a" ? { createError: "bad mount" } : { startError: 'exec: "x": not found' }),
    },
  });
  await run({ name: "create", containers: [{ name: "a", image: "app:1" }] });
  assert.deepEqual(waiting(await pod("create")), { reason: "CreateContainerError", message: "bad mount" });
  await run({ name: "start", containers: [{ name: "b", image: "app:1" }] });
  await pass(1_500);
  const [container] = (await pod("start")).status.containerStatuses!;
  assert.equal(container?.lastState?.terminated?.reason, "StartError");
  assert.equal(container?.lastState?.terminated?.exitCode, 128);
  assert.equal(container?.state?.waiting?.reason, "CrashLoopBackOff");
});

test("a sandbox that cannot be made is tried again", async () => {
  let broken = true;
  const { clock, pass, run, pod, events } = await agentScene({
    engine: { sandbox: () => (broken ? new Error("no network") : undefined) },
  });
  await run({});
  await pass(1_000);
  assert.equal((await pod()).status.phase, "Pending");
  assert.ok((await events()).includes("FailedCreatePodSandBox: Failed to create pod sandbox: no network"));
  broken = false;
  clock.leap(-86_400_000);
  await pass(5_000);
  assert.equal((await pod()).status.phase, "Running");
});

test("a failed postStart hook kills the container", async () => {
  const { pass, run, pod, events } = await agentScene({
    engine: { script: () => ({ exec: () => ({ exitCode: 1, stdout: new TextEncoder().encode("no") }) }) },
  });
  const lifecycle = { postStart: { exec: { command: ["register"] } } };
  await run({ containers: [{ name: "app", image: "app:1", lifecycle }], restartPolicy: "Never" });
  await pass(1_000);
  assert.equal((await pod()).status.phase, "Failed");
  assert.ok((await events()).includes("FailedPostStartHook: PostStartHook failed"));
});

test("a missing pull secret is told, and the pull is tried without it", async () => {
  const { run, pod, events } = await agentScene();
  await run({ imagePullSecrets: [{ name: "key" }], containers: [{ name: "app", image: "other:1" }] });
  assert.equal((await pod()).status.phase, "Running");
  const message = "Unable to retrieve some image pull secrets (key); attempting to pull the image may not succeed.";
  assert.ok((await events()).includes(`FailedToRetrieveImagePullSecret: ${message}`));
});

test("an image that a secret opened is for pods that have the secret, also after the agent started again", async () => {
  const { client, run, events, restart, host } = await agentScene({
    engine: { pull: (_image, credentials) => (credentials?.password === "p" ? undefined : new Error("401")) },
  });
  const keyFor = (name: string) => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace: "default" },
    type: "kubernetes.io/dockerconfigjson",
    data: {
      ".dockerconfigjson": btoa(
        JSON.stringify({
          auths: { "registry.example.com": { username: name, password: name === "key" ? "p" : "no" } },
        }),
      ),
    },
  });
  for (const name of ["key", "wrong"]) await client.create(Secrets, keyFor(name));
  const containers = [{ name: "app", image: "registry.example.com/team/app:1" }];
  const secret = (name: string) => ({ imagePullSecrets: [{ name }], containers });
  const told = async (name: string) =>
    (await events(name)).filter((each) => /^(Pulled|Pulling|Failed|ErrImage)/.test(each));
  await run({ name: "first", ...secret("key") });
  assert.match((await told("first"))[1] ?? "", /^Pulled: Successfully pulled/);
  const here = `Pulled: Container image "${containers[0]?.image}" already present on machine and can be accessed by the pod`;
  await run({ name: "second", ...secret("key") });
  assert.deepEqual(await told("second"), [here]);
  assert.equal((await run({ name: "stranger", containers })).status.phase, "Pending");
  assert.match((await told("stranger"))[0] ?? "", /^Pulling/);
  assert.equal((await run({ name: "wrong", ...secret("wrong") })).status.phase, "Pending");
  await run({ name: "never", containers: [{ ...containers[0]!, imagePullPolicy: "Never" }] });
  assert.match((await told("never"))[0] ?? "", /^ErrImageNeverPull: Container image .* is not p/);
  await restart();
  await run({ name: "third", ...secret("key") });
  assert.deepEqual(await told("third"), [here]);
  assert.equal((await run({ name: "again", containers })).status.phase, "Pending");
  const kept = new TextDecoder().decode(await host.files.read("/data/agent/pulled-images.json"));
  assert.ok(kept.includes('"name":"key"') && !kept.includes('"p"'), kept);
});

test("an image that came without a secret, or was there before, is for everybody", async () => {
  const { run, events } = await agentScene();
  await run({ name: "first", containers: [{ name: "app", image: "other:1" }] });
  for (const [name, image] of [
    ["second", "other:1"],
    ["third", "app:1"],
  ] as const) {
    await run({ name, containers: [{ name: "app", image, imagePullPolicy: "Never" }] });
    const message = `Pulled: Container image "${image}" already present on machine and can be accessed by the pod`;
    assert.ok((await events(name)).includes(message));
  }
});

test("deleting a pod ends a pull that is under way, or that waits for its turn", async () => {
  const { client, pass, run } = await agentScene({ engine: { pullMs: 3_600_000 }, settings: { pullsAtOnceMax: 1 } });
  await run({ name: "first", containers: [{ name: "app", image: "huge:1" }] });
  await run({ name: "second", containers: [{ name: "app", image: "huge:2" }] });
  await client.delete(Pods, { namespace: "default", name: "second" });
  await pass();
  assert.deepEqual(
    (await client.list(Pods)).items.map((each) => each.metadata.name),
    ["first"],
  );
  await client.delete(Pods, { namespace: "default", name: "first" });
  await pass();
  assert.deepEqual((await client.list(Pods)).items, []);
});

test("pods that the node has no room for are rejected in the scheduler's words", async () => {
  const { client, run, pod, pass, events } = await agentScene({ host: { machine: { cpus: 1 } } });
  const sized = (cpu: string) => [{ name: "app", image: "app:1", resources: { requests: { cpu } } }];
  await run({ name: "first", containers: sized("600m") });
  await run({ name: "second", containers: sized("500m") });
  const { status } = await pod("second");
  assert.equal(status.phase, "Failed");
  assert.equal(status.reason, "OutOfcpu");
  assert.equal(status.observedGeneration, 1);
  assert.ok(status.startTime);
  assert.equal(status.containerStatuses, undefined);
  assert.equal(
    status.message,
    "Pod was rejected: Node didn't have enough resource: cpu, requested: 500, used: 600, capacity: 1000",
  );
  assert.equal((await pod("first")).status.phase, "Running");
  await run({ name: "elsewhere", nodeSelector: { disk: "ssd" } });
  assert.equal((await pod("elsewhere")).status.reason, "NodeAffinity");
  assert.deepEqual(await events("elsewhere"), [
    "NodeAffinity: Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
  ]);
  await run({ name: "windows", metadata: { labels: { "kubernetes.io/os": "windows" } } });
  assert.deepEqual(await events("windows"), [
    "PodOSSelectorNodeLabelDoesNotMatch: Pod was rejected: Failed to admit pod as the `kubernetes.io/os` label doesn't match node label",
  ]);
  const taints = [{ key: "example.com/broken", effect: "NoExecute" }];
  await client.patch(Nodes, { name: nodeName }, { spec: { taints } });
  await pass();
  await run({ name: "tainted" });
  assert.deepEqual(await events("tainted"), [
    "TaintToleration: Pod was rejected: Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate",
  ]);
  await client.patch(Nodes, { name: nodeName }, { spec: { taints: null } });
  await pass();
  await run({ name: "strict", securityContext: { supplementalGroupsPolicy: "Strict" } });
  assert.deepEqual(await events("strict"), [
    "SupplementalGroupsPolicyNotSupported: Pod was rejected: SupplementalGroupsPolicy=Strict is not supported in this node",
  ]);
});

test("a pod is not refused for what its node was: the node is read again", async () => {
  let seen: Node | undefined;
  const view = (real: ClusterView): ClusterView => ({ ...real, node: () => seen ?? real.node() });
  const { client, run, pass, pod, refuse } = await agentScene({ view });
  const taints = [{ key: "example.com/broken", effect: "NoExecute" }];
  seen = await client.patch(Nodes, { name: nodeName }, { spec: { taints } });
  await client.patch(Nodes, { name: nodeName }, { spec: { taints: null }, metadata: { labels: { disk: "ssd" } } });
  assert.equal((await run({ name: "spared" })).status.phase, "Running");
  assert.equal((await run({ name: "suited", nodeSelector: { disk: "ssd" } })).status.phase, "Running");
  await run({ name: "unsuited", nodeSelector: { disk: "tape" } });
  assert.equal((await pod("unsuited")).status.reason, "NodeAffinity");
  refuse(({ verb, plural }) => (verb === "get" && plural === "nodes" ? new Error("gone") : undefined));
  await run({ name: "unlucky", nodeSelector: { disk: "ssd" } });
  await pass();
  assert.equal((await pod("unlucky")).status.reason, "NodeAffinity", "by what is known of the node");
});

test("a pod that needs devices does not start here; one whose status says that it needs none after all does", async () => {
  const { client, pass, run, pod } = await agentScene();
  const resourceClaims = [{ name: "gpu", resourceClaimTemplateName: "one-gpu" }];
  await run({
    containers: [{ name: "app", image: "app:1", resources: { claims: [{ name: "gpu" }] } }],
    resourceClaims,
  });
  assert.equal((await pod()).status.phase, "Pending");
  const { namespace = "", name } = (await pod()).metadata;
  const status = { resourceClaimStatuses: [{ name: "gpu" }] };
  await client.patch(Pods, { namespace, name }, { status }, { subresource: "status" });
  await pass(60_000);
  assert.equal((await pod()).status.phase, "Running");
});

test("what a container mounts is told, and what cannot be mounted as it asks is no container", async () => {
  const { run } = await agentScene();
  const volumes = [{ name: "tmp", emptyDir: {} }];
  const volumeMounts = [
    { name: "tmp", mountPath: "/rw" },
    { name: "tmp", mountPath: "/ro", readOnly: true },
  ];
  const { status } = await run({ containers: [{ name: "app", image: "app:1", volumeMounts }], volumes });
  assert.deepEqual(status.containerStatuses?.[0]?.volumeMounts, [
    { name: "tmp", mountPath: "/rw" },
    { name: "tmp", mountPath: "/ro", readOnly: true, recursiveReadOnly: "Disabled" },
  ]);
  const strict = [{ name: "tmp", mountPath: "/ro", readOnly: true, recursiveReadOnly: "Enabled" }];
  const refused = await run({
    name: "strict",
    containers: [{ name: "app", image: "app:1", volumeMounts: strict }],
    volumes,
  });
  const waiting = refused.status.containerStatuses?.[0]?.state?.waiting;
  assert.equal(waiting?.reason, "CreateContainerConfigError");
  assert.match(waiting?.message ?? "", /requested recursive read-only mode, but it is not supported by the runtime$/);
});
