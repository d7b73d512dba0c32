// The files in the data directory by which an operator says who may come in; none of them has to be there.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { User } from "../api/index.ts";
import { errorMessage, UserError } from "../lib/index.ts";
import { readStaticTokens } from "../server/index.ts";
import type { DataDirectory } from "./data-directory.ts";

export interface GuardFiles {
  readonly staticTokens?: ReadonlyMap<string, User>;
}

/** Reads them. Throws a UserError that names the file that cannot be used. */
export async function readGuardFiles({ guards }: DataDirectory): Promise<GuardFiles> {
  const staticTokens = await readGuardFile(join(guards, "tokens.csv"), readStaticTokens);
  return { ...(staticTokens ? { staticTokens } : {}) };
}

/** What `read` makes of the file; undefined when there is none. */
async function readGuardFile<T>(path: string, read: (text: string) => T): Promise<T | undefined> {
  try {
    return read(await readFile(path, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new UserError(`cannot use ${path}: ${errorMessage(error)}`, { cause: error });
  }
}
