// Makes dist/, the npm package of the embedded cluster: JavaScript, since Node runs no TypeScript below node_modules, with
// declarations. Of the sources' dependencies it names those that the embedded cluster loads.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { build } from "esbuild";
import { browserBundle, buildBrowser } from "./build-browser.ts";

const root = resolve(import.meta.dirname, "..");
const packageDirectory = dirname(browserBundle);
const entry = "cluster/embedded/index";

/** Builds the package in `directory`; what was there before is gone. */
export async function buildPackage(directory = packageDirectory): Promise<void> {
  rmSync(directory, { recursive: true, force: true });
  await buildBrowser(join(directory, "browser.js"));
  const dependencies = await buildModules(directory);
  buildDeclarations(join(directory, "types"));
  cpSync(join(root, "scripts/package/README.md"), join(directory, "README.md"));
  writeFileSync(join(directory, "package.json"), `${JSON.stringify(manifest(dependencies), null, 2)}\n`);
}

/** Gives the names of the packages that the modules load. */
async function buildModules(outdir: string): Promise<string[]> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { index: `src/${entry}.ts` },
    // Runs before all else.
    inject: ["scripts/package/newer-than-node-22.ts"],
    outdir,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node22",
    plugins: [
      {
        name: "packages stay packages, but for what an older Node lacks",
        setup({ onResolve }) {
          onResolve({ filter: /^[^./#]/ }, ({ path, kind }) =>
            kind === "entry-point" || path.startsWith("core-js/") ? undefined : { path, external: true },
          );
        },
      },
    ],
    metafile: true,
    logLevel: "error",
  });
  const loaded = Object.values(metafile.outputs).flatMap(({ imports }) => imports);
  const names = loaded.filter(({ external, path }) => external && !path.startsWith("node:")).map(({ path }) => path);
  return [...new Set(names.map((path) => path.split("/", path.startsWith("@") ? 2 : 1).join("/")))].sort();
}

/** Writes the declarations that those of the entry lead to. */
function buildDeclarations(directory: string): void {
  const all = resolve(root, ".cache/declarations");
  const config = resolve(root, ".cache/declarations.json");
  rmSync(all, { recursive: true, force: true });
  mkdirSync(dirname(all), { recursive: true });
  const compilerOptions = {
    ...{ noEmit: false, emitDeclarationOnly: true, declaration: true },
    ...{ rootDir: join(root, "src"), outDir: all },
  };
  const files = [join(root, "src", `${entry}.ts`)];
  writeFileSync(config, JSON.stringify({ extends: join(root, "tsconfig.json"), compilerOptions, include: [], files }));
  execFileSync(join(root, "node_modules/.bin/tsc"), ["-p", config], { stdio: "inherit" });
  const wanted = new Set([join(all, `${entry}.d.ts`)]);
  // A Set gives what is added while it is read.
  for (const file of wanted) {
    const text = readFileSync(file, "utf8").replace(/(["'])(\.{1,2}\/[^"']+)\.ts\1/g, (_match, quote, path) => {
      wanted.add(join(dirname(file), `${path}.d.ts`));
      return `${quote}${path}.js${quote}`;
    });
    const target = join(directory, relative(all, file));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, text);
  }
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

function manifest(dependencies: readonly string[]) {
  // As package.json of this project is.
  const own = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;
  const types = `./types/${entry}.d.ts`;
  return {
    name: own.name,
    version: own.version,
    description: own.description,
    license: own.license,
    type: "module",
    sideEffects: true,
    engines: { node: ">=22" },
    exports: {
      ".": { types, default: "./index.js" },
      "./browser": { types, default: "./browser.js" },
    },
    dependencies: Object.fromEntries(dependencies.map((name) => [name, own.dependencies[name]])),
  };
}

if (import.meta.main) {
  await buildPackage();
  console.log(`${packageDirectory}: npm pack ./${relative(root, packageDirectory)} makes a file of it to install`);
}
