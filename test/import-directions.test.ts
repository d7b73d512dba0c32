// Holds the import directions and the host-free core of docs/architecture.md.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { test } from "node:test";

const source = resolve(import.meta.dirname, "../src");

/** What each part may import beside itself. cluster and cli import everything. */
const allowed: Record<string, readonly string[]> = {
  lib: [],
  cel: ["lib", "api/meta"],
  api: ["lib", "cel"],
  storage: ["lib", "api"],
  server: ["lib", "cel", "api", "storage"],
  client: ["lib", "api"],
  controllers: ["lib", "cel", "api", "client"],
  scheduler: ["lib", "cel", "api", "client"],
  agent: ["lib", "api", "client"],
  network: ["lib", "api", "client"],
};

/** Files of the parts that must run without Node; the adapters among them are named for what they adapt to. */
const hostFree = ["lib", "cel", "api", "storage", "server", "client", "controllers", "scheduler", "agent"];
const adapterFolders = ["storage/lmdb", "server/http", "server/host", "client/http", "agent/host", "agent/engine/cri"];

/** What a process loads by name, so that it loads only its own. */
const entryPoints = ["cluster/server-process.ts", "cluster/node-process.ts", "cluster/hollow-process.ts"];

interface Import {
  readonly file: string;
  readonly target: string;
}

function imports(): Import[] {
  const found: Import[] = [];
  for (const entry of readdirSync(source, { recursive: true, encoding: "utf8" })) {
    if (!/\.tsx?$/.test(entry) || /\.(test|e2e)\.ts$/.test(entry)) continue;
    const text = readFileSync(resolve(source, entry), "utf8");
    for (const match of text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)) {
      const specifier = match[1] as string;
      const target = specifier.startsWith(".")
        ? relative(source, resolve(source, dirname(entry), specifier))
        : specifier;
      found.push({ file: entry, target });
    }
  }
  return found;
}

const isAdapter = (path: string) => adapterFolders.some((folder) => path.startsWith(`${folder}/`));
const partOf = (path: string) => path.split("/")[0] as string;
const isInternal = (target: string) => target.endsWith(".ts") || target.endsWith(".tsx") || target.endsWith(".json");

test("parts import only in the direction of the architecture", () => {
  const wrong = imports().filter(({ file, target }) => {
    const rule = allowed[partOf(file)];
    const isAllowed = (part: string) => target.startsWith(`${part}/`);
    return rule && isInternal(target) && partOf(target) !== partOf(file) && !rule.some(isAllowed);
  });
  assert.deepEqual(wrong, []);
});

test("nobody imports past another folder's index", () => {
  const wrong = imports().filter(({ file, target }) => {
    if (!isInternal(target) || partOf(file) === partOf(target)) return false;
    if (isAdapter(target)) return !target.endsWith("/index.ts");
    if (entryPoints.includes(target)) return file !== "cli/main.ts";
    return !/^\w+(\/(engine|meta))?\/index\.ts$/.test(target);
  });
  assert.deepEqual(wrong, []);
});

test("the core imports nothing of the host", () => {
  const hostPackages = new Set(["lmdb", "@grpc/grpc-js", "@grpc/proto-loader", "ws", "pino", "commander"]);
  const wrong = imports().filter(({ file, target }) => {
    if (!hostFree.includes(partOf(file)) || isAdapter(file)) return false;
    return target.startsWith("node:") || hostPackages.has(target) || isAdapter(target);
  });
  assert.deepEqual(wrong, []);
});
