// The profile of a cluster's simulated nodes, kept in its data directory.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { errorMessage, systemRandom, UserError } from "../lib/index.ts";
import type { DataDirectory } from "./data-directory.ts";
import { readProfile } from "./embedded/hollow-nodes.ts";
import { makePrivateDirectory, writeFileAtomically } from "./pki/index.ts";

/** The control plane of a real cluster gives up a node that is silent for fifty seconds. */
const leaseMsMax = 20_000;

export const hollowProfile = (directory: DataDirectory) => join(directory.hollow, "profile.yaml");

/** The profile as an object, nothing when there is none. */
export function readHollowProfile(path: string): unknown {
  try {
    return parse(readFileSync(path, "utf8")) ?? {};
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw error;
  }
}

/** Keeps the profile in `file` for the simulated nodes. Throws UserError when it cannot be read or is not right. */
export async function takeHollowProfile(directory: DataDirectory, file: string): Promise<void> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
    const { leaseMs } = readProfile(parse(text) ?? {}, systemRandom);
    if (leaseMs > leaseMsMax)
      throw new Error(`leaseRenewal: at most ${leaseMsMax / 1_000}s: other nodes count as lost`);
  } catch (error) {
    throw new UserError(`the profile ${file} cannot be used: ${errorMessage(error)}`, { cause: error });
  }
  await makePrivateDirectory(directory.hollow);
  await writeFileAtomically(hollowProfile(directory), text, 0o600);
}
