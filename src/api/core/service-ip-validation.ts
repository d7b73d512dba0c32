// What the cluster IPs and address families of a Service may be, and how they may change:
// ValidateServiceClusterIPsRelatedFields and validateUpgradeDowngrade… of k8s.io/kubernetes/pkg/apis/core/validation.
import { append } from "../../lib/index.ts";
import { eachItem, invalidFor, optionalEnum } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { duplicate, invalidValue, type Path, required } from "../meta/field-error.ts";
import { isIp, parseIp } from "../meta/ip.ts";
import type { Service } from "../types.generated.ts";
import { isHeadless } from "./service-type.ts";

const familyPolicies = ["PreferDualStack", "RequireDualStack", "SingleStack"];

export function validateClusterIpFields(service: Service, at: Path): FieldError[] {
  const { spec } = service;
  if (spec.type === "ExternalName") return [];
  const errors: FieldError[] = [];
  const ips = spec.clusterIPs ?? [];
  const ipsAt = at.child("clusterIPs");
  if (spec.clusterIP) {
    if (ips.length === 0) errors.push(required(ipsAt));
    else if (ips[0] !== spec.clusterIP) errors.push(invalidValue(ipsAt, ips, "first value must match `clusterIP`"));
  } else if (ips.length > 0) errors.push(invalidValue(ipsAt, ips, "must be empty when `clusterIP` is not specified"));

  const seen = new Set<string>();
  append(
    errors,
    eachItem(at.child("ipFamilies"), spec.ipFamilies, (family, place) => {
      const wrong = optionalEnum(place, family, ["IPv4", "IPv6"]);
      if (seen.has(family)) wrong.push(duplicate(place, family));
      seen.add(family);
      return wrong;
    }),
    optionalEnum(at.child("ipFamilyPolicy"), spec.ipFamilyPolicy, familyPolicies),
  );

  const wrongIps = eachItem(ipsAt, ips, (ip, place, index) => {
    if (index > 0 || ip !== "None") return invalidFor(place, ip, isIp(ip));
    return ips.length > 1 ? [invalidValue(ipsAt, ips, "'None' must be the first and only value")] : [];
  });
  append(errors, wrongIps);
  if (ips.length > 2) errors.push(invalidValue(ipsAt, ips, "may only hold up to 2 values"));
  // The other rules compare addresses, which these are not.
  if (wrongIps.length > 0) return errors;

  const families = ips.map((ip) => parseIp(ip)?.family);
  if (ips.length > 1 && new Set(families).size < 2)
    errors.push(invalidValue(ipsAt, ips, "may specify no more than one IP for each IP family"));
  if (isHeadless(service)) return errors;
  for (const [index, family] of families.entries()) {
    const expected = spec.ipFamilies?.[index];
    if (family === undefined || expected === undefined || expected === `IPv${family}`) continue;
    const detail = `expected an ${expected} value as indicated by \`ipFamilies[${index}]\``;
    errors.push(invalidValue(ipsAt.index(index), ips[index], detail));
  }
  return errors;
}

const unchangeable = "may not change once set";

export function validateClusterIpChange(next: Service, old: Service, at: Path): FieldError[] {
  if (next.spec.type === "ExternalName" || old.spec.type === "ExternalName") return [];
  if (isHeadless(next) && isHeadless(old)) return [];
  const ips = next.spec.clusterIPs ?? [];
  const before = old.spec.clusterIPs ?? [];
  const place = at.child("clusterIPs");
  if (ips.length === before.length)
    return eachItem(place, before, (ip, item, index) =>
      ip === ips[index] ? [] : [invalidValue(item, ips, unchangeable)],
    );
  const errors: FieldError[] = [];
  if (ips.length === 0) errors.push(invalidValue(place.index(0), ips, "primary clusterIP can not be unset"));
  else if (before.length > 0 && ips[0] !== before[0]) errors.push(invalidValue(place.index(0), ips, unchangeable));
  if (ips.length === 1 && before.length > 1)
    append(errors, mustBeSingleStack(next, at, "releasing the secondary clusterIP"));
  return errors;
}

export function validateIpFamilyChange(next: Service, old: Service, at: Path): FieldError[] {
  if (next.spec.type === "ExternalName" || old.spec.type === "ExternalName") return [];
  // A service that is or becomes headless may choose anew.
  if (isHeadless(next) !== isHeadless(old) || isHeadless(next)) return [];
  const families = next.spec.ipFamilies ?? [];
  const before = old.spec.ipFamilies ?? [];
  const place = at.child("ipFamilies").index(0);
  if (families.length === before.length)
    return before.flatMap((family, index) =>
      family === families[index] ? [] : [invalidValue(place, families, unchangeable)],
    );
  const errors: FieldError[] = [];
  if (families.length > 0 && before.length > 0 && families[0] !== before[0])
    errors.push(invalidValue(place, families, unchangeable));
  if (families.length === 1 && before.length > 1)
    append(errors, mustBeSingleStack(next, at, "releasing the secondary ipFamily"));
  return errors;
}

function mustBeSingleStack({ spec }: Service, at: Path, when: string): FieldError[] {
  if (spec.ipFamilyPolicy === "SingleStack") return [];
  return [invalidValue(at.child("ipFamilyPolicy"), spec.ipFamilyPolicy, `must be set to 'SingleStack' when ${when}`)];
}
