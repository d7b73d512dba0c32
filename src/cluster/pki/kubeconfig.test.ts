import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { parse } from "yaml";
import { UserError } from "../../lib/index.ts";
import {
  type EntryOwner,
  type KubeconfigEntry,
  mergeKubeconfig,
  removeFromKubeconfig,
  renderKubeconfig,
  renewInKubeconfig,
  requireKubeconfig,
} from "./kubeconfig.ts";

const directory = await mkdtemp(join(tmpdir(), "roder-kubeconfig-"));
after(() => rm(directory, { recursive: true, force: true }));

let count = 0;
async function fileWith(text?: string): Promise<string> {
  const path = join(directory, String(count++), "config");
  await mkdir(join(path, ".."));
  if (text !== undefined) await writeFile(path, text);
  return path;
}

/** A cluster's settings; its entry is its own as long as they are there. */
const owner = join(directory, "cluster.json");
await writeFile(owner, "{}");
const entry: KubeconfigEntry & EntryOwner = {
  name: "roder",
  owner,
  server: "https://127.0.0.1:6443",
  authority: "CA",
  user: "roder-admin",
  certificate: "C".repeat(900),
  privateKey: "K",
};

const others = `# mine, do not touch
apiVersion: v1
kind: Config
preferences: {}
clusters:
- cluster:
    server: https://192.0.2.1:6443 # at work
  name: work
contexts:
- context: {cluster: work, user: me, namespace: team}
  name: work
current-context: work
users:
- name: me
  user:
    token: abc
`;

const read = async (path: string) => parse(await readFile(path, "utf8"));

test("a rendered kubeconfig names cluster, user and context", () => {
  const config = parse(renderKubeconfig(entry));
  assert.equal(config["current-context"], "roder");
  assert.equal(config.clusters[0].cluster.server, "https://127.0.0.1:6443");
  assert.equal(atob(config.clusters[0].cluster["certificate-authority-data"]), "CA");
  assert.equal(atob(config.users[0].user["client-certificate-data"]), entry.certificate);
  assert.deepEqual(config.contexts, [{ name: "roder", context: { cluster: "roder", user: "roder-admin" } }]);
});

test("merging into no file makes one for the owner alone, and removing takes it away", async () => {
  const path = join(directory, "home", ".kube", "config");
  await mergeKubeconfig(path, entry);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.equal((await read(path))["current-context"], "roder");
  await removeFromKubeconfig(path, entry);
  await assert.rejects(stat(path), { code: "ENOENT" });
});

test("what others keep in the file stays, comments too, and is current again after removal", async () => {
  const path = await fileWith(others);
  await mergeKubeconfig(path, entry);
  const merged = await readFile(path, "utf8");
  for (const line of ["# mine, do not touch", "server: https://192.0.2.1:6443 # at work", "token: abc"])
    assert.ok(merged.includes(line), line);
  const config = parse(merged);
  assert.equal(config["current-context"], "roder");
  assert.deepEqual(config.contexts[0], { context: { cluster: "work", user: "me", namespace: "team" }, name: "work" });
  assert.equal(config.contexts.length, 2);
  await removeFromKubeconfig(path, entry);
  assert.deepEqual(await read(path), parse(others));
});

test("merging again replaces the entry and remembers what was current at first", async () => {
  const path = await fileWith(others);
  await mergeKubeconfig(path, entry);
  await mergeKubeconfig(path, { ...entry, server: "https://127.0.0.1:7443" });
  const config = await read(path);
  assert.equal(config.clusters.length, 2);
  assert.equal(config.clusters[1].cluster.server, "https://127.0.0.1:7443");
  await removeFromKubeconfig(path, entry);
  assert.equal((await read(path))["current-context"], "work");
});

test("renewed keys take the place of the old ones, and nothing else changes", async () => {
  const path = await fileWith(others);
  await mergeKubeconfig(path, entry);
  const merged = (await readFile(path, "utf8")).replace("current-context: roder", "current-context: work");
  await writeFile(path, merged);
  const renewed = { ...entry, certificate: "new", privateKey: "new key" };
  await renewInKubeconfig(path, renewed);
  assert.equal(
    await readFile(path, "utf8"),
    merged.replace(btoa(entry.certificate), btoa("new")).replace(`: ${btoa(entry.privateKey)}`, `: ${btoa("new key")}`),
  );
});

test("renewed keys go nowhere where the entry was taken out, or is another cluster's", async () => {
  const foreign = others.replaceAll("work", "roder");
  for (const text of [undefined, others, foreign]) {
    const path = await fileWith(text);
    await renewInKubeconfig(path, entry);
    if (text === undefined) await assert.rejects(stat(path), { code: "ENOENT" });
    else assert.equal(await readFile(path, "utf8"), text);
  }
});

test("removal keeps another current context, and what other contexts need", async () => {
  const path = await fileWith(others);
  await mergeKubeconfig(path, entry);
  const text = await readFile(path, "utf8");
  const changed = parse(text);
  changed["current-context"] = "work";
  changed.contexts.push({ name: "second", context: { cluster: "roder", user: "me" } });
  await writeFile(path, JSON.stringify(changed));
  await removeFromKubeconfig(path, entry);
  const config = await read(path);
  assert.equal(config["current-context"], "work");
  assert.deepEqual(
    config.clusters.map(({ name }: { name: string }) => name),
    ["work", "roder"],
  );
  assert.deepEqual(
    config.users.map(({ name }: { name: string }) => name),
    ["me"],
  );
});

test("removing what is not there changes nothing", async () => {
  const path = await fileWith(others);
  await removeFromKubeconfig(path, entry);
  assert.equal(await readFile(path, "utf8"), others);
  await removeFromKubeconfig(join(directory, "nowhere"), entry);
});

test("a file that is no kubeconfig is refused and stays as it is", async () => {
  const broken = ["clusters: [", "just text", "- a\n- list", "kind: Pod", "contexts: 5", "users: [1]"];
  for (const text of broken) {
    const path = await fileWith(text);
    await assert.rejects(
      mergeKubeconfig(path, entry),
      (error) => error instanceof UserError && error.message.startsWith(`${path} is not a kubeconfig (`),
      text,
    );
    assert.equal(await readFile(path, "utf8"), text);
  }
});

test("empty files and empty lists are filled", async () => {
  for (const text of ["", "apiVersion: v1\nkind: Config\nclusters: []\nusers: null\ncontexts: []\n"]) {
    const path = await fileWith(text);
    await mergeKubeconfig(path, entry);
    const config = await read(path);
    assert.deepEqual([config.clusters.length, config.users.length, config.contexts.length], [1, 1, 1]);
    await removeFromKubeconfig(path, entry);
    assert.equal((await read(path))["current-context"], "");
  }
});

test("another cluster's context of that name is refused, stays as it is, and is not removed", async () => {
  const elsewhere = join(directory, "elsewhere.json");
  await writeFile(elsewhere, "{}");
  const other = { ...entry, owner: elsewhere, authority: "other CA", server: "https://127.0.0.1:7443" };
  const foreign = others.replaceAll("work", "roder");
  for (const [put, words] of [
    [
      (path: string) => mergeKubeconfig(path, other),
      /has a context "roder" of the cluster in .*: choose another --name/,
    ],
    [(path: string) => writeFile(path, foreign), /has a context "roder" of another cluster/],
  ] as const) {
    const path = await fileWith();
    await put(path);
    const before = await readFile(path, "utf8");
    const refuses = (error: unknown) => error instanceof UserError && words.test(error.message);
    await assert.rejects(requireKubeconfig(path, { name: "roder", owner }), refuses);
    await assert.rejects(mergeKubeconfig(path, entry), refuses);
    await removeFromKubeconfig(path, entry);
    assert.equal(await readFile(path, "utf8"), before);
  }
});

test("the context of a cluster that is gone is replaced", async () => {
  const path = await fileWith();
  await mergeKubeconfig(path, { ...entry, owner: join(directory, "gone.json"), authority: "other CA" });
  await requireKubeconfig(path, entry);
  await mergeKubeconfig(path, entry);
  assert.equal(atob((await read(path)).clusters[0].cluster["certificate-authority-data"]), "CA");
});

test("a place where no file can be written is refused before anything is made", async () => {
  const path = await fileWith(others);
  for (const [bad, code] of [
    [directory, "EISDIR"],
    [join(path, "config"), "ENOTDIR"],
    ["/proc/kubeconfig", "ENOENT"],
  ] as const) {
    const words = `cannot (read|write) the kubeconfig ${bad} \\(${code}\\): .*--kubeconfig`;
    const refuses = (error: unknown) => error instanceof UserError && new RegExp(words).test(error.message);
    if (code !== "ENOENT") await assert.rejects(requireKubeconfig(bad, entry), refuses);
    await assert.rejects(mergeKubeconfig(bad, entry), refuses);
  }
  await requireKubeconfig(join(directory, "new", "config"), entry);
  await assert.rejects(stat(join(directory, "new")), { code: "ENOENT" });
});

test("a symbolic link stays one", async () => {
  const target = await fileWith(others);
  const link = join(directory, "link");
  await symlink(target, link);
  await mergeKubeconfig(link, entry);
  assert.equal((await read(target))["current-context"], "roder");
});

const kubectl = spawnSync("kubectl", ["version", "--client"]).status === 0;

test("kubectl reads the file and keeps what we wrote down", { skip: !kubectl && "no kubectl here" }, async () => {
  const path = await fileWith(others);
  await mergeKubeconfig(path, entry);
  const run = (...args: string[]) => spawnSync("kubectl", ["--kubeconfig", path, "config", ...args]).stdout.toString();
  assert.equal(run("current-context"), "roder\n");
  run("set-context", "third", "--cluster=work", "--user=me");
  await removeFromKubeconfig(path, entry);
  assert.equal(run("current-context"), "work\n");
  assert.deepEqual(run("get-contexts", "-o", "name").trim().split("\n"), ["third", "work"]);
});
