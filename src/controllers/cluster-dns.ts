import {
  type Endpoint,
  type EndpointSlice,
  EndpointSlices,
  type NewObject,
  type Node,
  Nodes,
  type Service,
  Services,
  serviceNameLabel,
  sliceManagedByLabel,
} from "../api/index.ts";
import { also, type ControllerDefinition, defineController, keyOf, splitKey } from "../client/index.ts";
import { addressAt, deepEqual, parseRange, rangeSize } from "../lib/index.ts";

export interface ClusterDnsOptions {
  /** The cluster IP of kube-system/kube-dns: 10.43.0.10. */
  readonly address: string;
}

const namespace = "kube-system";
const name = "kube-dns";
const serviceKey = `${namespace}/${name}`;
const dnsPort = 53;
/** Whose the slices are. */
const managedBy = "cluster-dns-controller";
/** Nodes that share a slice: kube-controller-manager's --max-endpoints-per-slice. A node that comes rewrites one slice. */
const nodesPerSlice = 100;
const nodesBySlice = "dns-slice";

/**
 * Keeps the Service kube-dns and the EndpointSlices behind it. The server runs in every node's own process, at the first
 * address of the node's pods; internalTrafficPolicy Local makes each pod ask its own node. A node's part of the pod range
 * decides which slice it stands in, so each slice is a key of its own that reads only its nodes.
 */
export function clusterDnsController(options: ClusterDnsOptions): ControllerDefinition {
  return defineController({
    name: "cluster-dns",
    watches: {
      also: [
        also(Nodes, (node, _cache, old) => (old?.spec.podCIDR === node.spec.podCIDR ? [] : slicesOf(node, old))),
        also(Services, (service) => (isOurs(service) ? [serviceKey] : [])),
        also(EndpointSlices, (slice) => (isOurs(slice) ? [keyOf(slice)] : [])),
      ],
    },
    indexes: [{ resource: Nodes, name: nodesBySlice, values: (node: Node) => slicesOf(node) }],
    start(_context, enqueue) {
      enqueue(serviceKey);
    },
    async reconcile({ client, cache }, key) {
      if (key === serviceKey) {
        if (!cache.get(Services, key)) await client.create(Services, kubeDnsService(options.address));
        // Of the time when one slice held all nodes.
        if (cache.get(EndpointSlices, key)) await client.delete(EndpointSlices, { namespace, name });
        return;
      }
      const endpoints = dnsEndpoints(cache.byIndex(Nodes, nodesBySlice, key));
      const slice = cache.get(EndpointSlices, key);
      if (!slice) {
        if (endpoints.length > 0) await client.create(EndpointSlices, kubeDnsSlice(key, endpoints));
      } else if (endpoints.length === 0) {
        await client.delete(EndpointSlices, { namespace, name: slice.metadata.name });
      } else if (!deepEqual(slice.endpoints ?? [], endpoints)) {
        await client.update(EndpointSlices, { ...slice, endpoints });
      }
    },
  });
}

/** The keys of the slices that the node stands in or stood in: none before it has its part of the pod range. */
function slicesOf(...states: readonly (Node | undefined)[]): string[] {
  return states.flatMap((node) => {
    const range = parseRange(node?.spec.podCIDR ?? "");
    if (!range) return [];
    const nodeNumber = Math.floor(range.base / rangeSize(range));
    return [`${namespace}/${name}-${Math.floor(nodeNumber / nodesPerSlice)}`];
  });
}

function isOurs({ metadata }: Service | EndpointSlice): boolean {
  return (
    metadata.namespace === namespace && (metadata.name === name || metadata.labels?.[sliceManagedByLabel] === managedBy)
  );
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

function dnsEndpoints(nodes: readonly Node[]): Endpoint[] {
  return nodes.flatMap((node) => {
    const range = parseRange(node.spec.podCIDR ?? "");
    const conditions = { ready: true, serving: true, terminating: false };
    return range ? [{ addresses: [addressAt(range, 1)], nodeName: node.metadata.name, conditions }] : [];
  });
}

function kubeDnsSlice(key: string, endpoints: readonly Endpoint[]): NewObject<EndpointSlice> {
  return {
    metadata: { ...splitKey(key), labels: { [serviceNameLabel]: name, [sliceManagedByLabel]: managedBy } },
    addressType: "IPv4",
    endpoints,
    ports: [
      { name: "dns", port: dnsPort, protocol: "UDP" },
      { name: "dns-tcp", port: dnsPort, protocol: "TCP" },
    ],
  };
}
