import { append, deepEqual } from "../../lib/index.ts";
import { ageColumn, nameColumn } from "../columns.ts";
import { eachItem, invalidFor, requiredEnum } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { type Path, required, rootPath } from "../meta/field-error.ts";
import { ipWarnings, isIp } from "../meta/ip.ts";
import { isDns1123Label, isDns1123Subdomain, isPortNumber, isQualifiedName } from "../meta/names.ts";
import { defineResource } from "../resource.ts";
import type { EndpointAddress, EndpointPort, EndpointSubset, Endpoints } from "../types.generated.ts";
import { portProtocols, validateNonSpecialIp } from "./service-validation.ts";

/** Endpoints with this label are not mirrored to EndpointSlices. */
export const skipMirrorLabel = "endpointslice.kubernetes.io/skip-mirror";

export const EndpointsResource = defineResource<Endpoints>({
  group: "",
  version: "v1",
  kind: "Endpoints",
  plural: "endpoints",
  shortNames: ["ep"],
  columns: [nameColumn, { name: "Endpoints", type: "string", of: endpointsCell }, ageColumn],
  allowsCreateOnUpdate: true,
  defaults: (endpoints) => {
    for (const subset of endpoints.subsets ?? []) for (const port of subset.ports ?? []) port.protocol ||= "TCP";
  },
  validateCreate: ({ subsets }, at) => eachItem(at.child("subsets"), subsets, validateSubset),
  // Subsets that were accepted once stay accepted.
  validateUpdate: ({ subsets }, old, at) =>
    deepEqual(subsets ?? [], old.subsets ?? []) ? [] : eachItem(at.child("subsets"), subsets, validateSubset),
  warnings: ({ subsets = [] }) =>
    subsets.flatMap((subset, index) =>
      (["addresses", "notReadyAddresses"] as const).flatMap((field) =>
        (subset[field] ?? []).flatMap(({ ip = "" }, number) =>
          ipWarnings(rootPath.child("subsets").index(index).child(field).index(number).child("ip"), ip),
        ),
      ),
    ),
});

function endpointsCell({ subsets }: Endpoints): string {
  if (!subsets?.length) return "<none>";
  const all = subsets.flatMap(({ addresses = [], ports = [] }) => {
    const hosts = addresses.map(({ ip = "" }) => ip);
    if (ports.length === 0) return hosts;
    return ports.flatMap(({ port }) => hosts.map((ip) => (ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`)));
  });
  const shown = all.slice(0, 3).join(",");
  return all.length > 3 ? `${shown} + ${all.length - 3} more...` : shown;
}

function validateSubset({ addresses, notReadyAddresses, ports }: EndpointSubset, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (!addresses?.length && !notReadyAddresses?.length)
    errors.push(required(at, "must specify `addresses` or `notReadyAddresses`"));
  const needsName = (ports ?? []).length > 1;
  append(
    errors,
    eachItem(at.child("addresses"), addresses, validateAddress),
    eachItem(at.child("notReadyAddresses"), notReadyAddresses, validateAddress),
    eachItem(at.child("ports"), ports, (port, place) => validatePort(port, place, needsName)),
  );
  return errors;
}

function validateAddress({ ip = "", hostname, nodeName }: EndpointAddress, at: Path): FieldError[] {
  const errors = invalidFor(at.child("ip"), ip, isIp(ip));
  if (hostname) append(errors, invalidFor(at.child("hostname"), hostname, isDns1123Label(hostname)));
  if (nodeName !== undefined) append(errors, invalidFor(at.child("nodeName"), nodeName, isDns1123Subdomain(nodeName)));
  return [...errors, ...validateNonSpecialIp(at.child("ip"), ip)];
}

function validatePort({ name, port, protocol, appProtocol }: EndpointPort, at: Path, needsName: boolean): FieldError[] {
  const errors: FieldError[] = [];
  if (name) append(errors, invalidFor(at.child("name"), name, isDns1123Label(name)));
  else if (needsName) errors.push(required(at.child("name")));
  append(
    errors,
    invalidFor(at.child("port"), port ?? 0, isPortNumber(port ?? 0)),
    requiredEnum(at.child("protocol"), protocol, portProtocols),
  );
  if (appProtocol !== undefined)
    append(errors, invalidFor(at.child("appProtocol"), appProtocol, isQualifiedName(appProtocol)));
  return errors;
}
