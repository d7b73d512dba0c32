import { EndpointSlices, Namespaces, Services, serviceNameLabel } from "../../api/index.ts";
import type { InformerSet } from "../../client/index.ts";
import type { DnsView } from "./records.ts";

const serviceAddressIndex = "dns.address";
const sliceAddressIndex = "dns.address";
const sliceServiceIndex = "dns.service";

/** What the DNS server reads, from the informers of its process. */
export function dnsViewOf(informers: InformerSet, domain: string): DnsView {
  const services = informers.informer(Services);
  services.addIndex(serviceAddressIndex, (service) => service.spec.clusterIPs ?? []);
  const slices = informers.informer(EndpointSlices);
  slices.addIndex(sliceAddressIndex, (slice) => (slice.endpoints ?? []).flatMap((each) => each.addresses));
  slices.addIndex(sliceServiceIndex, (slice) => [
    `${slice.metadata.namespace}/${slice.metadata.labels?.[serviceNameLabel]}`,
  ]);
  const namespaces = informers.informer(Namespaces);
  return {
    domain,
    service: (namespace, name) => services.get(`${namespace}/${name}`),
    endpointSlices: (namespace, service) => slices.byIndex(sliceServiceIndex, `${namespace}/${service}`),
    serviceByAddress: (address) => services.byIndex(serviceAddressIndex, address)[0],
    slicesByAddress: (address) => slices.byIndex(sliceAddressIndex, address),
    namespaceExists: (namespace) => namespaces.get(namespace) !== undefined,
  };
}
