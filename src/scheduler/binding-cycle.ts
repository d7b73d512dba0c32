import { type Binding, Pods } from "../api/index.ts";
import type { Client } from "../client/index.ts";
import { Diagnosis } from "./diagnosis.ts";
import type { Plugin } from "./plugin.ts";
import { objectKeyOf } from "./pod-key.ts";
import type { Profile } from "./profile.ts";
import type { PodToPlace, Rejection } from "./rule.ts";
import type { FrameworkPoint } from "./scheduler-metrics.ts";
import type { Snapshot } from "./snapshot.ts";

/** Does what is to be done at a point of the framework, and measures it. */
export type Timed = <T>(point: FrameworkPoint, act: () => Promise<T>) => Promise<T>;

/** What comes after the choice of a node: claims in memory, waiting, writes of plugins, and the binding. */
export class BindingCycle {
  readonly #profile: Profile;
  readonly #snapshot: Snapshot;
  readonly #client: Client;
  readonly #timed: Timed;

  constructor(profile: Profile, snapshot: Snapshot, client: Client, timed: Timed) {
    this.#timed = timed;
    this.#profile = profile;
    this.#snapshot = snapshot;
    this.#client = client;
  }

  /** Claims what the pod needs on the node; gives why that failed, with nothing left claimed. */
  reserve(toPlace: PodToPlace, nodeName: string): Diagnosis | undefined {
    for (const plugin of this.#profile.reserve) {
      const rejection = plugin.reserve?.(toPlace, nodeName);
      if (rejection === undefined) continue;
      this.unreserve(toPlace, nodeName);
      return this.#rejected(plugin, nodeName, rejection);
    }
    return undefined;
  }

  unreserve(toPlace: PodToPlace, nodeName: string): void {
    // What was claimed last is given back first.
    for (const plugin of this.#profile.reserve.toReversed()) plugin.unreserve?.(toPlace, nodeName);
  }

  /** Whether something has to happen before the pod is bound, which may take its time. */
  waits(toPlace: PodToPlace): boolean {
    return [...this.#profile.permit, ...this.#profile.preBind].some((plugin) => plugin.bindsFor?.(toPlace) !== false);
  }

  /** The plugins that may reject the pod yet, by name. */
  permitting(toPlace: PodToPlace): readonly string[] {
    return this.#profile.permit.filter((plugin) => plugin.bindsFor?.(toPlace) !== false).map(({ name }) => name);
  }

  /**
   * Binds the pod; gives why it may not be bound after all. Throws an Error with what the API or a plugin threw as its
   * cause, in the words of kube-scheduler's framework.
   */
  async bind(toPlace: PodToPlace, nodeName: string, signal: AbortSignal): Promise<Diagnosis | undefined> {
    const binds = (plugin: Plugin) => plugin.bindsFor?.(toPlace) !== false;
    const permit = this.#profile.permit.filter(binds);
    const preBind = this.#profile.preBind.filter(binds);
    const rejected =
      permit.length > 0 &&
      (await this.#timed("Permit", async () => {
        for (const plugin of permit) {
          const rejection = await running("Permit", plugin.name, () => plugin.permit?.(toPlace, nodeName, signal));
          if (rejection) return this.#rejected(plugin, nodeName, rejection);
        }
        return undefined;
      }));
    if (rejected) return rejected;
    if (preBind.length > 0)
      await this.#timed("PreBind", async () => {
        for (const plugin of preBind)
          await running("PreBind", plugin.name, () => plugin.preBind?.(toPlace, nodeName, signal));
      });
    const { pod } = toPlace;
    const { namespace, name, uid } = pod.metadata;
    const binding: Binding = {
      apiVersion: "v1",
      kind: "Binding",
      // The server fills in the rest of the metadata.
      metadata: { namespace, name, uid } as Binding["metadata"],
      target: { kind: "Node", name: nodeName },
    };
    await this.#timed("Bind", () =>
      running("Bind", "DefaultBinder", () =>
        this.#client.createSubresource(Pods, objectKeyOf(pod), "binding", binding, { signal }),
      ),
    );
    return undefined;
  }

  /** A plugin that rejects a pod after its node was chosen speaks of that node alone, as kube-scheduler has it. */
  #rejected({ name }: Plugin, nodeName: string, rejection: Rejection): Diagnosis {
    const node = this.#snapshot.node(nodeName);
    const reason = { rejection, rule: name };
    return node ? new Diagnosis(1, [{ node, ...reason }]) : new Diagnosis(1, [], reason);
  }
}

async function running<T>(point: string, plugin: string, act: () => Promise<T> | undefined): Promise<T | undefined> {
  try {
    return await act();
  } catch (error) {
    throw new Error(`running ${point} plugin "${plugin}"`, { cause: error });
  }
}
