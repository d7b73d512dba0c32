import { readFile } from "node:fs/promises";

/** The text; undefined for what is not there, or not any more. */
export async function textIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    // ENODEV: the cgroup went while it was read; ESRCH: the process did.
    if (error instanceof Error && "code" in error && ["ENOENT", "ENODEV", "ESRCH"].includes(String(error.code)))
      return undefined;
    throw error;
  }
}

/** The text; empty for what is not there, or not any more. */
export async function readIfThere(path: string): Promise<string> {
  return (await textIfThere(path)) ?? "";
}

/** What the machine tells in a file; empty when it tells nothing there. */
export async function machineText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch {
    // Not every machine has every one of these, nor lets everybody read them; what they tell is left empty then.
    return "";
  }
}
