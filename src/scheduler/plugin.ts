import type { KubeObject, Pod, ResourceReference } from "../api/index.ts";
import type { Client, EventRecorder, Informer, InformerEvent } from "../client/index.ts";
import type { Clock, Logger, Random } from "../lib/index.ts";
import type { Diagnosis } from "./diagnosis.ts";
import type { FeasibilityRule, NodeCheck, PodToPlace, RankingRule, Rejection } from "./rule.ts";
import type { Snapshot } from "./snapshot.ts";

/**
 * What takes part in scheduling under one name: a plugin as Kubernetes' scheduling framework has them, with the same
 * extension points. All are optional, and what is left out costs nothing.
 * https://kubernetes.io/docs/concepts/scheduling-eviction/scheduling-framework/
 */
export interface Plugin {
  readonly name: string;
  /** Says why a pod is not even to be tried yet, as a gate does; undefined lets it into the queue. */
  readonly preEnqueue?: (pod: Pod) => string | undefined;
  readonly filter?: FeasibilityRule;
  readonly score?: RankingRule;
  /**
   * Looks for a way to a node for a pod that fits nowhere. The first plugin that finds one ends the search, unless it says
   * otherwise. `fits` is what all filters together say of a node, also of one as it would be with other pods.
   */
  readonly postFilter?: (toPlace: PodToPlace, diagnosis: Diagnosis, fits: () => NodeCheck) => Remedy;
  /**
   * Claims, in memory, what the pod needs on its node, at once after the plan; a rejection sends the pod back. What is
   * claimed must be known by the pod's uid until `unreserve`, or until the informers show it.
   */
  readonly reserve?: (toPlace: PodToPlace, nodeName: string) => Rejection | undefined;
  /** Gives back what `reserve` claimed, when something later failed. Called also when `reserve` itself rejected. */
  readonly unreserve?: (toPlace: PodToPlace, nodeName: string) => void;
  /** May keep the pod waiting before it is bound, and reject it: undefined lets it pass. */
  readonly permit?: (toPlace: PodToPlace, nodeName: string, signal: AbortSignal) => Promise<Rejection | undefined>;
  /** Writes what has to be there before the pod is bound, and waits for it. An error sends the pod back. */
  readonly preBind?: (toPlace: PodToPlace, nodeName: string, signal: AbortSignal) => Promise<void>;
  /** Whether `permit` and `preBind` have anything to do for the pod; for all when left out. */
  readonly bindsFor?: (toPlace: PodToPlace) => boolean;
  /** The changes that may make pods schedulable that this plugin rejected. Those of pods and nodes need no naming. */
  readonly wakes?: readonly WakeHint[];
}

/** A change in the cluster that may open a way for a rejected pod: a queueing hint. */
export interface WakeHint {
  readonly resource: ResourceReference;
  /** Asked once for each shape of the pods that the plugin rejected, or kept out of the queue. */
  readonly mayHelp: (pod: Pod, event: InformerEvent<KubeObject>) => boolean;
}

/** What a plugin found for a pod that fits nowhere. */
export interface Remedy {
  /** Its part of the pod's message; empty when it found a way. */
  readonly message: string;
  /** Whether no other plugin is asked, nor what others said told; left out, it is so when there is something to carry out. */
  readonly isLast?: boolean;
  /**
   * The node that becomes feasible by `carryOut`: room is kept there for the pod. null when there is no use in keeping any;
   * undefined leaves it at what was said before.
   */
  readonly nodeName?: string | null;
  /** How many pods have to go for it, of a plugin that looks for such pods. */
  readonly victims?: number;
  /** Does what is needed. The pod is not tried again before it has ended. */
  readonly carryOut?: (signal: AbortSignal) => Promise<void>;
}

/** What a plugin may use. */
export interface PluginContext {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly events: EventRecorder;
  /** Nodes and what is on them; read only. */
  readonly snapshot: Snapshot;
  /** The informer of a resource, shared with the others; pods are planned only when it has its first list. */
  readonly informer: <T extends KubeObject>(resource: ResourceReference<T>) => Informer<T>;
}

/** A plugin as profiles name it: made once for each profile that has it. */
export interface PluginDefinition {
  readonly name: string;
  /** Throws an Error that says what is wrong with the arguments; configurations are refused before anything is made. */
  readonly checkArgs?: (args: unknown) => unknown;
  /** `args` is the profile's pluginConfig for it, undefined when there is none; throws an Error that says what is wrong. */
  readonly create: (context: PluginContext, args: unknown) => Plugin;
}

/** Types a hint by its resource. */
export function wakeHint<T extends KubeObject>(
  resource: ResourceReference<T>,
  mayHelp: (pod: Pod, event: InformerEvent<T>) => boolean,
): WakeHint {
  // The scheduler hands a hint events of its own resource only.
  return { resource, mayHelp: mayHelp as WakeHint["mayHelp"] };
}
