// Which Endpoints a Service shall have: pkg/controller/endpoint/endpoints_controller.go.
import {
  type EndpointAddress,
  type EndpointPort,
  type EndpointSubset,
  isPodReady,
  type Pod,
  type Service,
} from "../api/index.ts";
import {
  addressIn,
  hasEndpoint,
  headlessLabel,
  hostnameIn,
  ipFamiliesOf,
  isHeadless,
  podReference,
  targetPort,
} from "./service-endpoints.ts";

export const managedByLabel = "endpoints.kubernetes.io/managed-by";
export const managedBy = "endpoint-controller";
/** "truncated" on Endpoints that hold only a part of the addresses. */
export const overCapacityAnnotation = "endpoints.kubernetes.io/over-capacity";
const addressesMax = 1000;

export interface EndpointsPlan {
  readonly subsets: readonly EndpointSubset[];
  readonly labels: Readonly<Record<string, string>>;
  readonly isTruncated: boolean;
}

interface Found {
  readonly address: EndpointAddress;
  readonly ports: readonly EndpointPort[];
  readonly ready: boolean;
}

export function planEndpoints(service: Service, pods: readonly Pod[]): EndpointsPlan {
  const found = pods.flatMap((pod) => find(service, pod) ?? []);
  // Ready ones first, so that it is the others that a full object lacks.
  found.sort((a, b) => Number(b.ready) - Number(a.ready) || compareText(a.address.ip, b.address.ip));
  return {
    subsets: subsetsOf(found.slice(0, addressesMax)),
    labels: labelsOf(service),
    isTruncated: found.length > addressesMax,
  };
}

function find(service: Service, pod: Pod): Found | undefined {
  const publishesAll = service.spec.publishNotReadyAddresses === true;
  if (!hasEndpoint(pod) || (pod.metadata.deletionTimestamp !== undefined && !publishesAll)) return undefined;
  const ip = addressIn(ipFamiliesOf(service)[0] ?? "IPv4", pod);
  if (ip === undefined) return undefined;
  const servicePorts = service.spec.ports ?? [];
  const ports = servicePorts.flatMap((each) => {
    const port = targetPort(pod, each);
    if (port === undefined) return [];
    const { name, protocol = "TCP", appProtocol } = each;
    return [
      {
        ...(name ? { name } : {}),
        port,
        protocol,
        ...(appProtocol === undefined ? {} : { appProtocol }),
      },
    ];
  });
  // Only headless services have no ports; of the others a pod without the ports serves nothing.
  if (ports.length === 0 && servicePorts.length > 0) return undefined;
  const { nodeName } = pod.spec;
  const hostname = hostnameIn(service, pod);
  const address = {
    ...(hostname === undefined ? {} : { hostname }),
    ip,
    ...(nodeName === undefined ? {} : { nodeName }),
    targetRef: podReference(pod),
  };
  return { address, ports, ready: publishesAll || isPodReady(pod) };
}

/** One subset for all addresses that have the same ports. */
function subsetsOf(found: readonly Found[]): readonly EndpointSubset[] {
  const groups = new Map<string, Found[]>();
  for (const each of found) {
    const key = JSON.stringify(each.ports);
    const group = groups.get(key);
    if (group) group.push(each);
    else groups.set(key, [each]);
  }
  return [...groups]
    .sort(([a], [b]) => compareText(a, b))
    .map(([, group]): EndpointSubset => {
      const ports = group[0]?.ports ?? [];
      const ready = group.filter((each) => each.ready).map(({ address }) => address);
      const notReady = group.filter((each) => !each.ready).map(({ address }) => address);
      return {
        ...(ready.length === 0 ? {} : { addresses: ready }),
        ...(notReady.length === 0 ? {} : { notReadyAddresses: notReady }),
        ...(ports.length === 0 ? {} : { ports }),
      };
    });
}

function labelsOf(service: Service): Readonly<Record<string, string>> {
  const { [headlessLabel]: _headless, ...own } = service.metadata.labels ?? {};
  return { ...own, [managedByLabel]: managedBy, ...(isHeadless(service) ? { [headlessLabel]: "" } : {}) };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
