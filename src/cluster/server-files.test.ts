import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { dataDirectory } from "./data-directory.ts";
import {
  openAuditLog,
  readAdmission,
  readEncryption,
  readPolicy,
  readScheduler,
  takeServerFiles,
} from "./server-files.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "server-files-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const policy = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n";
const encryption = `apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
  - resources: [secrets]
    providers: [{aesgcm: {keys: [{name: key1, secret: ${new Uint8Array(32).fill(7).toBase64()}}]}}]
`;

function given(name: string, text: string): string {
  const path = join(root, name);
  writeFileSync(path, text);
  return path;
}

test("files that up is given are kept in the data directory, for their owner's eyes", async () => {
  const directory = dataDirectory(root);
  assert.deepEqual([await readPolicy(directory), await readEncryption(directory)], [undefined, undefined]);
  const files = { auditPolicy: given("a.yaml", policy), encryptionConfig: given("e.yaml", encryption) };
  assert.equal(await takeServerFiles(directory, files), true);
  assert.equal(await takeServerFiles(directory, files), false, "the same again is no change");
  assert.equal(statSync(join(directory.guards, "encryption.yaml")).mode & 0o777, 0o600);
  assert.equal((await readPolicy(directory))?.scopeOf({ user: undefined, verb: "get", path: "/" }).level, "Metadata");
  const cipherOf = await readEncryption(directory);
  assert.ok(cipherOf?.("/registry/core/secrets/a/b") && !cipherOf("/registry/core/pods/a/b"));
});

test("a file that cannot be used is refused by name, and the one before stays", async () => {
  const directory = dataDirectory(root);
  await takeServerFiles(directory, { auditPolicy: given("a.yaml", policy) });
  const bad = given("bad.yaml", policy.replace("Metadata", "Everything"));
  await assert.rejects(takeServerFiles(directory, { auditPolicy: bad }), {
    name: "UserError",
    message: /^cannot use .*bad\.yaml: rules\[0\]\.level: Unsupported value: "Everything"/,
  });
  await assert.rejects(takeServerFiles(directory, { auditPolicy: join(root, "none") }), /cannot use .*none: ENOENT/);
  assert.equal(readFileSync(join(directory.guards, "audit-policy.yaml"), "utf8"), policy);
});

test("the audit log is private and moves to an older file when it is long", () => {
  const directory = dataDirectory(root);
  const log = openAuditLog(directory, 1_000);
  for (let at = 0; at < 30; at++) log.write(`${JSON.stringify({ at, filler: "x".repeat(100) })}\n`);
  log.close();
  const path = join(directory.logs, "audit.log");
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.ok(statSync(path).size < 1_200 && statSync(`${path}.1`).size > 1_000);
  const lines = [`${path}.1`, path].flatMap((each) => readFileSync(each, "utf8").trim().split("\n")).filter(Boolean);
  assert.equal(JSON.parse(lines.at(-1)!).at, 29);
});

test("a choice of admission plugins that cannot be is refused before anything is taken over", async () => {
  const directory = dataDirectory(root);
  const files = { auditPolicy: given("a.yaml", policy) };
  await assert.rejects(takeServerFiles(directory, files, { enableAdmissionPlugins: ["Nonsense"] }), {
    name: "UserError",
    message: 'admission plugin "Nonsense" is unknown',
  });
  assert.equal(await readPolicy(directory), undefined);
  const limits = given(
    "admission.yaml",
    `apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
  - name: EventRateLimit
    configuration:
      apiVersion: eventratelimit.admission.k8s.io/v1alpha1
      kind: Configuration
      limits: [{type: Server, qps: 50, burst: 100}]
`,
  );
  const plugins = { enableAdmissionPlugins: ["EventRateLimit"] };
  await assert.rejects(takeServerFiles(directory, {}, plugins), /EventRateLimit: it needs a configuration/);
  assert.equal(await takeServerFiles(directory, { admissionConfig: limits }, plugins), true);
  await readAdmission(directory, plugins);
});

const scheduler = `apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles: [{plugins: {multiPoint: {enabled: [{name: Quiet}]}}}]
`;

test("the scheduler goes by the file that up is given, and may name plugins of modules", async () => {
  const directory = dataDirectory(root);
  assert.deepEqual(await readScheduler(directory, {}), { plugins: [] });
  const schedulerConfig = given("s.yaml", scheduler);
  await assert.rejects(takeServerFiles(directory, { schedulerConfig }), {
    message:
      /^cannot use .*s\.yaml: profiles\[0\]\.plugins\.multiPoint\.enabled\[0\]\.name: Unsupported value: "Quiet"/,
  });
  const quiet = given("quiet.ts", 'export default { name: "Quiet" as string, create: () => ({ name: "Quiet" }) };\n');
  const plugins = { schedulerPlugins: [quiet] };
  assert.equal(await takeServerFiles(directory, { schedulerConfig }, plugins), true);
  assert.equal(await takeServerFiles(directory, { schedulerConfig }, plugins), false, "the same again is no change");
  const read = await readScheduler(directory, plugins);
  assert.deepEqual(
    [read.plugins?.map(({ name }) => name), read.configuration?.profiles[0]?.multiPoint.enabled[0]?.name],
    [["Quiet"], "Quiet"],
  );
});

test("a module without plugins is refused by name", async () => {
  const directory = dataDirectory(root);
  const schedulerPlugins = [given("none.ts", "export default 7;\n")];
  await assert.rejects(takeServerFiles(directory, {}, { schedulerPlugins }), {
    name: "UserError",
    message: /^cannot use the scheduling plugins of .*none\.ts: its default export is no plugin/,
  });
});
