// The files in the data directory by which an operator says who may come in; none of them has to be there.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import type { User } from "../api/index.ts";
import { errorMessage, UserError } from "../lib/index.ts";
import {
  type AnonymousAccess,
  readAuthenticationConfiguration,
  readStaticTokens,
  type TrustedIssuer,
} from "../server/index.ts";
import type { DataDirectory } from "./data-directory.ts";

export interface GuardFiles {
  readonly staticTokens?: ReadonlyMap<string, User>;
  readonly issuers?: readonly TrustedIssuer[];
  readonly anonymous?: AnonymousAccess;
}

/** Reads them; `ownIssuer` issues the service accounts' tokens. Throws a UserError that names the file that is wrong. */
export async function readGuardFiles({ guards }: DataDirectory, ownIssuer: string): Promise<GuardFiles> {
  const staticTokens = await readGuardFile(join(guards, "tokens.csv"), readStaticTokens);
  const authentication = await readGuardFile(join(guards, "authentication.yaml"), (text) =>
    readAuthenticationConfiguration(parse(text), ownIssuer),
  );
  return { ...(staticTokens ? { staticTokens } : {}), ...authentication };
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
