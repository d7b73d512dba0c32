import type { Pod, VolumeMount } from "../../api/index.ts";
import { expandStrictly } from "../container/expand.ts";
import type { Device, Mount } from "../engine/index.ts";
import type { AgentHost } from "../host.ts";
import type { Paths } from "../paths.ts";
import type { PodContainer } from "../pod/pod-containers.ts";

export interface MountsInput {
  readonly host: AgentHost;
  readonly paths: Paths;
  readonly pod: Pod;
  readonly container: PodContainer;
  readonly env: Readonly<Record<string, string>>;
  readonly volumes: ReadonlyMap<string, PreparedVolume>;
}

export interface PreparedVolume {
  /** Where the volume is on the machine. */
  readonly path: string;
  /** Whether no container may write it, whatever its mount says: configuration is the API's. */
  readonly readOnly: boolean;
  /** The claim's, where a file system of one is mounted. */
  readonly claim?: string;
}

/** What the container's volumeDevices ask the engine for. */
export function containerDevices({ spec }: PodContainer, volumes: ReadonlyMap<string, PreparedVolume>): Device[] {
  return (spec.volumeDevices ?? []).map(({ name, devicePath }) => {
    const volume = volumes.get(name);
    if (volume === undefined) throw new Error(`cannot find volume "${name}" to pass into container "${spec.name}"`);
    return { containerPath: devicePath, hostPath: volume.path, permissions: volume.readOnly ? "r" : "mrw" };
  });
}

const propagations: Readonly<Record<string, Mount["propagation"]>> = {
  HostToContainer: "hostToContainer",
  Bidirectional: "bidirectional",
};

/** What the container's volumeMounts ask the engine for. Throws when a part of a volume cannot be mounted. */
export async function containerMounts(input: MountsInput): Promise<Mount[]> {
  const mounts: Mount[] = [];
  for (const [index, mount] of (input.container.spec.volumeMounts ?? []).entries()) {
    const volume = input.volumes.get(mount.name);
    if (volume === undefined)
      throw new Error(`cannot find volume "${mount.name}" to mount into container "${input.container.spec.name}"`);
    if (mount.recursiveReadOnly === "Enabled")
      throw new Error(
        `failed to resolve recursive read-only mode: volume "${mount.name}" requested recursive read-only mode, but it is not supported by the runtime`,
      );
    const inner = subPathOf(mount, input.env);
    mounts.push({
      containerPath: absolute(mount.mountPath),
      hostPath: inner === "" ? volume.path : await mountSubPath(input, mount, volume.path, inner, index),
      readonly: volume.readOnly || (mount.readOnly ?? false),
      propagation: propagations[mount.mountPropagation ?? ""] ?? "private",
    });
  }
  return mounts;
}

function subPathOf({ subPath, subPathExpr }: VolumeMount, env: Readonly<Record<string, string>>): string {
  if (!subPathExpr) return checked(subPath ?? "");
  const { value, unknown } = expandStrictly(subPathExpr, env);
  if (unknown !== undefined) throw new Error(`missing value for "${unknown}"`);
  return checked(value);
}

function checked(path: string): string {
  if (path.startsWith("/")) throw new Error(`error SubPath \`${path}\` must not be an absolute path`);
  if (path.split("/").includes("..")) {
    throw new Error(`unable to provision SubPath \`${path}\`: must not contain '..'`);
  }
  return path;
}

/**
 * Mounts a part of a volume where only the agent can change the way to it: whoever writes into the volume could else put
 * a link in its place between the check and the engine's mount (CVE-2017-1002101).
 */
async function mountSubPath(
  { host, paths, pod, container }: MountsInput,
  mount: VolumeMount,
  volume: string,
  inner: string,
  index: number,
): Promise<string> {
  const target = paths.subPath(pod.metadata.uid, mount.name, container.spec.name, index);
  const of = `for volumeMount "${mount.name}" of container "${container.spec.name}"`;
  await host.mounts.unmount(target);
  if ((await host.files.realPath(`${volume}/${inner}`)) === undefined) {
    const mode = (await host.files.status(volume))?.mode ?? 0o755;
    await host.mounts.makeDirectoryInside(volume, inner, mode & 0o777).catch((error) => {
      throw new Error(`failed to create subPath directory ${of}`, { cause: error });
    });
  }
  await host.mounts.bindInside(volume, inner, target).catch((error) => {
    throw new Error(`failed to prepare subPath ${of}`, { cause: error });
  });
  return target;
}

function absolute(path: string): string {
  return path.startsWith("/") ? path : `/${path}`;
}
