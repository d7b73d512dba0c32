// Where the agent keeps a pod's files; the layout below a pod's directory is the kubelet's.
import type { Pod } from "../api/index.ts";
import type { AgentSettings } from "./settings.ts";

export class Paths {
  readonly pods: string;
  /** A file system in memory for secrets of all pods: one mount instead of one for each volume. */
  readonly memory: string;
  readonly logs: string;
  /** The directories that are persistent volumes. They outlive pods. */
  readonly localVolumes: string;
  /** Which secrets opened the registries of the images that were pulled. */
  readonly pulledImages: string;

  constructor(settings: AgentSettings) {
    this.pods = `${settings.dataDirectory}/pods`;
    this.memory = `${settings.dataDirectory}/memory`;
    this.logs = settings.logDirectory;
    this.localVolumes = `${settings.dataDirectory}/local-volumes`;
    this.pulledImages = `${settings.dataDirectory}/pulled-images.json`;
  }

  pod(uid: string): string {
    return `${this.pods}/${uid}`;
  }

  /** The volumes of a pod that live in memory. */
  podMemory(uid: string): string {
    return `${this.memory}/${uid}`;
  }

  etcHosts(uid: string): string {
    return `${this.pod(uid)}/etc-hosts`;
  }

  container(uid: string, name: string): string {
    return `${this.pod(uid)}/containers/${name}`;
  }

  /** The file that a container writes its termination message into. */
  terminationMessage(uid: string, name: string, attempt: number): string {
    return `${this.container(uid, name)}/${attempt}`;
  }

  /** `plugin` is the kubelet's name of the volume's kind, as `empty-dir`. */
  volume(uid: string, plugin: string, name: string): string {
    return `${this.pod(uid)}/volumes/kubernetes.io~${plugin}/${name}`;
  }

  memoryVolume(uid: string, plugin: string, name: string): string {
    return `${this.podMemory(uid)}/kubernetes.io~${plugin}/${name}`;
  }

  /** Where the part of a volume is mounted that the container's mount number `index` asks for. */
  subPath(uid: string, volume: string, container: string, index: number): string {
    return `${this.subPaths(uid)}/${volume}/${container}/${index}`;
  }

  subPaths(uid: string): string {
    return `${this.pod(uid)}/volume-subpaths`;
  }

  podLogs(pod: Pod): string {
    const { namespace, name, uid } = pod.metadata;
    return `${this.logs}/${namespace}_${name}_${uid}`;
  }

  /** Relative to `podLogs`, as the engine wants it. */
  containerLog(name: string, attempt: number): string {
    return `${name}/${attempt}.log`;
  }
}
