// Which Endpoints a Service shall have: pkg/controller/endpoint/endpoints_controller.go.
import { type EndpointAddress, type EndpointSubset, isPodReady, type Pod, type Service } from "../api/index.ts";
import { compareText } from "../lib/index.ts";
import { type FoundEndpoint, subsetsOf } from "./endpoint-subsets.ts";
import {
  addressIn,
  hasEndpoint,
  hostnameIn,
  ipFamiliesOf,
  labelsOfEndpoints,
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

export function planEndpoints(service: Service, pods: readonly Pod[]): EndpointsPlan {
  const found = pods.flatMap((pod) => find(service, pod) ?? []);
  found.sort((a, b) => compareText(a.address.ip, b.address.ip) || compareText(uidOf(a), uidOf(b)));
  const subsets = subsetsOf(found).sort((a, b) => compareText(JSON.stringify(a.ports), JSON.stringify(b.ports)));
  const kept = truncated(subsets);
  return {
    subsets: kept ?? subsets,
    labels: { ...labelsOfEndpoints(service), [managedByLabel]: managedBy },
    isTruncated: kept !== undefined,
  };
}

const uidOf = ({ address }: FoundEndpoint) => address.targetRef?.uid ?? "";

function find(service: Service, pod: Pod): FoundEndpoint | undefined {
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

/** No more than an object may hold, each subset cut by its part of the whole, of which the ready ones stay first. */
function truncated(subsets: readonly EndpointSubset[]): readonly EndpointSubset[] | undefined {
  const sum = (of: (subset: EndpointSubset) => readonly unknown[] | undefined) =>
    subsets.reduce((total, subset) => total + (of(subset)?.length ?? 0), 0);
  const ready = sum(({ addresses }) => addresses);
  const notReady = sum(({ notReadyAddresses }) => notReadyAddresses);
  if (ready + notReady <= addressesMax) return undefined;
  const cutsReady = ready > addressesMax;
  const room = cutsReady ? addressesMax : addressesMax - ready;
  let left = room;
  const cut = (addresses: readonly EndpointAddress[] = []) => {
    const share = Math.min(left, Math.ceil((addresses.length / (cutsReady ? ready : notReady)) * room));
    left -= share;
    return addresses.slice(0, share);
  };
  return subsets.map(({ addresses = [], notReadyAddresses, ...rest }) => {
    const keptReady = cutsReady ? cut(addresses) : addresses;
    const keptNotReady = cutsReady ? [] : cut(notReadyAddresses);
    return {
      ...(keptReady.length === 0 ? {} : { addresses: keptReady }),
      ...(keptNotReady.length === 0 ? {} : { notReadyAddresses: keptNotReady }),
      ...rest,
    };
  });
}
