// What a container says at its end. https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/
import type { Pod } from "../../api/index.ts";
import type { AgentContext } from "../context.ts";
import type { ContainerStatus } from "../engine/index.ts";
import { parseLogLine } from "../logs/log-line.ts";
import { findContainer } from "./pod-containers.ts";

const messageBytesMax = 4_096;
/** Of all containers of a pod together. */
const podMessageBytesMax = 12_288;
const logTailBytes = 2_048;
const logTailLines = 80;

/** The status of an ended container with the message that it left in its file, or at the end of its log. */
export async function withTerminationMessage(
  { host, paths }: Pick<AgentContext, "host" | "paths">,
  pod: Pod,
  status: ContainerStatus,
): Promise<ContainerStatus> {
  const container = findContainer(pod, status.name);
  if (!container?.spec.terminationMessagePath) return status;
  const count = pod.spec.containers.length + (pod.spec.initContainers?.length ?? 0);
  const bytesMax = Math.min(messageBytesMax, Math.floor(podMessageBytesMax / count));
  const file = paths.terminationMessage(pod.metadata.uid, status.name, status.attempt);
  const written = textOf(await host.files.read(file, bytesMax));
  if (written !== "") return { ...status, message: written };
  if (container.spec.terminationMessagePolicy !== "FallbackToLogsOnError" || status.exitCode === 0) return status;
  const tail = await logTail(host.files, status.logPath, Math.min(bytesMax, logTailBytes));
  return tail === "" ? status : { ...status, message: tail };
}

async function logTail(files: AgentContext["host"]["files"], path: string, bytesMax: number): Promise<string> {
  // A log line of a container runtime is longer than what it carries by its time and stream.
  const raw = textOf(await files.read(path, bytesMax + logTailLines * 50, true));
  const lines = raw.split("\n").flatMap((line) => parseLogLine(line)?.content ?? []);
  const text = lines.slice(-logTailLines).join("");
  return text.slice(Math.max(0, text.length - bytesMax));
}

function textOf(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes ?? new Uint8Array());
}
