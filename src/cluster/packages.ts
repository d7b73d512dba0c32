// What a node needs of the distribution, and bringing it with apt.

import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { UserError } from "../lib/index.ts";

export interface Requirement {
  readonly package: string;
  /** The file that shows it is there: a program's name, looked up on PATH, or an absolute path. */
  readonly file: string;
}

/** The packages of Debian and its kin. */
export const nodeRequirements: readonly Requirement[] = [
  { package: "containerd", file: "containerd" },
  { package: "runc", file: "runc" },
  { package: "containernetworking-plugins", file: "/usr/lib/cni/ptp" },
  { package: "nftables", file: "nft" },
  { package: "iproute2", file: "ip" },
  { package: "conntrack", file: "conntrack" },
  { package: "socat", file: "socat" },
];
export const clientRequirements: readonly Requirement[] = [{ package: "kubernetes-client", file: "kubectl" }];

/** The requirements whose file `exists` does not find on `path`. */
export function missingRequirements(
  requirements: readonly Requirement[],
  path = process.env.PATH ?? "",
  exists: (file: string) => boolean = isExecutable,
): Requirement[] {
  return requirements.filter(({ file }) =>
    file.startsWith("/") ? !exists(file) : !path.split(delimiter).some((folder) => exists(join(folder, file))),
  );
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false; // Not there or not to be run: either way it is missing.
  }
}

/** Installs packages with apt-get, after saying so. Throws a UserError with apt's last words when it cannot. */
export async function installPackages(missing: readonly Requirement[], say: (line: string) => void): Promise<void> {
  const names = missing.map((each) => each.package);
  const mend = `install ${names.join(", ")} with your system's package manager and run roder up again`;
  if (process.getuid?.() !== 0) throw new UserError(`${names.join(", ")} missing, and only root can install: ${mend}`);
  say(`installing ${names.join(", ")} with apt-get`);
  const install = ["install", "-y", "-q", "--no-install-recommends", ...names];
  let outcome = await aptGet(install);
  if (outcome.code !== 0) {
    // A fresh machine has no package lists yet; one source that does not answer need not matter.
    await aptGet(["update", "-q"]);
    outcome = await aptGet(install);
  }
  if (outcome.code !== 0) {
    const words = outcome.output.trim().split("\n").at(-1) ?? "";
    throw new UserError(`apt-get could not install ${names.join(", ")} (${words}): ${mend}`);
  }
  const still = missingRequirements(missing);
  if (still.length > 0) {
    throw new UserError(`${still.map((each) => each.file).join(", ")} missing although apt-get installed it: ${mend}`);
  }
}

function aptGet(args: readonly string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const child = spawn("apt-get", args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" },
    });
    let output = "";
    const keep = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-4_096);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.on("error", () => resolve({ code: 127, output: "there is no such program here" }));
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}
