// What the actors of a simulated cluster share: the cluster, chance, and what was asked for so far.
import {
  ApiError,
  type Cluster,
  CronJobs,
  DaemonSets,
  Deployments,
  HorizontalPodAutoscalers,
  Jobs,
  type KubeObject,
  PersistentVolumeClaims,
  PodDisruptionBudgets,
  ResourceQuotas,
  type ResourceReference,
  Services,
  StatefulSets,
} from "roder";
import type { Random } from "../../src/lib/index.ts";

export const namespace = "work";
/** What is created here. */
export const resources: readonly ResourceReference[] = [
  ...[Deployments, StatefulSets, DaemonSets, CronJobs, Jobs, PersistentVolumeClaims],
  ...[Services, PodDisruptionBudgets, HorizontalPodAutoscalers, ResourceQuotas],
];
export const replicasMax = 12;
/** The image that uses more than its pods ask for; the others use less. */
export const busyImage = "app:9";

/** The image that never starts. */
export const brokenImage = "app:broken";
/** The taint of nodes that shall be empty. */
export const maintenance = "simulation.roder.io/maintenance";
/** Pods of `flaky:*` fail to start now and then; indexes 2 and 5 of `odd:*` always end with this code. */
export const oddExitCode = 3;
export const oddIndexes = [2, 5];
/** Of a container that fails to start. */
export const startErrorCode = 128;

/** How the names of Jobs begin that may fail. */
export const failing = "task";

/** Somebody who does one thing now and then. */
export interface Actor {
  /** How often, beside the others. */
  readonly weight?: number;
  /** What has to be there before anything happens. */
  prepare?(scene: Scene): Promise<unknown>;
  /** What it asks may be refused, as it meets what controllers do. */
  act(scene: Scene): unknown;
  /** Undoes what would keep the cluster from coming to what was asked for; nothing fails any more by then. */
  repair?(scene: Scene): Promise<unknown>;
}

export interface SceneOptions {
  readonly cluster: Cluster;
  readonly random: Random;
  readonly nodesFail: boolean;
  note(what: string): void;
}

export class Scene {
  readonly cluster: Cluster;
  readonly nodesFail: boolean;
  readonly note: (what: string) => void;
  readonly #random: Random;
  /** Names by plural, of what there should be. */
  readonly wanted = new Map<string, Set<string>>();
  #sequence = 0;

  constructor({ cluster, random, nodesFail, note }: SceneOptions) {
    this.cluster = cluster;
    this.nodesFail = nodesFail;
    this.note = note;
    this.#random = random;
  }

  get client() {
    return this.cluster.client;
  }

  async create(resource: ResourceReference<KubeObject>, metadata: { readonly name: string }, spec: object) {
    this.note(`create ${resource.plural} ${metadata.name} ${JSON.stringify(spec)}`);
    // Each caller gives what its kind has.
    const object = { metadata: { ...metadata, namespace }, spec } as never;
    await this.client.create(resource, object);
    this.wanted.getOrInsertComputed(resource.plural, () => new Set()).add(metadata.name);
  }

  /** A workload whose pods have its name as their label `app`, and `more` in their specification. */
  createWorkload(resource: ResourceReference<KubeObject>, name: string, spec: object, more: object = {}) {
    const labels = { app: name };
    const tolerationSeconds = this.oneOf([undefined, undefined, 20, 90]);
    const tolerations = [{ key: maintenance, operator: "Exists", effect: "NoExecute", tolerationSeconds }];
    const pod = { ...podSpec(`app:${this.between(1, 9)}`), ...(tolerationSeconds ? { tolerations } : {}) };
    const template = { metadata: { labels }, spec: { ...pod, ...more } };
    return this.create(resource, { name }, { selector: { matchLabels: labels }, template, ...spec });
  }

  /** Whether it was done. */
  async unlessRefused(ask: () => unknown): Promise<boolean> {
    try {
      await ask();
      return true;
    } catch (error) {
      // What is asked may meet what controllers do at the same time, and be refused: that is no fault of theirs.
      if (!(error instanceof ApiError)) throw error;
      this.note(`refused: ${error.message}`);
      return false;
    }
  }

  /** The name of something that there should be. */
  pick(plural: string): string | undefined {
    return this.oneOf([...(this.wanted.get(plural) ?? [])]);
  }

  newName(prefix: string): string {
    return `${prefix}-${++this.#sequence}`;
  }

  between(from: number, to: number): number {
    return from + Math.floor(this.#random.next() * (to - from + 1));
  }

  happens(rate: number): boolean {
    return this.#random.next() < rate;
  }

  oneOf<T>(all: readonly [T, ...T[]]): T;
  oneOf<T>(all: readonly T[]): T | undefined;
  oneOf<T>(all: readonly T[]): T | undefined {
    return all[Math.floor(this.#random.next() * all.length)];
  }

  /** A number of pods, or a part of them. */
  amount(): number | string {
    return this.happens(0.5) ? this.between(0, 3) : `${this.between(0, 5) * 10}%`;
  }
}

export const isNothing = (amount: number | string) => Number.parseInt(String(amount), 10) === 0;

export function podSpec(image: string) {
  const resourceRequests = { requests: { cpu: "10m", memory: "16Mi" } };
  return {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 10,
    containers: [{ name: "main", image, resources: resourceRequests }],
  };
}
