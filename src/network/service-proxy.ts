// Keeps the node's nftables table equal to what Services and EndpointSlices say.
import {
  EndpointSlices,
  type Node,
  type Pod,
  type ServiceCIDR,
  ServiceCIDRs,
  Services,
  zoneLabel,
} from "../api/index.ts";
import type { Informer, InformerSet } from "../client/index.ts";
import { type Clock, errorMessage, isAbort, type Logger, sleep } from "../lib/index.ts";
import { run } from "./host/commands.ts";
import type { ProxyState } from "./proxy-health.ts";
import { changeScript, type RuleSet, replaceScript } from "./rule-set.ts";
import { KnownRules, type ServiceRulesInput, serviceRules, type UdpFlow, udpFlows } from "./service-rules.ts";
import { staleFlows } from "./udp-flows.ts";

export interface ServiceProxyOptions {
  readonly informers: InformerSet;
  /** This node's pods, for their host ports. */
  readonly pods: Informer<Pod>;
  /** This node, for its zone. */
  readonly node: Informer<Node>;
  readonly nodeName: string;
  readonly podRange: string;
  readonly serviceRange: string;
  readonly nftTable: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Changes are gathered for this long after a write: a rollout changes many endpoints one after the other. */
const gatherMs = 100;
const retryMsMin = 1_000;
const retryMsMax = 30_000;

/** Runs until the signal is aborted. The first write replaces whatever the table held; `ready` resolves after it. */
export function startServiceProxy(options: ServiceProxyOptions): {
  readonly ready: Promise<void>;
  readonly done: Promise<void>;
  state(): ProxyState;
} {
  const { informers, pods, node, clock, log, signal } = options;
  let changed = Promise.withResolvers<void>();
  let writtenAtMs: number | undefined;
  let waitsSinceMs: number | undefined;
  const notice = () => {
    waitsSinceMs ??= clock.now();
    changed.resolve();
  };
  informers.informer(Services).addHandler(notice);
  informers.informer(EndpointSlices).addHandler(notice);
  informers.informer(ServiceCIDRs).addHandler(notice);
  pods.addHandler(notice);
  // Its status changes all the time, and does not matter.
  node.addHandler((event) => {
    if (event.type !== "update" || zoneOf(event.old) !== zoneOf(event.object)) notice();
  });
  signal.addEventListener("abort", notice, { once: true });
  const ready = Promise.withResolvers<void>();

  const work = async () => {
    await Promise.all([informers.synced(), pods.synced(), node.synced()]);
    const known = new KnownRules();
    let written: RuleSet | undefined;
    let flows: ReadonlyMap<string, UdpFlow> | undefined;
    let retryMs = retryMsMin;
    while (!signal.aborted) {
      changed = Promise.withResolvers<void>();
      const waitedSinceMs = waitsSinceMs ?? clock.now();
      waitsSinceMs = undefined;
      const input = inputOf(options);
      const next = serviceRules(input, known);
      try {
        await write(options.nftTable, written, next);
        written = next;
        writtenAtMs = clock.now();
        const now = udpFlows(input);
        const gone = flows
          ? [...flows].filter(([flow]) => !now.has(flow)).map(([, flow]) => flow)
          : staleFlows(await rememberedFlows(log), now.values(), input);
        await forgetFlows(gone, log);
        flows = now;
        retryMs = retryMsMin;
        ready.resolve();
      } catch (error) {
        // Somebody else changed the table, or nft failed: start from an empty one.
        log.error("the service rules could not be written", { error: errorMessage(error) });
        written = undefined;
        waitsSinceMs = waitedSinceMs;
        await sleep(clock, retryMs, signal);
        retryMs = Math.min(2 * retryMs, retryMsMax);
        continue;
      }
      await sleep(clock, gatherMs, signal);
      await changed.promise;
    }
  };
  const done = work().catch((error: unknown) => {
    if (!isAbort(error) && error !== signal.reason) throw error;
  });
  return { ready: ready.promise, done, state: () => ({ writtenAtMs, waitsSinceMs }) };
}

function zoneOf(node: Node | undefined): string | undefined {
  return node?.metadata.labels?.[zoneLabel];
}

const ipv4Ranges = ({ spec }: ServiceCIDR) => (spec.cidrs ?? []).filter((cidr) => !cidr.includes(":"));

function inputOf({ informers, pods, node, nodeName, podRange, serviceRange }: ServiceProxyOptions): ServiceRulesInput {
  return {
    nodeName,
    zone: zoneOf(node.list()[0]),
    podRange,
    serviceRanges: [...new Set([serviceRange, ...informers.list(ServiceCIDRs).flatMap(ipv4Ranges)])].sort(),
    services: informers.list(Services),
    endpointSlices: informers.list(EndpointSlices),
    pods: pods.list(),
  };
}

async function write(table: string, written: RuleSet | undefined, next: RuleSet): Promise<void> {
  const script = written ? changeScript(table, written, next) : replaceScript(table, next);
  if (script !== "") await run("nft", ["-f", "-"], script);
}

/** The UDP flows that the kernel leads elsewhere than they were sent, as conntrack prints them. */
async function rememberedFlows(log: Logger): Promise<string> {
  try {
    return await run("conntrack", ["-L", "-p", "udp", "--dst-nat"]);
  } catch (error) {
    // The rules hold without; clients whose endpoint went meanwhile wait until the kernel forgets it.
    log.warn("UDP flows from before could not be listed", { error: errorMessage(error) });
    return "";
  }
}

/** UDP has no end of connection: what the kernel remembers of an endpoint that went would swallow packets. */
async function forgetFlows(flows: readonly UdpFlow[], log: Logger): Promise<void> {
  for (const { address, port, endpoint } of flows) {
    const to = address === undefined ? [] : ["--orig-dst", address];
    const args = ["-D", "-p", "udp", ...to, "--orig-port-dst", String(port), "--reply-src", endpoint];
    try {
      await run("conntrack", args);
    } catch (error) {
      // conntrack fails when there was no such flow, which is the usual case.
      log.debug("no UDP flow to forget", { address, port, endpoint, error: errorMessage(error) });
    }
  }
}
