// What an operator turns on with files: the audit log, and the encryption of secrets with a change of its key.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { TestCluster } from "./cluster.ts";

const plaintext = "never-to-be-found-on-the-disk";
let cluster: TestCluster;
before(async () => {
  cluster = await TestCluster.prepare("operations");
});
after(() => cluster.remove());

function file(name: string, content: object): string {
  const path = join(cluster.directory, name);
  writeFileSync(path, JSON.stringify(content)); // JSON is YAML
  return path;
}

const keys: { readonly name: string; readonly secret: string }[] = [];

/** A configuration with the keys; `identity` reads what was not encrypted. */
function configuration(...more: readonly object[]): string {
  const kind = { apiVersion: "apiserver.config.k8s.io/v1", kind: "EncryptionConfiguration" };
  const providers = [{ aesgcm: { keys } }, ...more];
  return file("encryption.yaml", { ...kind, resources: [{ resources: ["secrets"], providers }] });
}

/** Puts a new key before the others. */
function withNewKey(): string {
  keys.unshift({ name: `key${keys.length + 1}`, secret: randomBytes(32).toString("base64") });
  return configuration({ identity: {} });
}

const stored = () => readFileSync(join(cluster.dataDirectory, "storage/data.mdb"), "latin1");

test("a secret is not on the disk as it is, and its key can be changed", async () => {
  const rules = [{ level: "Metadata", resources: [{ group: "", resources: ["secrets"] }] }, { level: "None" }];
  const policy = file("policy.yaml", { apiVersion: "audit.k8s.io/v1", kind: "Policy", rules });
  await cluster.up("--nodes", "0", "--audit-policy", policy, "--encryption-config", withNewKey());
  await cluster.kubectl("create", "secret", "generic", "mine", `--from-literal=password=${plaintext}`);
  assert.ok(stored().includes("k8s:enc:aesgcm:v1:key1:"));
  assert.match(await cluster.up("--encryption-config", withNewKey()), /counts after `roder down` and `roder up`/);
  await cluster.roder(["down"]);
  await cluster.up();
  const secrets = await cluster.kubectl("get", "secrets", "-A", "-o", "json");
  await cluster.inside("kubectl", ["replace", "-f", "-"], { env: cluster.kubectlEnvironment, input: secrets });
  assert.ok(stored().includes("k8s:enc:aesgcm:v1:key2:"));
  keys.pop();
  await cluster.up("--encryption-config", configuration());
  await cluster.roder(["down"]);
  await cluster.up();
  const password = await cluster.kubectl("get", "secret", "mine", "-o", "jsonpath={.data.password}");
  assert.equal(Buffer.from(password, "base64").toString(), plaintext, "the old key is not needed any more");
  assert.ok(!stored().includes(plaintext) && !stored().includes(password));
});

test("the audit log tells who did what to secrets, and no secret", () => {
  const path = join(cluster.dataDirectory, "logs/audit.log");
  const events = readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.ok(events.every((each) => each.objectRef.resource === "secrets" && each.user.username !== ""));
  assert.ok(events.some((each) => each.verb === "create" && each.stage === "ResponseComplete"));
  assert.ok(!readFileSync(path, "utf8").includes(plaintext));
  assert.equal(statSync(path).mode & 0o777, 0o600);
});
