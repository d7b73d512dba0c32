// What an EndpointSlice may be: k8s.io/kubernetes/pkg/apis/discovery/validation/validation.go.
import { append, type Draft, deepEqual } from "../../lib/index.ts";
import { ageColumn, firstThree, nameColumn } from "../columns.ts";
import { portProtocols, validateNonSpecialIp } from "../core/service-validation.ts";
import { eachItem, invalidFor, requiredEnum } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { duplicate, invalidValue, type Path, required, rootPath, tooMany } from "../meta/field-error.ts";
import { ipWarnings, isIpv4, isIpv6 } from "../meta/ip.ts";
import { validateLabels } from "../meta/label-selector.ts";
import { isDns1123Label, isDns1123Subdomain, isLabelValue, isQualifiedName } from "../meta/names.ts";
import { immutableFields } from "../meta/object-meta.ts";
import { defineResource } from "../resource.ts";
import type { DiscoveryEndpointPort, Endpoint, EndpointHints, EndpointSlice } from "../types.generated.ts";

/** The label by which the service of an EndpointSlice is found. */
export const serviceNameLabel = "kubernetes.io/service-name";
export const sliceManagedByLabel = "endpointslice.kubernetes.io/managed-by";

const addressTypes = ["FQDN", "IPv4", "IPv6"];
const endpointsMax = 1000;
const addressesMax = 100;
const portsMax = 20_000;
const topologyLabelsMax = 16;
const hintsMax = 8;

export const EndpointSlices = defineResource<EndpointSlice>({
  group: "discovery.k8s.io",
  version: "v1",
  kind: "EndpointSlice",
  plural: "endpointslices",
  columns: [
    nameColumn,
    { name: "AddressType", type: "string", of: (slice) => slice.addressType },
    { name: "Ports", type: "string", of: ({ ports }) => firstThree((ports ?? []).map(portCell), "<unset>") },
    {
      name: "Endpoints",
      type: "string",
      of: ({ endpoints }) =>
        firstThree(
          (endpoints ?? []).flatMap(({ addresses }) => addresses),
          "<unset>",
        ),
    },
    ageColumn,
  ],
  hasGeneration: true,
  isNewGeneration: ({ metadata }, old, changed) =>
    changed || !deepEqual(metadata.labels ?? {}, old.metadata.labels ?? {}),
  prepareForCreate: (slice) => dropTopology(slice, undefined),
  prepareForUpdate: dropTopology,
  defaults: (slice) => {
    for (const port of slice.ports ?? []) {
      port.name ??= "";
      port.protocol ??= "TCP";
    }
  },
  validate: (slice, at) => [
    ...requiredEnum(at.child("addressType"), slice.addressType, addressTypes),
    ...validatePorts(slice.ports ?? [], at.child("ports")),
    ...validateEndpoints(slice, at.child("endpoints")),
  ],
  validateUpdate: (next, old, at) => immutableFields(at, next, old, ["addressType"]),
  warnings: ({ addressType, endpoints, metadata }, old) => {
    if (addressType === "FQDN") return old ? [] : ["spec.addressType: FQDN endpoints are deprecated"];
    // Its own controllers write no addresses that are odd.
    if (managers.includes(metadata.labels?.[sliceManagedByLabel] ?? "")) return [];
    return (endpoints ?? []).flatMap(({ addresses = [] }, index) =>
      addresses.flatMap((address, number) =>
        ipWarnings(rootPath.child("endpoints").index(index).child("addresses").index(number), address),
      ),
    );
  },
});

const managers = ["endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io"];

/** The topology of endpoints is of former versions: v1 shows what is there, and takes nothing new. */
function dropTopology(slice: Draft<EndpointSlice>, old: EndpointSlice | undefined): void {
  if (old && deepEqual(slice.endpoints ?? [], old.endpoints ?? [])) return;
  if (!slice.endpoints?.some(({ deprecatedTopology }) => deprecatedTopology)) return;
  slice.endpoints = slice.endpoints.map(({ deprecatedTopology: _, ...endpoint }) => endpoint);
}

function portCell({ port, name }: DiscoveryEndpointPort): string {
  return port === undefined ? (name ?? "*") : String(port);
}

function validatePorts(ports: readonly DiscoveryEndpointPort[], at: Path): FieldError[] {
  if (ports.length > portsMax) return [tooMany(at, ports.length, portsMax)];
  const names = new Set<string>();
  return eachItem(at, ports, ({ name = "", protocol, appProtocol }, place) => {
    const errors = name === "" ? [] : invalidFor(place.child("name"), name, isDns1123Label(name));
    if (names.has(name)) errors.push(duplicate(place.child("name"), name));
    names.add(name);
    append(errors, requiredEnum(place.child("protocol"), protocol, portProtocols));
    if (appProtocol !== undefined)
      append(errors, invalidFor(place.child("appProtocol"), appProtocol, isQualifiedName(appProtocol)));
    return errors;
  });
}

function validateEndpoints({ endpoints: listed, addressType }: EndpointSlice, at: Path): FieldError[] {
  const endpoints = listed ?? [];
  if (endpoints.length > endpointsMax) return [tooMany(at, endpoints.length, endpointsMax)];
  return eachItem(at, endpoints, (endpoint, place) => validateEndpoint(endpoint, addressType, place));
}

function validateEndpoint(endpoint: Endpoint, addressType: string, at: Path): FieldError[] {
  const { addresses = [], nodeName, deprecatedTopology = {}, hostname, hints } = endpoint;
  const addressesAt = at.child("addresses");
  const errors: FieldError[] = [];
  if (addresses.length === 0) errors.push(required(addressesAt, "must contain at least 1 address"));
  if (addresses.length > addressesMax) errors.push(tooMany(addressesAt, addresses.length, addressesMax));
  append(
    errors,
    eachItem(addressesAt, addresses, (address, place) => validateAddress(address, addressType, place)),
  );
  if (nodeName !== undefined) append(errors, invalidFor(at.child("nodeName"), nodeName, isDns1123Subdomain(nodeName)));
  const labels = Object.keys(deprecatedTopology).length;
  const topologyAt = at.child("deprecatedTopology");
  if (labels > topologyLabelsMax) errors.push(tooMany(topologyAt, labels, topologyLabelsMax));
  append(errors, validateLabels(topologyAt, deprecatedTopology));
  if (hostname !== undefined) append(errors, invalidFor(at.child("hostname"), hostname, isDns1123Label(hostname)));
  if (hints) append(errors, validateHints(hints, at.child("hints")));
  return errors;
}

function validateAddress(address: string, addressType: string, at: Path): FieldError[] {
  switch (addressType) {
    case "IPv4":
      return [...invalidFor(at, address, isIpv4(address)), ...validateNonSpecialIp(at, address)];
    case "IPv6":
      return [...invalidFor(at, address, isIpv6(address)), ...validateNonSpecialIp(at, address)];
    case "FQDN":
      return validateFullName(address, at);
    default:
      return [];
  }
}

/** A name of a host with its domain: `node.example.com`. */
function validateFullName(name: string, at: Path): FieldError[] {
  if (name === "") return [required(at)];
  const domain = name.replace(/\.$/, "");
  const wrong = isDns1123Subdomain(domain);
  if (wrong.length > 0) return [invalidValue(at, domain, wrong.join(","))];
  const labels = domain.split(".");
  if (labels.length < 2)
    return [invalidValue(at, domain, "should be a domain with at least two segments separated by dots")];
  const label = labels.find((each) => isDns1123Label(each).length > 0);
  return label === undefined ? [] : [invalidValue(at, label, isDns1123Label(label).join(","))];
}

function validateHints({ forZones = [], forNodes = [] }: EndpointHints, at: Path): FieldError[] {
  return [
    ...validateHintNames(forZones, isLabelValue, at.child("forZones")),
    ...validateHintNames(forNodes, isDns1123Subdomain, at.child("forNodes")),
  ];
}

function validateHintNames(
  hints: readonly { readonly name: string }[],
  isName: (name: string) => string[],
  at: Path,
): FieldError[] {
  if (hints.length > hintsMax) return [tooMany(at, hints.length, hintsMax)];
  const names = new Set<string>();
  return eachItem(at, hints, ({ name = "" }, place) => {
    const errors = names.has(name) ? [duplicate(place.child("name"), name)] : [];
    names.add(name);
    append(errors, invalidFor(place.child("name"), name, isName(name)));
    return errors;
  });
}
