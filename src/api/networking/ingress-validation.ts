// What an Ingress may be: k8s.io/kubernetes/pkg/apis/networking/validation/validation.go.
import { append } from "../../lib/index.ts";
import { eachItem, invalidFor, requiredField } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { invalidValue, notSupported, type Path, required } from "../meta/field-error.ts";
import { isIp, parseIp } from "../meta/ip.ts";
import {
  isDns1123Subdomain,
  isPathSegmentName,
  isPortName,
  isPortNumber,
  isWildcardDns1123Subdomain,
  nameIsDns1035Label,
} from "../meta/names.ts";
import type {
  HTTPIngressPath,
  IngressBackend,
  IngressRule,
  IngressServiceBackend,
  IngressSpec,
  IngressStatus,
  IngressTLS,
  TypedLocalObjectReference,
} from "../types.generated.ts";

const wrongSequences = ["//", "/./", "/../", "%2f", "%2F"];
const wrongSuffixes = ["/..", "/."];
const notAnIp = "must be a DNS name, not an IP address";

export function validateIngressSpec(spec: IngressSpec, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const { rules = [], defaultBackend, ingressClassName } = spec;
  if (rules.length === 0 && !defaultBackend)
    errors.push(invalidValue(at, spec.rules ?? null, "either `defaultBackend` or `rules` must be specified"));
  if (defaultBackend) append(errors, validateBackend(defaultBackend, at.child("defaultBackend")));
  append(errors, eachItem(at.child("rules"), rules, validateRule), eachItem(at.child("tls"), spec.tls, validateTls));
  if (ingressClassName !== undefined)
    append(errors, invalidFor(at.child("ingressClassName"), ingressClassName, isDns1123Subdomain(ingressClassName)));
  return errors;
}

function isHostPattern(host: string): string[] {
  return host.includes("*") ? isWildcardDns1123Subdomain(host) : isDns1123Subdomain(host);
}

function validateTls({ hosts, secretName }: IngressTLS, at: Path): FieldError[] {
  const errors = eachItem(at.child("hosts"), hosts, (host, place) => invalidFor(place, host, isHostPattern(host)));
  if (secretName) append(errors, invalidFor(at.child("secretName"), secretName, isDns1123Subdomain(secretName)));
  return errors;
}

function validateRule({ host, http }: IngressRule, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (host) {
    if (parseIp(host)) errors.push(invalidValue(at.child("host"), host, notAnIp));
    append(errors, invalidFor(at.child("host"), host, isHostPattern(host)));
  }
  if (!http) return errors;
  const pathsAt = at.child("http", "paths");
  return [...errors, ...requiredField(pathsAt, http.paths), ...eachItem(pathsAt, http.paths, validatePath)];
}

function validatePath({ path = "", pathType, backend }: HTTPIngressPath, at: Path): FieldError[] {
  if (pathType === undefined) return [required(at.child("pathType"), "pathType must be specified")];
  const pathAt = at.child("path");
  const errors: FieldError[] = [];
  const isAbsolute = path.startsWith("/");
  switch (pathType) {
    case "Exact":
    case "Prefix":
      if (!isAbsolute) errors.push(invalidValue(pathAt, path, "must be an absolute path"));
      for (const sequence of wrongSequences)
        if (path.includes(sequence)) errors.push(invalidValue(pathAt, path, `must not contain '${sequence}'`));
      for (const suffix of wrongSuffixes)
        if (path.endsWith(suffix)) errors.push(invalidValue(pathAt, path, `cannot end with '${suffix}'`));
      break;
    case "ImplementationSpecific":
      if (path !== "" && !isAbsolute) errors.push(invalidValue(pathAt, path, "must be an absolute path"));
      break;
    default:
      errors.push(notSupported(at.child("pathType"), pathType, ["Exact", "ImplementationSpecific", "Prefix"]));
  }
  return [...errors, ...validateBackend(backend ?? {}, at.child("backend"))];
}

function validateBackend({ resource, service }: IngressBackend, at: Path): FieldError[] {
  if (resource && service) return [invalidValue(at, "", "cannot set both resource and service backends")];
  if (resource) return validateReference(resource, at.child("resource"));
  return service
    ? validateServiceBackend(service, at)
    : [invalidValue(at, "", "resource or service backend is required")];
}

function validateServiceBackend({ name = "", port = {} }: IngressServiceBackend, at: Path): FieldError[] {
  const place = at.child("service");
  const errors = requiredField(place.child("name"), name);
  if (name !== "") append(errors, invalidFor(place.child("name"), name, nameIsDns1035Label(name, false)));
  if (port.name && port.number) errors.push(invalidValue(at, "", "cannot set both port name & port number"));
  else if (port.name) append(errors, invalidFor(place.child("port", "name"), port.name, isPortName(port.name)));
  else if (port.number)
    append(errors, invalidFor(place.child("port", "number"), port.number, isPortNumber(port.number)));
  else errors.push(required(at, "port name or number is required"));
  return errors;
}

/** A reference to an object of any kind by its name. */
export function validateReference(
  { apiGroup, kind = "", name = "" }: Partial<TypedLocalObjectReference>,
  at: Path,
): FieldError[] {
  const errors: FieldError[] = [];
  if (typeof apiGroup === "string")
    append(errors, invalidFor(at.child("apiGroup"), apiGroup, isDns1123Subdomain(apiGroup)));
  const named = { kind, name };
  for (const field of ["kind", "name"] as const) {
    const value = named[field];
    append(errors, requiredField(at.child(field), value, `${field} is required`));
    if (value !== "") append(errors, invalidFor(at.child(field), value, isPathSegmentName(value)));
  }
  return errors;
}

export function validateIngressStatus({ loadBalancer }: IngressStatus, at: Path): FieldError[] {
  return eachItem(at.child("ingress"), loadBalancer?.ingress, ({ ip, hostname }, place) => {
    const errors = ip ? invalidFor(place.child("ip"), ip, isIp(ip)) : [];
    if (!hostname) return errors;
    append(errors, invalidFor(place.child("hostname"), hostname, isDns1123Subdomain(hostname)));
    if (parseIp(hostname)) errors.push(invalidValue(place.child("hostname"), hostname, notAnIp));
    return errors;
  });
}
