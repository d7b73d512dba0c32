// What npm packs is what a project of somebody else can load.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { buildPackage } from "../../scripts/build-package.ts";

test("a fresh project installs the package, knows its types and starts a cluster", async (t) => {
  const project = mkdtempSync(join(tmpdir(), "roder-package-"));
  t.after(() => rmSync(project, { recursive: true }));
  const built = join(project, "built");
  await buildPackage(built);
  const run = (program: string, ...args: string[]) =>
    execFileSync(program, args, { cwd: project, encoding: "utf8", env: { ...process.env, NODE_OPTIONS: "" } });
  const packed = run("npm", "pack", built, "--silent").trim();
  writeFileSync(join(project, "package.json"), JSON.stringify({ type: "module" }));
  run("npm", "install", "--no-audit", "--no-fund", "--loglevel=error", "--prefer-offline", `./${packed}`);
  const program = `import { Cluster, Nodes } from "roder";
    const cluster = await Cluster.start({ clock: "virtual", serve: true });
    const node: string = (await cluster.client.get(Nodes, { name: "node-0" })).metadata.name;
    console.log(node, cluster.kubeconfig.includes("https://127.0.0.1"));
    await cluster.stop();`;
  writeFileSync(join(project, "program.ts"), program);
  assert.equal(run(process.execPath, "program.ts"), "node-0 true\n");
  // The library of a project's target need not know `await using`; the types bring what they use.
  const strict = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", "--types", ""];
  const compiler = join(import.meta.dirname, "../../node_modules/.bin/tsc");
  // Without the types of Node, which a project need not have.
  run(compiler, ...strict, "program.ts");
  writeFileSync(join(project, "program.ts"), program.replace("node: string", "node: number"));
  assert.throws(() => run(compiler, ...strict, "program.ts"));
});
