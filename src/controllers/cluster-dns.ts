import {
  type Endpoint,
  type EndpointSlice,
  EndpointSlices,
  type NewObject,
  type Node,
  Nodes,
  type Service,
  Services,
} from "../api/index.ts";
import { also, type ControllerDefinition, defineController } from "../client/index.ts";
import { addressAt, deepEqual, parseRange } from "../lib/index.ts";

export interface ClusterDnsOptions {
  /** The cluster IP of kube-system/kube-dns: 10.43.0.10. */
  readonly address: string;
}

const namespace = "kube-system";
const name = "kube-dns";
const key = `${namespace}/${name}`;
const dnsPort = 53;

/**
 * Keeps the Service kube-dns and the EndpointSlice behind it. The server runs in every node's own process, at the first
 * address of the node's pods; internalTrafficPolicy Local makes each pod ask its own node.
 */
export function clusterDnsController(options: ClusterDnsOptions): ControllerDefinition {
  return defineController({
    name: "cluster-dns",
    watches: {
      also: [
        also(Nodes, () => [key]),
        also(Services, (service) => (isOurs(service) ? [key] : [])),
        also(EndpointSlices, (slice) => (isOurs(slice) ? [key] : [])),
      ],
    },
    async reconcile({ client, cache }) {
      if (!cache.get(Services, key)) await client.create(Services, kubeDnsService(options.address));
      const endpoints = dnsEndpoints(cache.list(Nodes));
      const slice = cache.get(EndpointSlices, key);
      if (!slice) await client.create(EndpointSlices, kubeDnsSlice(endpoints));
      else if (!deepEqual(slice.endpoints ?? [], endpoints)) {
        await client.update(EndpointSlices, { ...slice, endpoints });
      }
    },
  });
}

function isOurs(object: Service | EndpointSlice): boolean {
  return object.metadata.namespace === namespace && object.metadata.name === name;
}

function kubeDnsService(address: string): NewObject<Service> {
  return {
    metadata: {
      namespace,
      name,
      labels: { "k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "RoderDNS" },
    },
    spec: {
      clusterIP: address,
      internalTrafficPolicy: "Local",
      ports: [
        { name: "dns", port: dnsPort, protocol: "UDP" },
        { name: "dns-tcp", port: dnsPort, protocol: "TCP" },
      ],
    },
  };
}

/** The DNS server of each node that has its part of the pod range. */
function dnsEndpoints(nodes: readonly Node[]): Endpoint[] {
  return nodes.flatMap((node) => {
    const range = parseRange(node.spec.podCIDR ?? "");
    const conditions = { ready: true, serving: true, terminating: false };
    return range ? [{ addresses: [addressAt(range, 1)], nodeName: node.metadata.name, conditions }] : [];
  });
}

function kubeDnsSlice(endpoints: readonly Endpoint[]): NewObject<EndpointSlice> {
  return {
    metadata: { namespace, name, labels: { "kubernetes.io/service-name": name } },
    addressType: "IPv4",
    endpoints,
    ports: [
      { name: "dns", port: dnsPort, protocol: "UDP" },
      { name: "dns-tcp", port: dnsPort, protocol: "TCP" },
    ],
  };
}
