// What was given to a claim, and to whom: k8s.io/kubernetes/pkg/apis/resource/validation/validation.go,
// ValidateResourceClaimStatusUpdate and its parts.
import { append, deepEqual, exceedsBytes } from "../../lib/index.ts";
import { validateConditions } from "../conditions.ts";
import { validateNodeSelector } from "../core/affinity-validation.ts";
import { validateCsiDriverName } from "../core/volume-sources.ts";
import { invalidFor, requiredEnum, requiredField } from "../field-rules.ts";
import { shownAs } from "../go-value.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, invalidValue, type Path, tooLong, tooMany } from "../meta/field-error.ts";
import { formatIp, parseCidr } from "../meta/ip.ts";
import { isDns1123Label } from "../meta/names.ts";
import { immutableField } from "../meta/object-meta.ts";
import type {
  AllocatedDeviceStatus,
  AllocationResult,
  NetworkDeviceData,
  ResourceClaimStatus,
  ResourceResourceClaim,
} from "../types.generated.ts";
import { requestNames, validateRequestReference, validateRequestReferences } from "./device-claim.ts";
import {
  boundedList,
  boundedSet,
  deviceListMax,
  validateOpaque,
  validatePoolName,
  validateRawObject,
} from "./device-rules.ts";

const consumersMax = 256;
const deviceConditionsMax = 8;
const deviceDataBytesMax = 10 * 1024;
const deviceAddressesMax = 16;
const interfaceNameBytesMax = 256;
const hardwareAddressBytesMax = 128;

interface DeviceId {
  readonly driver: string;
  readonly pool: string;
  readonly device: string;
}

export function deviceKey({ driver, pool, device }: DeviceId): string {
  return `${driver}/${pool}/${device}`;
}

export function validateClaimStatusUpdate(
  next: ResourceResourceClaim,
  old: ResourceResourceClaim,
  root: Path,
): FieldError[] {
  const at = root.child("status");
  const { allocation, reservedFor, devices } = next.status;
  const allocated = new Set((allocation?.devices?.results ?? []).map(deviceKey));
  const isDeleted = next.metadata.deletionTimestamp !== undefined;
  return [
    ...boundedSet(
      at.child("reservedFor"),
      reservedFor,
      consumersMax,
      ({ uid = "" }) => uid,
      (consumer, place) =>
        (["resource", "name", "uid"] as const).flatMap((field) => requiredField(place.child(field), consumer[field])),
    ),
    ...boundedSet(at.child("devices"), devices, Number.POSITIVE_INFINITY, deviceKey, (device, place) =>
      validateDeviceStatus(device, allocated, place),
    ),
    ...validateReservations(next.status, old.status, isDeleted, at.child("reservedFor")),
    ...(allocation && old.status.allocation
      ? immutableField(
          at.child("allocation"),
          allocation,
          old.status.allocation,
          shownAs("io.k8s.api.resource.v1.AllocationResult"),
        )
      : []),
    ...(allocation && !old.status.allocation
      ? validateAllocation(allocation, requestNames(next.spec.devices ?? {}), at.child("allocation"))
      : []),
  ];
}

function validateReservations(
  { reservedFor = [], allocation }: ResourceClaimStatus,
  old: ResourceClaimStatus,
  isDeleted: boolean,
  at: Path,
): FieldError[] {
  if (reservedFor.length === 0) return [];
  if (!allocation) return [forbiddenField(at, "may not be specified when `allocated` is not set")];
  const isNew = (consumer: object) => !(old.reservedFor ?? []).some((before) => deepEqual(before, consumer));
  if (!isDeleted || !reservedFor.some(isNew)) return [];
  return [
    forbiddenField(at, "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set"),
  ];
}

function validateAllocation(
  { devices = {}, nodeSelector }: AllocationResult,
  names: ReadonlySet<string>,
  root: Path,
): FieldError[] {
  const at = root.child("devices");
  return [
    ...boundedList(at.child("results"), devices.results, deviceListMax, (result, place) => [
      ...validateRequestReference(result.request ?? "", names, place.child("request")),
      ...validateDeviceId(result, place),
    ]),
    // Those of the claim and those of the classes.
    ...boundedList(at.child("config"), devices.config, 2 * deviceListMax, ({ source, requests, opaque }, place) => [
      ...requiredEnum(place.child("source"), source, ["FromClaim", "FromClass"]),
      ...validateRequestReferences(requests, names, place.child("requests")),
      ...validateOpaque(opaque, place),
    ]),
    ...(nodeSelector ? validateNodeSelector(nodeSelector, root.child("nodeSelector")) : []),
  ];
}

function validateDeviceId({ driver = "", pool = "", device = "" }: DeviceId, at: Path): FieldError[] {
  return [
    ...validateCsiDriverName(at.child("driver"), driver),
    ...validatePoolName(pool, at.child("pool")),
    ...invalidFor(at.child("device"), device, isDns1123Label(device)),
  ];
}

function validateDeviceStatus(status: AllocatedDeviceStatus, allocated: ReadonlySet<string>, at: Path): FieldError[] {
  const { conditions, data, networkData = {} } = status;
  const errors = validateDeviceId(status, at);
  const key = deviceKey(status);
  if (!allocated.has(key)) errors.push(invalidValue(at, key, "must be an allocated device in the claim"));
  const conditionsAt = at.child("conditions");
  const count = conditions?.length ?? 0;
  if (count > deviceConditionsMax) errors.push(tooMany(conditionsAt, count, deviceConditionsMax));
  return [
    ...errors,
    ...validateConditions(conditionsAt, conditions),
    ...(data === undefined ? [] : validateRawObject(data, deviceDataBytesMax, at.child("data"))),
    ...validateNetworkData(networkData, at.child("networkData")),
  ];
}

function validateNetworkData(
  { interfaceName = "", hardwareAddress = "", ips }: NetworkDeviceData,
  at: Path,
): FieldError[] {
  const errors: FieldError[] = [];
  if (exceedsBytes(interfaceNameBytesMax, interfaceName))
    errors.push(tooLong(at.child("interfaceName"), interfaceNameBytesMax));
  if (exceedsBytes(hardwareAddressBytesMax, hardwareAddress))
    errors.push(tooLong(at.child("hardwareAddress"), hardwareAddressBytesMax));
  append(
    errors,
    boundedSet(at.child("ips"), ips, deviceAddressesMax, (ip) => ip, validateInterfaceAddress),
  );
  return errors;
}

/** An address of a host with the length of its network's prefix, in the form that is written back. */
function validateInterfaceAddress(text: string, at: Path): FieldError[] {
  const cidr = parseCidr(text);
  if (!cidr)
    return [invalidValue(at, text, "must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)")];
  const canonical = `${formatIp(cidr.address)}/${cidr.prefixLength}`;
  return text === canonical ? [] : [invalidValue(at, text, `must be in canonical form ("${canonical}")`)];
}
