import { findContainerPort, type HTTPGetAction, type Probe } from "../../api/index.ts";
import { errorMessage } from "../../lib/index.ts";
import type { AgentContext } from "../context.ts";
import type { ProbeResult } from "../host.ts";
import type { PodContainer } from "../pod/pod-containers.ts";
import { timeoutMs } from "./probe-state.ts";

export interface ProbeTarget {
  readonly container: PodContainer;
  readonly containerId: string;
  readonly podIp: string | undefined;
}

/** `errored`: the probe could not be done, which says nothing about the container. */
export type ProbeOutcome = ProbeResult & { readonly errored: boolean };

/** What is kept of an exec probe's output, as of a probe's answer. */
const outputBytesMax = 10 * 1_024;
const version = "1.35";

/** Probes a container once. */
export async function runProbe(
  { engine, host }: Pick<AgentContext, "engine" | "host">,
  target: ProbeTarget,
  probe: Probe,
): Promise<ProbeOutcome> {
  const limitMs = timeoutMs(probe);
  const { connections } = host;
  try {
    if (probe.exec) return { ...(await runExec(engine, target, probe.exec.command ?? [], limitMs)), errored: false };
    if (probe.httpGet)
      return { ...(await connections.http(httpProbe(target, probe.httpGet), limitMs)), errored: false };
    if (probe.tcpSocket) {
      const { host: name, port } = probe.tcpSocket;
      const number = portOf(target, port);
      return { ...(await connections.tcp(name || addressOf(target), number, limitMs)), errored: false };
    }
    if (probe.grpc) {
      const { port, service } = probe.grpc;
      return { ...(await connections.grpc(addressOf(target), port, service ?? "", limitMs)), errored: false };
    }
    return { success: true, output: "", errored: false };
  } catch (error) {
    return { success: false, output: errorMessage(error), errored: true };
  }
}

async function runExec(
  engine: AgentContext["engine"],
  { containerId }: ProbeTarget,
  command: readonly string[],
  limitMs: number,
): Promise<ProbeResult> {
  const result = await engine.execSync(containerId, command, limitMs).catch((error: unknown) => {
    // A command that takes too long has failed; that it could not be run at all is another thing.
    if (!/timeout|timed out|deadline exceeded/i.test(errorMessage(error))) throw error;
    return undefined;
  });
  if (!result)
    return { success: false, output: `command timed out: ${command.join(" ")} timed out after ${limitMs / 1_000}s` };
  const output = new Uint8Array([
    ...result.stdout.subarray(0, outputBytesMax),
    ...result.stderr.subarray(0, outputBytesMax),
  ]);
  return { success: result.exitCode === 0, output: new TextDecoder().decode(output.subarray(0, outputBytesMax)) };
}

function httpProbe(target: ProbeTarget, action: HTTPGetAction) {
  const headers = (action.httpHeaders ?? []).map(({ name, value }) => ({ name, value }));
  const has = (wanted: string) => headers.some(({ name }) => name.toLowerCase() === wanted);
  if (!has("user-agent")) headers.push({ name: "User-Agent", value: `kube-probe/${version}` });
  if (!has("accept")) headers.push({ name: "Accept", value: "*/*" });
  return {
    scheme: action.scheme === "HTTPS" ? ("https" as const) : ("http" as const),
    host: action.host || addressOf(target),
    port: portOf(target, action.port),
    path: action.path ?? "/",
    headers,
  };
}

function addressOf({ podIp }: ProbeTarget): string {
  if (podIp === undefined) throw new Error("the pod has no address");
  return podIp;
}

function portOf({ container }: ProbeTarget, port: number | string): number {
  const number = findContainerPort(container.spec, port);
  if (number === undefined || number < 1 || number > 65_535) throw new Error(`invalid port number: ${port}`);
  return number;
}
