import { homedir } from "node:os";
import { join } from "node:path";

/** Where everything of one cluster is kept. */
export interface DataDirectory {
  readonly root: string;
  readonly settings: string;
  readonly storage: string;
  readonly pki: string;
  /** What the operator says of who may come in; see docs/access.md. */
  readonly guards: string;
  readonly logs: string;
  readonly run: string;
  readonly containerd: string;
  readonly agent: string;
  readonly cni: string;
  /** The administrator's kubeconfig of this cluster, whatever else is written where. */
  readonly kubeconfig: string;
  /** How simulated nodes behave, and what they prove themselves with. */
  readonly hollow: string;
}

export function dataDirectory(root: string): DataDirectory {
  return {
    root,
    settings: join(root, "cluster.json"),
    storage: join(root, "storage"),
    pki: join(root, "pki"),
    guards: join(root, "access"),
    logs: join(root, "logs"),
    run: join(root, "run"),
    containerd: join(root, "containerd"),
    agent: join(root, "agent"),
    cni: join(root, "cni"),
    kubeconfig: join(root, "admin.kubeconfig"),
    hollow: join(root, "hollow"),
  };
}

/** /var/lib/roder for root; a directory of the user's own (XDG Base Directory Specification) for everybody else. */
export function defaultDataRoot(isRoot: boolean, environment: Readonly<Record<string, string | undefined>>): string {
  if (isRoot) return "/var/lib/roder";
  return join(environment.XDG_DATA_HOME ?? join(homedir(), ".local/share"), "roder");
}
