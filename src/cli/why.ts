import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { askWhy, readSettings } from "../cluster/index.ts";
import { UserError } from "../lib/index.ts";
import { directoryOf } from "./target.ts";
import { renderExplanation } from "./why-text.ts";

interface Options {
  readonly namespace: string;
  readonly kubeconfig?: string;
  readonly dataDir?: string;
  readonly output: string;
}

export async function why(target: string, options: Options): Promise<void> {
  const [kind, name, ...more] = target.includes("/") ? target.split("/") : ["pod", target];
  if (!["pod", "pods", "po"].includes(kind ?? "") || !name || more.length > 0)
    throw new UserError(`"${target}" names no pod: say pod/NAME`);
  const explanation = await askWhy(kubeconfigOf(options), options.namespace, name);
  console.log(options.output === "json" ? JSON.stringify(explanation, undefined, 2) : renderExplanation(explanation));
}

/** The kubeconfig that was named, or that of this machine's cluster, or the one that kubectl reads. */
function kubeconfigOf(options: Options): string {
  // kubectl joins the files of a list; the first that is there says which cluster is meant.
  const listed = (process.env.KUBECONFIG ?? "").split(":").filter(Boolean);
  const usual = listed.find((path) => existsSync(path)) ?? listed[0] ?? join(homedir(), ".kube/config");
  if (options.kubeconfig !== undefined) return options.kubeconfig;
  const directory = directoryOf(options);
  return (existsSync(directory.settings) ? readSettings(directory)?.kubeconfig : undefined) ?? usual;
}
