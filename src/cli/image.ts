import { existsSync } from "node:fs";
import { nodeImages } from "../cluster/index.ts";
import { UserError } from "../lib/index.ts";
import { existingCluster } from "./target.ts";

interface Options {
  readonly dataDir?: string;
}

export async function loadImage(file: string, options: Options): Promise<void> {
  if (!existsSync(file)) throw new UserError(`there is no file ${file}`);
  const { directory, settings } = existingCluster(options);
  const images = await nodeImages(directory, settings);
  let names: readonly string[];
  try {
    names = await images.load(file);
  } catch (error) {
    throw new UserError(`${file} could not be loaded: ${(error as Error).message}`, { cause: error });
  }
  for (const name of names) console.log(`loaded ${name}`);
}

export async function listImages(options: Options): Promise<void> {
  const { directory, settings } = existingCluster(options);
  const images = await (await nodeImages(directory, settings)).list();
  const rows = images.flatMap((each) =>
    each.tags.map((tag) => [tag, each.id.replace("sha256:", "").slice(0, 12), megabytes(each.sizeBytes)]),
  );
  printTable([["IMAGE", "ID", "SIZE"], ...rows]);
}

export async function removeImage(name: string, options: Options): Promise<void> {
  const { directory, settings } = existingCluster(options);
  const images = await nodeImages(directory, settings);
  if (!(await images.remove(name))) throw new UserError(`there is no image "${name}": "roder image ls" lists them`);
  console.log(`removed ${name}`);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Prints rows in columns as wide as their widest cell. */
function printTable(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of rows)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("   ")
        .trimEnd(),
    );
}
