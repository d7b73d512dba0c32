// What the kernel remembers of UDP: flows that an earlier process led somewhere, and that lead nowhere now.
import { parseRange, rangeContains } from "../lib/index.ts";
import type { ServiceRulesInput, UdpFlow } from "./service-rules.ts";

/** First the packets, then the answers: `udp 17 29 src=A dst=SERVICE sport=4000 dport=53 [UNREPLIED] src=ENDPOINT dst=A …`. */
const entry = /^udp .*? dst=(\S+) sport=\d+ dport=(\d+) .*?src=(\S+) /;

/**
 * The flows in a listing of conntrack that rules of ours have led to an endpoint to which those of now, `led`, do not lead.
 * What others redirect is left alone: a flow is ours by its address, its endpoint, or because we lead what comes there.
 */
export function staleFlows(
  listing: string,
  led: Iterable<UdpFlow>,
  { podRange, serviceRanges }: Pick<ServiceRulesInput, "podRange" | "serviceRanges">,
): UdpFlow[] {
  /** By where packets are sent. */
  const endpoints = new Map<string, Set<string>>();
  for (const { address = "", port, endpoint } of led)
    endpoints.getOrInsertComputed(`${address} ${port}`, () => new Set()).add(endpoint);
  const isService = inRanges(serviceRanges);
  const isPod = inRanges([podRange]);
  const stale = new Map<string, UdpFlow>();
  for (const line of listing.split("\n")) {
    const [, address = "", portText = "", endpoint = ""] = entry.exec(line) ?? [];
    // One that was led nowhere is somebody's own.
    if (address === endpoint) continue;
    const port = Number(portText);
    // What is said of one address goes before what is said of any.
    const known = endpoints.get(`${address} ${port}`) ?? endpoints.get(` ${port}`);
    if (known ? known.has(endpoint) : !isService(address) && !isPod(endpoint)) continue;
    stale.set(`${address} ${port} ${endpoint}`, { address, port, endpoint });
  }
  return [...stale.values()];
}

function inRanges(texts: readonly string[]): (address: string) => boolean {
  const ranges = texts.flatMap((text) => parseRange(text) ?? []);
  return (address) => ranges.some((range) => rangeContains(range, address));
}
