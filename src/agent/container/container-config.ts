import type { Pod } from "../../api/index.ts";
import type { ContainerConfig, Device, Image, Mount } from "../engine/index.ts";
import type { Machine } from "../host.ts";
import type { Paths } from "../paths.ts";
import type { PodContainer } from "../pod/pod-containers.ts";
import { containerAnnotations, containerLabels } from "./container-labels.ts";
import { expand } from "./expand.ts";
import { containerResources } from "./linux-resources.ts";
import { checkRunAsNonRoot, containerSecurity } from "./security-context.ts";

export interface ContainerInput {
  readonly pod: Pod;
  readonly container: PodContainer;
  readonly attempt: number;
  readonly image: Image;
  /** As the engine knows the image. */
  readonly imageName: string;
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly Mount[];
  readonly devices: readonly Device[];
  readonly machine: Pick<Machine, "memoryBytes" | "oomScoreAdjMin">;
  readonly paths: Paths;
  /** Set for an ephemeral container with a target. */
  readonly targetContainerId?: string;
}

/** What the engine is told about a container. Throws CreateContainerConfigError when it must not run as it would. */
export function containerConfig(input: ContainerInput): ContainerConfig {
  const { pod, container, attempt, image, env, targetContainerId } = input;
  const { spec } = container;
  checkRunAsNonRoot(pod, spec, image);
  const expanded = (texts: readonly string[] | undefined) =>
    (texts ?? []).map((text) => expand(text, (name) => (Object.hasOwn(env, name) ? env[name] : undefined)));
  return {
    name: spec.name,
    attempt,
    image: input.imageName,
    command: expanded(spec.command),
    args: expanded(spec.args),
    workingDir: spec.workingDir ?? "",
    env,
    mounts: input.mounts,
    devices: input.devices,
    labels: containerLabels(pod, spec),
    annotations: containerAnnotations(pod, spec, attempt),
    logPath: input.paths.containerLog(spec.name, attempt),
    stdin: spec.stdin ?? false,
    stdinOnce: spec.stdinOnce ?? false,
    tty: spec.tty ?? false,
    resources: containerResources(pod, spec, input.machine),
    security: containerSecurity(pod, spec, image),
    ...(targetContainerId === undefined ? {} : { targetContainerId }),
  };
}
