import { findContainerPort, type LifecycleHandler, type Pod } from "../../api/index.ts";
import { errorMessage, sleep } from "../../lib/index.ts";
import type { AgentContext } from "../context.ts";
import type { PodContainer } from "../pod/pod-containers.ts";

/** What a hook is run on. */
export interface HookTarget {
  readonly pod: Pod;
  readonly container: PodContainer;
  readonly containerId: string;
  readonly podIp: string | undefined;
}

/** A hook may take as long as its container's grace; this bounds one whose server never answers. */
const httpTimeoutMs = 600_000;

/** Runs a postStart or preStop handler; throws with what it said when it fails. */
export async function runHook(
  context: Pick<AgentContext, "engine" | "host" | "clock">,
  target: HookTarget,
  handler: LifecycleHandler,
  signal: AbortSignal,
): Promise<void> {
  if (handler.exec) await runExec(context, target, handler.exec.command ?? []);
  else if (handler.httpGet) await runHttp(context, target, handler.httpGet);
  else if (handler.sleep) await sleep(context.clock, handler.sleep.seconds * 1_000, signal);
}

async function runExec(
  { engine }: Pick<AgentContext, "engine">,
  target: HookTarget,
  command: readonly string[],
): Promise<void> {
  const name = target.container.spec.name;
  const about = `Exec lifecycle hook ([${command.join(" ")}]) for Container "${name}" in Pod "${target.pod.metadata.name}_${target.pod.metadata.namespace}(${target.pod.metadata.uid})" failed`;
  let result: Awaited<ReturnType<typeof engine.execSync>>;
  try {
    result = await engine.execSync(target.containerId, command, httpTimeoutMs);
  } catch (error) {
    throw new Error(`${about} - error: ${errorMessage(error)}`, { cause: error });
  }
  if (result.exitCode === 0) return;
  const output = new TextDecoder().decode(result.stdout) + new TextDecoder().decode(result.stderr);
  throw new Error(
    `${about} - error: command '${command.join(" ")}' exited with ${result.exitCode}: ${output}, message: ${JSON.stringify(output)}`,
  );
}

async function runHttp(
  { host }: Pick<AgentContext, "host">,
  target: HookTarget,
  { host: name, port, path, scheme, httpHeaders }: NonNullable<LifecycleHandler["httpGet"]>,
): Promise<void> {
  const number = findContainerPort(target.container.spec, port);
  const address = name || target.podIp;
  if (number === undefined) throw new Error(`the container has no port ${port}`);
  if (!address) throw new Error(`failed to find networking container: the pod has no address`);
  const probe = {
    scheme: scheme === "HTTPS" ? ("https" as const) : ("http" as const),
    host: address,
    port: number,
    path: path ?? "/",
    headers: httpHeaders ?? [],
  };
  const result = await host.connections.http(probe, httpTimeoutMs);
  if (!result.success)
    throw new Error(
      `Http lifecycle hook (${path ?? "/"}) for Container "${target.container.spec.name}" failed - error: ${result.output}`,
    );
}
