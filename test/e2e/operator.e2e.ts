import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { issue } from "../../src/cluster/pki/certificate.ts";
import { systemRandom } from "../../src/lib/index.ts";
import { nodeImage } from "../images/node.ts";
import { eventually, TestCluster } from "./cluster.ts";

const directory = join(import.meta.dirname, "../../examples/operator");
let cluster: TestCluster;

/** The texts that stand for the certificate in the manifests. */
let certificate: Readonly<Record<string, string>>;

before(async () => {
  cluster = await TestCluster.prepare("operator");
  await cluster.up();
  const archive = join(cluster.directory, "operator.tar");
  writeFileSync(archive, nodeImage("docker.io/examples/greetings-operator:1", directory, "operator.ts"));
  await cluster.roder(["image", "load", archive]);
  const now = Date.now();
  const validity = { notBeforeMs: now - 60_000, notAfterMs: now + 86_400_000 };
  const authority = issue({ commonName: "greetings", usage: "authority", ...validity }, systemRandom);
  const names = ["operator.greetings.svc"];
  const own = { commonName: "operator", alternativeNames: names, usage: "server", ...validity } as const;
  const served = issue(own, systemRandom, authority);
  certificate = {
    CA_BUNDLE: authority.certificate,
    TLS_CERTIFICATE: served.certificate,
    TLS_KEY: served.privateKey,
  };
});
after(() => cluster.remove());

async function apply(manifest: string): Promise<void> {
  let text = readFileSync(join(directory, "manifests", manifest), "utf8");
  for (const [name, pem] of Object.entries(certificate))
    text = text.replaceAll(name, Buffer.from(pem).toString("base64"));
  await cluster.apply(text);
}

const greeting = (name: string, spec: object, version = "v2") =>
  JSON.stringify({ apiVersion: `greetings.example.com/${version}`, kind: "Greeting", metadata: { name }, spec });
const specOf = async (name: string, version: string) =>
  JSON.parse(
    await cluster.kubectl("get", `greetings.${version}.greetings.example.com`, name, "-o", "jsonpath={.spec}"),
  );
const textOf = (name: string) =>
  eventually(`${name} is reconciled`, async () => {
    const { code, stdout } = await cluster.kubectlOutcome([
      ...["get", "configmap", `${name}-greeting`, "-o", "jsonpath={.data.text}"],
    ]);
    return code === 0 && stdout;
  });

test("an operator with a CRD, conversion and admission webhooks is deployed with kubectl", async () => {
  await apply("1-definition.yaml");
  await apply("2-operator.yaml");
  await cluster.kubectl("-n", "greetings", "rollout", "status", "deployment/operator", "--timeout=120s");
  await apply("3-webhooks.yaml");
});

test("what a greeting leaves out is filled in, and its ConfigMap is made", async () => {
  // Its endpoint is known a moment after its pod is ready.
  await eventually("the webhooks are reached", () => apply("example.yaml").then(() => true));
  assert.deepEqual(await specOf("world", "v2"), { name: "World", salutation: "Hello" });
  assert.equal(await textOf("world"), "Hello, World");
  await cluster.becomes("greeting/world", ".status.configMap", "world-greeting");
});

test("a greeting is read and written in the version that is not stored", async () => {
  assert.deepEqual(await specOf("world", "v1"), { text: "Hello, World" });
  await cluster.apply(greeting("old", { text: "Good day, Sun" }, "v1"));
  assert.deepEqual(await specOf("old", "v2"), { salutation: "Good day", name: "Sun" });
  assert.equal(await textOf("old"), "Good day, Sun");
});

test("what the operator refuses is refused in its words, in either version", async () => {
  const refused = (input: string) => cluster.kubectlOutcome(["create", "-f", "-"], { input });
  const { code, stderr } = await refused(greeting("nobody", { salutation: "Hello" }));
  assert.notEqual(code, 0);
  assert.match(stderr, /admission webhook "rules\.greetings\.example\.com" denied the request: name somebody/);
  assert.match((await refused(greeting("nobody", { text: "Hello, " }, "v1"))).stderr, /name somebody/);
  const shouted = await refused(greeting("loud", { salutation: "Hey!", name: "You" }));
  assert.equal(shouted.code, 0);
  assert.match(shouted.stderr, /Warning: nobody likes to be shouted at/);
});

test("a greeting that is changed is reconciled again, and its ConfigMap goes with it", async () => {
  await cluster.kubectl("patch", "greeting", "world", "--type=merge", "-p", '{"spec":{"name":"Moon"}}');
  await cluster.becomes("configmap/world-greeting", ".data.text", "Hello, Moon");
  await cluster.kubectl("delete", "greeting", "world");
  await eventually("the ConfigMap is gone", async () => {
    const { code } = await cluster.kubectlOutcome(["get", "configmap", "world-greeting"]);
    return code !== 0;
  });
});

test("while the operator is away its kind cannot be written, and everything else can", async () => {
  await cluster.kubectl("-n", "greetings", "scale", "deployment/operator", "--replicas=0");
  await eventually("the operator is gone", async () => {
    return (await cluster.kubectl("-n", "greetings", "get", "pods", "-o", "name")) === "";
  });
  const { stderr } = await cluster.kubectlOutcome(["create", "-f", "-"], { input: greeting("late", { name: "Late" }) });
  assert.match(
    stderr,
    /failed calling webhook "defaults\.greetings\.example\.com": failed to call webhook: Post "https:/,
  );
  await cluster.kubectl("create", "configmap", "other");
});
