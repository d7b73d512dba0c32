// How the subsets of Endpoints are packed: pkg/api/v1/endpoints/util.go.
import type { EndpointAddress, EndpointPort, EndpointSubset } from "../api/index.ts";

export interface FoundEndpoint {
  readonly address: EndpointAddress;
  readonly ports: readonly EndpointPort[];
  readonly ready: boolean;
}

interface PortGroup {
  readonly port: EndpointPort | undefined;
  /** By the address' key, whether it is ready. */
  readonly ready: Map<string, boolean>;
}

/** One subset for all ports that the same addresses have, in the order in which they come. */
export function subsetsOf(found: readonly FoundEndpoint[]): EndpointSubset[] {
  const addresses = new Map<string, EndpointAddress>();
  const byPort = new Map<string, PortGroup>();
  for (const { address, ports, ready } of found) {
    const key = JSON.stringify([address.ip, address.targetRef?.uid]);
    if (!addresses.has(key)) addresses.set(key, address);
    for (const port of ports.length === 0 ? [undefined] : ports) {
      const portKey = JSON.stringify(port && [port.name ?? "", port.port, port.protocol ?? "TCP", port.appProtocol]);
      const group = byPort.get(portKey) ?? { port, ready: new Map() };
      byPort.set(portKey, group);
      // One that is not ready stays so, whatever else is said of it.
      group.ready.set(key, ready && (group.ready.get(key) ?? true));
    }
  }
  const groups = Map.groupBy(byPort.values(), ({ ready }) => JSON.stringify([...ready].map(String).sort()));
  return [...groups.values()].map((sharing) => {
    const ports = sharing.flatMap(({ port }) => port ?? []);
    const those = (wanted: boolean) =>
      [...(sharing[0]?.ready ?? [])].flatMap(([key, ready]) => (ready === wanted ? (addresses.get(key) ?? []) : []));
    const [ready, notReady] = [those(true), those(false)];
    return {
      ...(ready.length === 0 ? {} : { addresses: ready }),
      ...(notReady.length === 0 ? {} : { notReadyAddresses: notReady }),
      ...(ports.length === 0 ? {} : { ports }),
    };
  });
}

/** Those that somebody wrote, each address with all ports that it shares with the same others. */
export function repacked(subsets: readonly EndpointSubset[]): EndpointSubset[] {
  return subsetsOf(
    subsets.flatMap(({ addresses = [], notReadyAddresses = [], ports = [] }) => [
      ...addresses.map((address) => ({ address, ports, ready: true })),
      ...notReadyAddresses.map((address) => ({ address, ports, ready: false })),
    ]),
  );
}
