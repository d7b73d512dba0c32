import type { Annotate, RequestOptions, ResourceDefinition, ResourceRequest, User } from "../../api/index.ts";
import type { Clock, Logger, Random } from "../../lib/index.ts";
import type { Storage, WatchCache } from "../../storage/index.ts";
import type { Authorizer } from "../authorization/authorizer.ts";
import type { CreateHandlers } from "../create-handler.ts";
import type { ChargeQuota } from "../quota/index.ts";
import type { ResourceRegistry } from "../registry.ts";
import type { AdmissionPlan } from "./admission-chain.ts";
import type { AdmissionMetrics } from "./admission-metrics.ts";
import type { CommitHook } from "./commit-hook.ts";
import type { ComputedObjects } from "./computed.ts";
import type { ListSnapshots } from "./list-snapshots.ts";
import type { ResourceStore } from "./resource-store.ts";
import type { Turns } from "./turns.ts";

/** What the pipeline works with; one for each server. */
export interface PipelineContext {
  readonly registry: ResourceRegistry;
  readonly storage: Storage;
  readonly cache: WatchCache;
  readonly authorizer: Authorizer;
  /** What is written together with objects of a kind, by `<plural>.<group>`. */
  readonly commitHooks: ReadonlyMap<string, CommitHook>;
  readonly chargeQuota: ChargeQuota;
  readonly createHandlers: CreateHandlers;
  readonly computed: ComputedObjects;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly snapshots: ListSnapshots;
  readonly admissionMetrics: AdmissionMetrics | undefined;
  /** Of writes that lost races, by namespace. */
  readonly turns: Turns;
  storeOf(definition: ResourceDefinition): ResourceStore;
  /** The plugins that look at requests about a resource, in their order. */
  admissionOf(definition: ResourceDefinition): AdmissionPlan;
}

/** One request on its way: what was asked, by whom, and of which kind. */
export interface ObjectRequest {
  readonly context: PipelineContext;
  readonly user: User;
  readonly definition: ResourceDefinition;
  readonly store: ResourceStore;
  /** Empty for cluster-scoped kinds and for all namespaces. */
  readonly namespace: string;
  /** Empty where the request is about a collection. */
  readonly name: string;
  readonly subresource: string;
  readonly options: RequestOptions;
  readonly body: unknown;
  readonly duplicateFields: readonly string[];
  readonly sentencesInOrder: ResourceRequest["sentencesInOrder"];
  readonly patchType: ResourceRequest["patchType"];
  readonly signal: AbortSignal | undefined;
  /** When the sender waits no longer, on the monotonic clock. */
  readonly endMs: number;
  readonly dryRun: boolean;
  /** Adds a note to the request's entry in the audit log. */
  readonly annotate: Annotate;
  /** Sentences for the Warning header, each once. */
  readonly warnings: string[];
}

/** Webhooks warn as often as they like; the header has no room for more. */
const warningsMax = 4096;

export function warn({ warnings }: Pick<ObjectRequest, "warnings">, sentence: string): void {
  if (sentence === "" || warnings.length >= warningsMax || warnings.includes(sentence)) return;
  warnings.push(sentence);
}
