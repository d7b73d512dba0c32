// The machine's kubectl as the administrator of a control plane.
import assert from "node:assert/strict";
import { join } from "node:path";
import { execute, type Outcome } from "./programs.ts";
import type { ServedControlPlane } from "./served-control-plane.ts";

export interface Kubectl {
  /** What it prints; it must succeed. */
  (...args: readonly string[]): Promise<string>;
  /** What it complains about; it must end with 1. */
  refusal(...args: readonly string[]): Promise<string>;
  /** What becomes of it, with what it is given to read and more of an environment. */
  outcome(args: readonly string[], input?: string, environment?: NodeJS.ProcessEnv): Promise<Outcome>;
  /** What it prints when it is given a manifest with `-f -`, as text or objects; it must succeed. */
  given(manifest: string | readonly object[], ...args: readonly string[]): Promise<string>;
  /** What a program needs in its environment to be this administrator's kubectl. */
  readonly environment: NodeJS.ProcessEnv;
}

export function kubectlOf({ kubeconfig, directory }: ServedControlPlane): Kubectl {
  const environment = {
    ...process.env,
    KUBECONFIG: kubeconfig,
    KUBECACHEDIR: join(directory, "cache"),
    // An edit that is refused leaves its text behind.
    TMPDIR: directory,
  };
  const outcome: Kubectl["outcome"] = (args, input = "", more = {}) =>
    execute("kubectl", args, { input, env: { ...environment, ...more }, timeoutMs: 60_000 });
  const ending = async (expected: number, args: readonly string[], input?: string) => {
    const { code, stdout, stderr } = await outcome(args, input);
    assert.equal(code, expected, `kubectl ${args.join(" ")}: ${stdout}${stderr}`);
    return { stdout, stderr };
  };
  const kubectl = async (...args: readonly string[]) => (await ending(0, args)).stdout;
  const textOf = (manifest: string | readonly object[]) =>
    typeof manifest === "string" ? manifest : JSON.stringify({ apiVersion: "v1", kind: "List", items: manifest });
  return Object.assign(kubectl, {
    outcome,
    environment,
    refusal: async (...args: readonly string[]) => (await ending(1, args)).stderr,
    given: async (manifest: string | readonly object[], ...args: readonly string[]) =>
      (await ending(0, [...args, "-f", "-"], textOf(manifest))).stdout,
  });
}
