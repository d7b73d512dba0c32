// What the people of a simulated cluster ask for: work of all kinds that comes, changes and goes.
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
  PersistentVolumes,
  PodDisruptionBudgets,
  Pods,
  ResourceQuotas,
  type ResourceReference,
  Services,
  StatefulSets,
} from "roder";
import type { Random } from "../../src/lib/index.ts";
import { claimTemplate } from "./claims.ts";

export const namespace = "work";
/** What is created here. */
export const resources: readonly ResourceReference[] = [
  ...[Deployments, StatefulSets, DaemonSets, CronJobs, Jobs, PersistentVolumeClaims],
  ...[Services, PodDisruptionBudgets, HorizontalPodAutoscalers, ResourceQuotas],
];
const replicasMax = 12;
const volumeClass = "disks";
/** The image that uses more than its pods ask for; the others use less. */
export const busyImage = "app:9";

export interface Scene {
  readonly cluster: Cluster;
  readonly random: Random;
  readonly nodesFail: boolean;
  note(what: string): void;
}

export class Operations {
  readonly #scene: Scene;
  readonly #cluster: Cluster;
  readonly #random: Random;
  /** Names by plural, of what there should be. */
  readonly #wanted = new Map<string, Set<string>>();
  #sequence = 0;

  constructor(scene: Scene) {
    this.#scene = scene;
    this.#cluster = scene.cluster;
    this.#random = scene.random;
  }

  /** Does one of the things that people do. */
  async operate(): Promise<void> {
    const { nodesFail, note } = this.#scene;
    const operations = [
      ...Array.from({ length: 2 }, () => () => this.#createDeployment()),
      () => this.#createStatefulSet(),
      () => this.#createDaemonSet(),
      () => this.#createJob(),
      () => this.#createCronJob(),
      ...Array.from({ length: 2 }, () => () => this.#createService()),
      () => this.#createAutoscaler(),
      ...Array.from({ length: 4 }, () => () => this.#scale()),
      ...Array.from({ length: 4 }, () => () => this.#roll()),
      () => this.#deleteOne(),
      () => this.#deletePod(),
      ...Array.from({ length: 2 }, () => () => this.#evictPods()),
      ...(nodesFail ? Array.from({ length: 3 }, () => () => this.#disturbNode()) : []),
    ];
    await this.wipeVolumes();
    try {
      await this.#oneOf(operations)?.();
    } catch (error) {
      // What is asked may meet what controllers do at the same time, and be refused: that is no fault of theirs.
      if (!(error instanceof ApiError)) throw error;
      note(`refused: ${error.message}`);
    }
  }

  quota() {
    return this.#create(ResourceQuotas, { name: "pods" }, { hard: { pods: String(this.between(20, 60)) } });
  }

  /** Everything that was broken is whole again, and nobody limits what is there. */
  async repair(): Promise<void> {
    await this.#cluster.client.delete(ResourceQuotas, { namespace, name: "pods" });
    for (const node of this.#cluster.nodes.values()) if (!node.isUp) await node.start();
  }

  /** Volumes whose claims are gone are emptied, and used again. */
  async wipeVolumes(): Promise<void> {
    const { client } = this.#cluster;
    for (const { metadata, status } of (await client.list(PersistentVolumes)).items) {
      if (status.phase === "Released") await client.patch(PersistentVolumes, metadata, { spec: { claimRef: null } });
    }
  }

  #createDeployment() {
    const recreate = this.#random.next() < 0.2;
    const [maxSurge, maxUnavailable] = [this.#amount(), this.#amount()];
    // Both at nothing is refused.
    const rollingUpdate = { maxSurge: isNothing(maxSurge) && isNothing(maxUnavailable) ? 1 : maxSurge, maxUnavailable };
    return this.#workload(Deployments, this.#name("web"), {
      replicas: this.between(1, replicasMax),
      strategy: recreate ? { type: "Recreate" } : { type: "RollingUpdate", rollingUpdate },
    });
  }

  async #createStatefulSet() {
    const keeps = () => this.#oneOf(["Retain", "Delete"]);
    const hasVolumes = this.#random.next() < 0.5;
    const spec = { accessModes: ["ReadWriteOnce"], storageClassName: volumeClass, resources: storage };
    const volumes = {
      volumeClaimTemplates: [{ metadata: { name: claimTemplate }, spec }],
      persistentVolumeClaimRetentionPolicy: { whenDeleted: keeps(), whenScaled: keeps() },
    };
    if (hasVolumes) await this.#createVolumes();
    await this.#workload(StatefulSets, this.#name("db"), {
      replicas: this.between(1, 4),
      serviceName: "db",
      podManagementPolicy: this.#oneOf(["OrderedReady", "Parallel"]),
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: this.#oneOf([1, 2, "50%"]) } },
      ...(hasVolumes ? volumes : {}),
    });
  }

  /** As many as one set can want. */
  async #createVolumes() {
    const batch = this.#name("disks");
    for (let index = 0; index < replicasMax; index++) {
      await this.#cluster.client.create(PersistentVolumes, {
        metadata: { name: `${batch}-${index}` },
        spec: {
          capacity: storage.requests,
          accessModes: ["ReadWriteOnce"],
          storageClassName: volumeClass,
          hostPath: { path: `/${batch}/${index}` },
        },
      });
    }
  }

  #createDaemonSet() {
    const [maxSurge, maxUnavailable] = this.#random.next() < 0.3 ? [this.between(1, 2), 0] : [0, this.between(1, 3)];
    const updateStrategy = { type: "RollingUpdate", rollingUpdate: { maxSurge, maxUnavailable } };
    return this.#workload(DaemonSets, this.#name("agent"), { updateStrategy });
  }

  #jobSpec(name: string) {
    const completions = this.between(1, 8);
    return {
      completions,
      parallelism: this.between(1, completions),
      completionMode: this.#oneOf(["Indexed", "NonIndexed"]),
      backoffLimit: 100,
      template: {
        metadata: { labels: { job: name } },
        spec: { ...podSpec("job:1"), restartPolicy: "Never" },
      },
    };
  }

  #createJob() {
    const name = this.#name("job");
    return this.#create(Jobs, { name }, this.#jobSpec(name));
  }

  #createCronJob() {
    const name = this.#name("cron");
    const concurrencyPolicy = this.#oneOf(["Allow", "Forbid", "Replace"]);
    return this.#create(
      CronJobs,
      { name },
      {
        schedule: `*/${this.between(1, 5)} * * * *`,
        concurrencyPolicy,
        jobTemplate: { spec: this.#jobSpec(name) },
      },
    );
  }

  async #createService() {
    const name = this.#random.next() < 0.5 ? this.#pick("deployments") : this.#pick("statefulsets");
    if (name === undefined) return;
    await this.#create(Services, { name }, { selector: { app: name }, ports: [{ port: 80 }] });
    const budget = this.#random.next() < 0.5 ? { maxUnavailable: 1 } : { minAvailable: this.between(1, 3) };
    await this.#create(PodDisruptionBudgets, { name }, { ...budget, selector: { matchLabels: { app: name } } });
  }

  async #createAutoscaler() {
    const name = this.#pick("deployments");
    if (name === undefined) return;
    const minReplicas = this.between(1, 4);
    await this.#create(
      HorizontalPodAutoscalers,
      { name },
      {
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name },
        minReplicas,
        maxReplicas: this.between(minReplicas, replicasMax),
        metrics: [
          { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 100 } } },
        ],
      },
    );
  }

  async #scale() {
    const target = this.#target();
    if (!target) return;
    const replicas = this.between(0, replicasMax);
    this.#scene.note(`scale ${target.name} to ${replicas}`);
    await this.#cluster.client.patch(target.resource, target, { spec: { replicas } });
  }

  async #roll() {
    const target = this.#target(true);
    if (!target) return;
    const image = `app:${this.between(2, 9)}`;
    this.#scene.note(`set the image of ${target.name} to ${image}`);
    const template = { spec: { containers: [{ name: "main", image }] } };
    await this.#cluster.client.patch(target.resource, target, { spec: { template } });
  }

  async #deleteOne() {
    const [plural, names] = this.#oneOf([...this.#wanted].filter(([, each]) => each.size > 0)) ?? [];
    const name = names && this.#oneOf([...names]);
    const resource = plural !== undefined && resources.find((each) => each.plural === plural);
    if (!resource || name === undefined || resource === ResourceQuotas) return;
    const propagationPolicy = this.#random.next() < 0.5 ? "Background" : "Foreground";
    this.#scene.note(`delete ${plural} ${name} (${propagationPolicy})`);
    await this.#cluster.client.delete(resource, { namespace, name }, { body: { propagationPolicy } });
    names?.delete(name);
  }

  async #deletePod() {
    const { items } = await this.#cluster.client.list(Pods, { namespace });
    const pod = this.#oneOf(items)?.metadata;
    if (!pod) return;
    this.#scene.note(`delete the pod ${pod.name}`);
    await this.#cluster.client.delete(Pods, pod);
  }

  /** All of one application, as far as its budget allows. */
  async #evictPods() {
    const name = this.#pick("poddisruptionbudgets") ?? this.#pick("deployments");
    if (name === undefined) return;
    this.#scene.note(`evict the pods of ${name}`);
    const { items } = await this.#cluster.client.list(Pods, { namespace, labelSelector: `app=${name}` });
    for (const { metadata } of items) {
      await this.#cluster.client.createSubresource(Pods, metadata, "eviction", { metadata: { name: metadata.name } });
    }
  }

  async #disturbNode() {
    const { note } = this.#scene;
    const node = this.#oneOf([...this.#cluster.nodes.values()]);
    if (!node) return;
    if (!node.isUp) {
      note(`${node.name} comes back`);
      // It registers in the time that passes.
      void node.start();
    } else if (this.#random.next() < 0.5) {
      note(`${node.name} loses power`);
      node.fail();
    } else {
      note(`the agent of ${node.name} stops`);
      node.stop();
    }
  }

  #workload(resource: ResourceReference<KubeObject>, name: string, spec: object) {
    const labels = { app: name };
    const template = { metadata: { labels }, spec: podSpec(`app:${this.between(1, 9)}`) };
    return this.#create(resource, { name }, { selector: { matchLabels: labels }, template, ...spec });
  }

  async #create(resource: ResourceReference<KubeObject>, metadata: { readonly name: string }, spec: object) {
    this.#scene.note(`create ${resource.plural} ${metadata.name} ${JSON.stringify(spec)}`);
    // Each caller gives what its kind has.
    const object = { metadata: { ...metadata, namespace }, spec } as never;
    await this.#cluster.client.create(resource, object);
    this.#wanted.getOrInsertComputed(resource.plural, () => new Set()).add(metadata.name);
  }

  /** A workload that can be scaled, or rolled. */
  #target(withDaemonSets = false) {
    const kinds: ResourceReference[] = [
      Deployments,
      Deployments,
      StatefulSets,
      ...(withDaemonSets ? [DaemonSets] : []),
    ];
    const resource = this.#oneOf(kinds);
    const name = resource && this.#pick(resource.plural);
    return name === undefined || !resource ? undefined : { resource, namespace, name };
  }

  #amount(): number | string {
    return this.#random.next() < 0.5 ? this.between(0, 3) : `${this.between(0, 5) * 10}%`;
  }

  #pick(plural: string): string | undefined {
    return this.#oneOf([...(this.#wanted.get(plural) ?? [])]);
  }

  #name(prefix: string): string {
    return `${prefix}-${++this.#sequence}`;
  }

  between(from: number, to: number): number {
    return from + Math.floor(this.#random.next() * (to - from + 1));
  }

  #oneOf<T>(all: readonly T[]): T | undefined {
    return all[Math.floor(this.#random.next() * all.length)];
  }
}

const storage = { requests: { storage: "1Gi" } };
const isNothing = (amount: number | string) => Number.parseInt(String(amount), 10) === 0;

function podSpec(image: string) {
  const resourceRequests = { requests: { cpu: "10m", memory: "16Mi" } };
  return {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 10,
    containers: [{ name: "main", image, resources: resourceRequests }],
  };
}
