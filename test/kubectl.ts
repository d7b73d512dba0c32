// The machine's kubectl as the administrator of a control plane.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import type { ServedControlPlane } from "./served-control-plane.ts";

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Kubectl {
  /** What it prints; it must succeed. */
  (...args: readonly string[]): Promise<string>;
  /** What becomes of it, with what it is given to read. */
  outcome(args: readonly string[], input?: string): Promise<Outcome>;
  /** What it prints when it is given these objects with `-f -`; it must succeed. */
  given(objects: readonly object[], ...args: readonly string[]): Promise<string>;
  /** What a program needs in its environment to be this administrator's kubectl. */
  readonly environment: NodeJS.ProcessEnv;
}

export function kubectlOf(plane: ServedControlPlane): Kubectl {
  const environment = {
    ...process.env,
    KUBECONFIG: plane.kubeconfig,
    KUBECACHEDIR: join(plane.directory, "cache"),
    TMPDIR: plane.directory,
  };
  const outcome: Kubectl["outcome"] = (args, input = "") =>
    new Promise((resolve) => {
      const child = execFile("kubectl", args, { env: environment, timeout: 60_000 }, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : typeof error.code === "number" ? error.code : -1, stdout, stderr }),
      );
      child.stdin?.end(input);
    });
  const successful = async (args: readonly string[], input?: string) => {
    const { code, stdout, stderr } = await outcome(args, input);
    assert.equal(code, 0, `kubectl ${args.join(" ")}: ${stderr}`);
    return stdout;
  };
  const kubectl = (...args: readonly string[]) => successful(args);
  return Object.assign(kubectl, {
    outcome,
    environment,
    given: (objects: readonly object[], ...args: readonly string[]) =>
      successful([...args, "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items: objects })),
  });
}
