import { type Agent, HollowEngine, HollowHost, type SharedViews, startAgent } from "../../agent/index.ts";
import { hollowLabel, type StatsSummary, zoneLabel } from "../../api/index.ts";
import type { Client } from "../../client/index.ts";
import type { Clock, Logger, Random } from "../../lib/index.ts";
import type { HollowBehaviour } from "./hollow-profile.ts";

export interface HollowNodeOptions {
  readonly name: string;
  /** Which of the simulated nodes it is, from 0 on. */
  readonly index: number;
  /** As the node. */
  readonly client: Client;
  readonly views: SharedViews;
  readonly behaviour: HollowBehaviour;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly clusterDns: string;
  readonly clusterDomain: string;
}

/** The real agent on a machine and an engine that are only pretended. */
export class HollowNode {
  readonly name: string;
  readonly engine: HollowEngine;
  readonly #options: HollowNodeOptions;
  readonly #host: HollowHost;
  #stopping = new AbortController();
  #agent: Agent | undefined;

  constructor(options: HollowNodeOptions) {
    this.#options = options;
    this.name = options.name;
    const { clock, behaviour, index } = options;
    const { cpus, memoryBytes, sandboxMs, startMs, pullMs } = behaviour;
    this.engine = new HollowEngine({
      clock,
      sandboxMs,
      startMs,
      pullMs,
      addressPrefix: () =>
        // Where the pod range has no part for every node, other addresses do as well: nothing is sent to them.
        this.#agent?.node()?.spec.podCIDR?.replace(/\.\d+\/24$/, "") ?? `10.${160 + (index >> 8)}.${index & 255}`,
      script: ({ image }, { labels }) => behaviour.script(image, labels),
    });
    const answer = (ip: string) => {
      const success = this.engine.answers(ip);
      return { success, output: success ? "" : `dial tcp ${ip}: connect: connection refused` };
    };
    this.#host = new HollowHost({
      clock,
      machine: { cpus, memoryBytes, hostname: this.name },
      http: ({ host }) => answer(host),
      tcp: answer,
      grpc: answer,
    });
  }

  /** Whether its agent runs. */
  get isUp(): boolean {
    return this.#agent !== undefined && !this.#stopping.signal.aborted;
  }

  /** Resolves when the node is registered and has reported. */
  async start(): Promise<void> {
    const { clock, random, log, client, behaviour, clusterDns, clusterDomain, index, views } = this.#options;
    if (this.#stopping.signal.aborted) this.#stopping = new AbortController();
    const { leaseMs, statusMs, statusReportMs, podsMax, zones } = behaviour;
    const { signal } = this.#stopping;
    this.#agent = await startAgent({
      client: withQuietWatches(client),
      engine: this.engine,
      host: this.#host,
      clock,
      random,
      log,
      nodeName: this.name,
      view: views.of(this.name, signal),
      settings: {
        dataDirectory: "/data",
        logDirectory: "/logs",
        // Of 10.0.0.0/11, where neither pods nor services of such clusters are.
        nodeIps: [`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`],
        clusterDns: [clusterDns],
        clusterDomain,
        cgroupRoot: "/kubepods",
        podsMax,
        nodeLabels: {
          [hollowLabel]: "true",
          ...(zones.length === 0 ? {} : { [zoneLabel]: zones[index % zones.length] ?? "" }),
        },
        localVolumes: false,
        // There are no logs and no cgroups to look after, and an engine that is only pretended loses no events.
        periods: {
          leaseMs,
          statusMs,
          statusReportMs,
          logsMs: dayMs,
          evictionMs: dayMs,
          sharesMs: dayMs,
          imagesMs: dayMs,
          relistMs: dayMs,
        },
      },
      signal,
    });
  }

  /** What the node and its pods use. */
  async stats(): Promise<StatsSummary> {
    if (!this.isUp || !this.#agent) throw new Error(`the agent of ${this.name} does not run`);
    return await this.#agent.stats();
  }

  /** Ends the agent; what runs on the node goes on. */
  stop(): void {
    this.#stopping.abort();
  }

  /** As when its power fails: the agent is gone, and so is everything that ran. */
  fail(): void {
    this.stop();
    this.engine.reboot();
  }
}

const dayMs = 86_400_000;
const weekSeconds = (7 * dayMs) / 1_000;

/** Watches that only tell what happens: a thousand nodes whose watches say every minute that nothing did are never idle. */
function withQuietWatches(client: Client): Client {
  return {
    ...client,
    watch: (resource, options) =>
      client.watch(resource, { ...options, allowWatchBookmarks: false, timeoutSeconds: weekSeconds }),
  };
}
