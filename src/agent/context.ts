import type { Node, Pod, Secret, Service } from "../api/index.ts";
import type { Client } from "../client/index.ts";
import type { Clock, Logger, Random } from "../lib/index.ts";
import type { AgentMetrics } from "./agent-metrics.ts";
import type { ObjectLookup } from "./container/environment.ts";
import type { ContainerEngine, Device, Mount } from "./engine/index.ts";
import type { NodePressure } from "./eviction/node-pressure.ts";
import type { AgentHost, Machine } from "./host.ts";
import type { ImagePuller } from "./images/image-puller.ts";
import type { Paths } from "./paths.ts";
import type { PodContainer } from "./pod/pod-containers.ts";
import type { PodEvents } from "./pod/pod-events.ts";
import type { AgentSettings } from "./settings.ts";
import type { MountedClaim } from "./volumes/claim-metrics.ts";

/** The volumes of pods on this machine. */
export interface PodVolumes {
  /** Makes everything that the pod's containers mount. Throws VolumeError. */
  prepare(pod: Pod, signal: AbortSignal): Promise<void>;
  /** Brings configuration in the pod's volumes up to date. */
  refresh(pod: Pod): Promise<void>;
  /** The mounts of one container; makes the parts of volumes that it asks for by subPath. */
  mounts(pod: Pod, container: PodContainer, env: Readonly<Record<string, string>>): Promise<readonly Mount[]>;
  /** The block devices that are volumes of one container. */
  devices(pod: Pod, container: PodContainer): readonly Device[];
  /** The claims whose volumes the pod has mounted. */
  claims(pod: Pod): readonly MountedClaim[];
  /** The text of a file in a volume that containers write; rejects when there is none. */
  read(pod: Pod, volume: string, path: string): Promise<string>;
  /** Unmounts and removes the pod's volumes; what hostPath volumes show stays. */
  tearDown(podUid: string): Promise<void>;
}

/** What all pod workers of an agent share. */
export interface AgentContext {
  readonly client: Client;
  readonly engine: ContainerEngine;
  readonly host: AgentHost;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly settings: AgentSettings;
  readonly nodeName: string;
  readonly machine: Machine;
  readonly paths: Paths;
  /** What the node is short of. */
  readonly pressure: NodePressure;
  readonly events: PodEvents;
  readonly metrics?: AgentMetrics;
  readonly images: ImagePuller;
  readonly volumes: PodVolumes;
  /** ConfigMaps and Secrets; what a pod names is watched as long as the pod is here. */
  readonly objects: ObjectLookup;
  /** `containerd`: what container IDs begin with. */
  readonly runtimeName: string;
  /** Ends everything. */
  readonly signal: AbortSignal;
  node(): Node | undefined;
  services(): readonly Service[];
  /** The engine's handler for the pod's RuntimeClass; empty for the default one. Throws when the class is not there. */
  runtimeHandler(pod: Pod): Promise<string>;
  /** The Secrets with which the pod's images are pulled. */
  pullSecrets(pod: Pod): Promise<readonly Secret[]>;
}
