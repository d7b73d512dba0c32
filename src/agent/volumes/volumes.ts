// The volumes of the node's pods: made before the first container, kept true while the pod runs, removed after its end.
import {
  controllerOf,
  PersistentVolumeClaims,
  PersistentVolumes,
  type Pod,
  podLimits,
  quantityValue,
  type Volume,
} from "../../api/index.ts";
import { errorMessage, nameSuffix, type Timer, timestamp } from "../../lib/index.ts";
import type { AgentContext, PodVolumes } from "../context.ts";
import type { Device, Mount } from "../engine/index.ts";
import { containersOf, type PodContainer } from "../pod/pod-containers.ts";
import type { MountedClaim } from "./claim-metrics.ts";
import { ConfigurationReader, configurationKind } from "./configuration-volume.ts";
import { containerDevices, containerMounts, type PreparedVolume } from "./container-mounts.ts";
import { checkHostPath } from "./host-path.ts";
import { makeOwnDirectory } from "./local-volumes.ts";
import { writePayload } from "./payload-directory.ts";
import { ServiceAccountTokens } from "./service-account-tokens.ts";
import { VolumeError } from "./volume-error.ts";
import { giveToGroup } from "./volume-ownership.ts";

type Context = Omit<AgentContext, "volumes">;

interface PreparedPod {
  readonly volumes: Map<string, PreparedVolume>;
  timer?: Timer;
  /** When its configuration is due. */
  refreshAtMs: number;
  /** The refresh that runs; the next one waits for it. */
  refreshing: Promise<void>;
}

const emptyDirMode = 0o777;
/** More than a process can be given: the kernel's limit of a single variable is 128 KiB. */
const envFileBytesMax = 2 ** 20;
/** Configuration that could not be refreshed is tried again after this time. */
const refreshRetryMs = 10_000;
/** Timers stand still while a machine sleeps, tokens expire all the same: after this at most it is looked at the time. */
const lookMsMax = 60_000;

export class Volumes implements PodVolumes {
  readonly #context: Context;
  readonly #tokens: ServiceAccountTokens;
  readonly #reader: ConfigurationReader;
  #deviceMounts: Promise<void> = Promise.resolve();
  readonly #prepared = new Map<string, PreparedPod>();

  constructor(context: Context) {
    this.#context = context;
    this.#tokens = new ServiceAccountTokens(context);
    this.#reader = new ConfigurationReader(context, this.#tokens);
  }

  /** Mounts the memory that holds the configuration of all pods: secrets never reach a disk. */
  async start(): Promise<void> {
    const { host, paths } = this.#context;
    await host.mounts.mountMemory(paths.memory, undefined, 0o750);
  }

  async prepare(pod: Pod, signal: AbortSignal): Promise<void> {
    const { uid } = pod.metadata;
    const prepared: PreparedPod = this.#prepared.get(uid) ?? {
      volumes: new Map(),
      refreshAtMs: Number.POSITIVE_INFINITY,
      refreshing: Promise.resolve(),
    };
    this.#prepared.set(uid, prepared);
    await this.#prepareThese(pod, prepared, usedVolumes(pod, containersOf(pod)), signal);
  }

  async #prepareThese(pod: Pod, prepared: PreparedPod, volumes: readonly Volume[], signal: AbortSignal): Promise<void> {
    let { refreshAtMs } = prepared;
    for (const volume of volumes) {
      signal.throwIfAborted();
      try {
        const made = await this.#make(pod, volume);
        const readOnly = configurationKind(volume) !== undefined || (volume.persistentVolumeClaim?.readOnly ?? false);
        const claim = mountedClaim(pod, volume);
        prepared.volumes.set(volume.name, { path: made.path, readOnly, ...(claim === undefined ? {} : { claim }) });
        refreshAtMs = Math.min(refreshAtMs, made.refreshAtMs);
      } catch (error) {
        throw new VolumeError(volume.name, error);
      }
    }
    this.#refreshAt(pod, prepared, refreshAtMs);
  }

  /** Brings configuration in running pods up to date: an object changed, or the pod's own labels. */
  async refresh(pod: Pod): Promise<void> {
    const prepared = this.#prepared.get(pod.metadata.uid);
    if (!prepared) return;
    prepared.refreshing = prepared.refreshing.then(() => this.#refresh(pod, prepared));
    await prepared.refreshing;
  }

  async mounts(pod: Pod, container: PodContainer, env: Readonly<Record<string, string>>): Promise<readonly Mount[]> {
    const { host, paths, signal } = this.#context;
    const prepared = this.#prepared.get(pod.metadata.uid);
    // An ephemeral container that came later may be the first that uses a volume.
    const missing = usedVolumes(pod, [container]).filter(({ name }) => !prepared?.volumes.has(name));
    if (prepared && missing.length > 0) await this.#prepareThese(pod, prepared, missing, signal);
    return containerMounts({ host, paths, pod, container, env, volumes: prepared?.volumes ?? new Map() });
  }

  devices(pod: Pod, container: PodContainer): readonly Device[] {
    return containerDevices(container, this.#prepared.get(pod.metadata.uid)?.volumes ?? new Map());
  }

  claims({ metadata: { uid, namespace = "" } }: Pod): readonly MountedClaim[] {
    const volumes = this.#prepared.get(uid)?.volumes.values() ?? [];
    return [...volumes].flatMap(({ claim, path }) => (claim === undefined ? [] : [{ namespace, name: claim, path }]));
  }

  async read(pod: Pod, volume: string, path: string): Promise<string> {
    const prepared = this.#prepared.get(pod.metadata.uid)?.volumes.get(volume);
    if (!prepared) throw new Error(`cannot find the volume "${volume}"`);
    return new TextDecoder().decode(await this.#context.host.mounts.readInside(prepared.path, path, envFileBytesMax));
  }

  async tearDown(podUid: string): Promise<void> {
    const { host, paths } = this.#context;
    const prepared = this.#prepared.get(podUid);
    prepared?.timer?.cancel();
    this.#prepared.delete(podUid);
    await prepared?.refreshing;
    for (const mount of await host.mounts.mountsBelow(paths.pod(podUid))) await host.mounts.unmount(mount);
    await host.files.remove(paths.subPaths(podUid));
    await host.files.remove(`${paths.pod(podUid)}/volumes`);
    await host.files.remove(paths.podMemory(podUid));
    this.#tokens.forget(podUid);
  }

  async #refresh(pod: Pod, prepared: PreparedPod): Promise<void> {
    const { clock, log } = this.#context;
    let refreshAtMs = Number.POSITIVE_INFINITY;
    for (const volume of pod.spec.volumes ?? []) {
      if (
        !configurationKind(volume) ||
        !prepared.volumes.has(volume.name) ||
        this.#prepared.get(pod.metadata.uid) !== prepared
      )
        continue;
      try {
        refreshAtMs = Math.min(refreshAtMs, (await this.#configuration(pod, volume)).refreshAtMs);
      } catch (error) {
        // A running pod keeps what it has, as when a ConfigMap is deleted under it.
        log.info("volume not refreshed", { pod: pod.metadata.name, volume: volume.name, error: errorMessage(error) });
        refreshAtMs = Math.min(refreshAtMs, clock.now() + refreshRetryMs);
      }
    }
    this.#refreshAt(pod, prepared, refreshAtMs);
  }

  #refreshAt(pod: Pod, prepared: PreparedPod, atMs: number): void {
    const { clock, signal } = this.#context;
    prepared.timer?.cancel();
    prepared.refreshAtMs = atMs;
    if (atMs === Number.POSITIVE_INFINITY || this.#prepared.get(pod.metadata.uid) !== prepared) return;
    prepared.timer = clock.setTimer(Math.min(atMs - clock.now(), lookMsMax), () => {
      if (signal.aborted) return;
      if (clock.now() < atMs) this.#refreshAt(pod, prepared, atMs);
      else void this.refresh(pod);
    });
  }

  async #make(pod: Pod, volume: Volume): Promise<{ path: string; refreshAtMs: number }> {
    if (configurationKind(volume)) return this.#configuration(pod, volume);
    return { path: await this.#storage(pod, volume), refreshAtMs: Number.POSITIVE_INFINITY };
  }

  async #configuration(pod: Pod, volume: Volume) {
    const { host, paths, clock, random } = this.#context;
    const path = paths.memoryVolume(pod.metadata.uid, configurationKind(volume) ?? "", volume.name);
    const { payload, refreshAtMs } = await this.#reader.read(pod, volume);
    const { fsGroup } = pod.spec.securityContext ?? {};
    const stamp = () => `${timestamp(clock.now()).replace(/[-:T]/g, "_").slice(0, 19)}.${nameSuffix(random, 10)}`;
    await writePayload(
      { files: host.files, path, stamp, ...(fsGroup === undefined ? {} : { fsGroup: Number(fsGroup) }) },
      payload,
    );
    return { path, refreshAtMs };
  }

  async #storage(pod: Pod, volume: Volume): Promise<string> {
    const { host } = this.#context;
    if (volume.emptyDir) return this.#emptyDir(pod, volume);
    if (volume.hostPath) {
      await checkHostPath(host.files, volume.hostPath.path, volume.hostPath.type);
      return volume.hostPath.path;
    }
    if (volume.persistentVolumeClaim || volume.ephemeral) return this.#claim(pod, volume);
    const kind = Object.keys(volume).find((key) => key !== "name");
    throw new Error(`volumes of the kind ${kind} are not supported`);
  }

  async #emptyDir(pod: Pod, volume: Volume): Promise<string> {
    const { host, paths } = this.#context;
    const { medium = "", sizeLimit } = volume.emptyDir ?? {};
    const path = paths.volume(pod.metadata.uid, "empty-dir", volume.name);
    const isNew = (await host.files.status(path)) === undefined;
    if (isNew) await host.files.makeDirectory(path, emptyDirMode);
    if (medium === "Memory") {
      const limit = sizeLimit ?? podLimits(pod).get("memory");
      await host.mounts.mountMemory(path, limit === undefined ? undefined : quantityValue(limit), emptyDirMode);
    } else if (medium !== "") throw new Error(`unknown storage medium "${medium}"`);
    const { fsGroup, fsGroupChangePolicy } = pod.spec.securityContext ?? {};
    if (fsGroup !== undefined && isNew) await giveToGroup(host.files, path, Number(fsGroup), fsGroupChangePolicy);
    return path;
  }

  /** Volumes that are directories or devices of this machine; the scheduler brings the pod to the right one. */
  async #claim(pod: Pod, volume: Volume): Promise<string> {
    const { client, host, paths } = this.#context;
    const isOwn = volume.ephemeral !== undefined;
    const claimName = claimNameOf(pod, volume) ?? "";
    const { namespace = "" } = pod.metadata;
    const claim = await client.get(PersistentVolumeClaims, { namespace, name: claimName });
    if (isOwn && controllerOf(claim)?.uid !== pod.metadata.uid) {
      const owner = `${namespace}/${pod.metadata.name}`;
      throw new Error(`PVC ${namespace}/${claimName} was not created for pod ${owner} (pod is not owner)`);
    }
    const name = claim.spec.volumeName;
    if (claim.status?.phase !== "Bound" || !name) throw new Error(`PVC ${namespace}/${claimName} is not bound`);
    const persistent = await client.get(PersistentVolumes, { name });
    const { spec } = persistent;
    const { claimRef } = spec;
    if (claimRef?.uid !== claim.metadata.uid)
      throw new Error(
        `found PV object "${name}" but its pv.Spec.ClaimRef.UID "${claimRef?.uid ?? ""}" does not point to claim.UID "${claim.metadata.uid}"`,
      );
    checkMode(pod, volume.name, spec.volumeMode ?? "Filesystem");
    if (spec.hostPath) {
      await checkHostPath(host.files, spec.hostPath.path, spec.hostPath.type);
      return spec.hostPath.path;
    }
    if (!spec.local) throw new Error(`persistent volume ${name} is of a kind that is not supported`);
    await makeOwnDirectory(host.files, persistent, paths);
    const real = await host.files.realPath(spec.local.path);
    if (real === undefined) throw new Error(`path "${spec.local.path}" does not exist`);
    const isDevice = (await host.files.status(real))?.type === "blockDevice";
    if (spec.volumeMode === "Block") {
      if (!isDevice) throw new Error(`path "${spec.local.path}" is not a block device`);
      return real;
    }
    const path = isDevice ? paths.volume(pod.metadata.uid, "local-volume", volume.name) : spec.local.path;
    if (isDevice) await this.#mountDevice(real, path, spec.local.fsType ?? "ext4");
    const { fsGroup, fsGroupChangePolicy } = pod.spec.securityContext ?? {};
    if (fsGroup !== undefined) await giveToGroup(host.files, path, Number(fsGroup), fsGroupChangePolicy);
    return path;
  }

  /** One after the other: two pods that come together must not both format the device. */
  #mountDevice(device: string, path: string, fsType: string): Promise<void> {
    const mounted = this.#deviceMounts.then(() => this.#context.host.mounts.mountDevice(device, path, fsType));
    // Who asked for it hears that it failed; the next one does not.
    this.#deviceMounts = mounted.catch(() => undefined);
    return mounted;
  }
}

/** The volumes of which containers ask something. Of the others nothing is made, and nothing of them can be missing. */
function usedVolumes({ spec }: Pod, containers: readonly PodContainer[]): Volume[] {
  const names = new Set(
    containers.flatMap(({ spec: { volumeMounts = [], volumeDevices = [], env = [] } }) => [
      ...[...volumeMounts, ...volumeDevices].map(({ name }) => name),
      ...env.map(({ valueFrom }) => valueFrom?.fileKeyRef?.volumeName),
    ]),
  );
  return (spec.volumes ?? []).filter(({ name }) => names.has(name));
}

/** The name of a volume's claim, also of one that the pod has of its own; undefined for volumes of other kinds. */
function claimNameOf({ metadata }: Pod, { name, persistentVolumeClaim, ephemeral }: Volume): string | undefined {
  return persistentVolumeClaim?.claimName ?? (ephemeral ? `${metadata.name}-${name}` : undefined);
}

/** The claim of a volume that containers mount; a device says nothing of how full it is. */
function mountedClaim(pod: Pod, volume: Volume): string | undefined {
  const isDevice = containersOf(pod).some(({ spec }) => spec.volumeDevices?.some(({ name }) => name === volume.name));
  return isDevice ? undefined : claimNameOf(pod, volume);
}

/** A volume is mounted or passed as a device, as its mode says. */
function checkMode(pod: Pod, name: string, mode: string): void {
  const wrong = mode === "Block" ? "volumeMounts" : "volumeDevices";
  if (containersOf(pod).some(({ spec }) => spec[wrong]?.some((each) => each.name === name)))
    throw new Error(`volume ${name} has volumeMode ${mode}, but is specified in ${wrong}`);
}
