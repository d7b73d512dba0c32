// What a Service may be: k8s.io/kubernetes/pkg/apis/core/validation/validation.go, ValidateService and its parts.
import { append } from "../../lib/index.ts";
import { eachItem, invalidFor, optionalEnum, requiredEnum } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { duplicate, forbiddenField, invalidValue, notSupported, type Path, required } from "../meta/field-error.ts";
import { type IpAddress, isCidr, isIp, parseIp } from "../meta/ip.ts";
import { validateLabels } from "../meta/label-selector.ts";
import { isDns1123Label, isDns1123Subdomain, isPortNumber, isQualifiedName } from "../meta/names.ts";
import type { LoadBalancerIngress, Service, ServicePort, ServiceSpec } from "../types.generated.ts";
import { validatePortNumberOrName } from "./port.ts";
import { validateClusterIpChange, validateClusterIpFields, validateIpFamilyChange } from "./service-ip-validation.ts";
import { isExternallyAccessible, isHeadless, needsHealthCheckPort } from "./service-type.ts";

export const portProtocols = ["SCTP", "TCP", "UDP"];
const serviceTypes = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const trafficDistributions = ["PreferClose", "PreferSameZone", "PreferSameNode"];
const sourceRangesAnnotation = "service.beta.kubernetes.io/load-balancer-source-ranges";
export const topologyModeAnnotation = "service.kubernetes.io/topology-mode";
export const topologyHintsAnnotation = "service.kubernetes.io/topology-aware-hints";
const affinitySecondsMax = 86_400;
const onlyLoadBalancer = "may only be used when `type` is 'LoadBalancer'";

export function validateService(service: Service, at: Path): FieldError[] {
  const { spec } = service;
  const specAt = at.child("spec");
  return [
    ...validateTopologyAnnotations(service, at),
    ...validateByType(service, specAt),
    ...validatePorts(service, specAt.child("ports")),
    ...validateLabels(specAt.child("selector"), spec.selector),
    ...validateSessionAffinity(spec, specAt),
    ...validateClusterIpFields(service, specAt),
    ...eachItem(specAt.child("externalIPs"), spec.externalIPs, (ip, place) =>
      parseIp(ip) ? validateNonSpecialIp(place, ip) : invalidFor(place, ip, isIp(ip)),
    ),
    ...requiredEnum(specAt.child("type"), spec.type, serviceTypes),
    ...validatePortUniqueness(spec, specAt.child("ports")),
    ...validateSourceRanges(service, at),
    ...validateLoadBalancerFields(spec, specAt),
    ...validateTrafficPolicies(spec, specAt),
  ];
}

function validateTopologyAnnotations({ metadata }: Service, at: Path): FieldError[] {
  const hints = metadata.annotations?.[topologyHintsAnnotation];
  const mode = metadata.annotations?.[topologyModeAnnotation];
  if (mode === undefined || hints === undefined || mode === hints) return [];
  const place = at.child("metadata", "annotations").key(topologyModeAnnotation);
  return [invalidValue(place, mode, `must match annotations[${topologyHintsAnnotation}] when both are specified`)];
}

function validateByType(service: Service, at: Path): FieldError[] {
  const { spec } = service;
  const errors: FieldError[] = [];
  if (!spec.ports?.length && !isHeadless(service) && spec.type !== "ExternalName")
    errors.push(required(at.child("ports")));
  if ((spec.type === "LoadBalancer" || spec.type === "NodePort") && isHeadless(service))
    errors.push(
      invalidValue(at.child("clusterIPs").index(0), "None", `may not be set to 'None' for ${spec.type} services`),
    );
  if (spec.type !== "ExternalName") return errors;
  const notForNames = "may not be set for ExternalName services";
  if (spec.clusterIPs?.length) errors.push(forbiddenField(at.child("clusterIPs"), notForNames));
  if (spec.ipFamilies?.length) errors.push(forbiddenField(at.child("ipFamilies"), notForNames));
  if (spec.ipFamilyPolicy !== undefined) errors.push(forbiddenField(at.child("ipFamilyPolicy"), notForNames));
  const name = (spec.externalName ?? "").replace(/\.$/, "");
  if (name === "") errors.push(required(at.child("externalName")));
  else append(errors, invalidFor(at.child("externalName"), name, isDns1123Subdomain(name)));
  return errors;
}

function validatePorts({ spec }: Service, at: Path): FieldError[] {
  const names = new Set<string>();
  const needsName = (spec.ports ?? []).length > 1;
  return eachItem(at, spec.ports, (port, place) => validatePort(port, place, needsName, names));
}

function validatePort(port: ServicePort, at: Path, needsName: boolean, names: Set<string>): FieldError[] {
  const errors: FieldError[] = [];
  if (!port.name) {
    if (needsName) errors.push(required(at.child("name")));
  } else {
    append(errors, invalidFor(at.child("name"), port.name, isDns1123Label(port.name)));
    if (names.has(port.name)) errors.push(duplicate(at.child("name"), port.name));
    names.add(port.name);
  }
  append(
    errors,
    invalidFor(at.child("port"), port.port ?? 0, isPortNumber(port.port ?? 0)),
    requiredEnum(at.child("protocol"), port.protocol, portProtocols),
    validatePortNumberOrName(at.child("targetPort"), port.targetPort ?? 0),
  );
  if (port.appProtocol !== undefined)
    append(errors, invalidFor(at.child("appProtocol"), port.appProtocol, isQualifiedName(port.appProtocol)));
  return errors;
}

function validatePortUniqueness({ ports, type }: ServiceSpec, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const nodePorts = new Set<string>();
  const servicePorts = new Set<string>();
  if (type === "ClusterIP")
    for (const [index, { nodePort }] of (ports ?? []).entries())
      if (nodePort)
        errors.push(forbiddenField(at.index(index).child("nodePort"), "may not be used when `type` is 'ClusterIP'"));
  for (const [index, { nodePort, protocol }] of (ports ?? []).entries()) {
    if (!nodePort) continue;
    const key = `${protocol}/${nodePort}`;
    if (nodePorts.has(key)) errors.push(duplicate(at.index(index).child("nodePort"), nodePort));
    nodePorts.add(key);
  }
  for (const [index, { port, protocol }] of (ports ?? []).entries()) {
    const key = `${protocol}/${port}`;
    if (servicePorts.has(key)) errors.push(duplicate(at.index(index), printedPort(port, protocol)));
    servicePorts.add(key);
  }
  return errors;
}

/** The port as Kubernetes prints one in the error about duplicates: all fields of its internal form. */
function printedPort(port: number, protocol: string | undefined): object {
  return { Name: "", Protocol: protocol ?? "", AppProtocol: null, Port: port, TargetPort: 0, NodePort: 0 };
}

function validateSessionAffinity({ sessionAffinity, sessionAffinityConfig }: ServiceSpec, at: Path): FieldError[] {
  const errors = requiredEnum(at.child("sessionAffinity"), sessionAffinity, ["ClientIP", "None"]);
  const place = at.child("sessionAffinityConfig");
  if (sessionAffinity === "None" && sessionAffinityConfig !== undefined)
    errors.push(forbiddenField(place, "must not be set when session affinity is None"));
  if (sessionAffinity !== "ClientIP") return errors;
  const detail = "when session affinity type is ClientIP";
  const timeoutSeconds = sessionAffinityConfig?.clientIP?.timeoutSeconds;
  if (sessionAffinityConfig === undefined) errors.push(required(place, detail));
  else if (sessionAffinityConfig.clientIP === undefined) errors.push(required(place.child("clientIP"), detail));
  else if (timeoutSeconds === undefined) errors.push(required(place.child("clientIP", "timeoutSeconds"), detail));
  else if (timeoutSeconds <= 0 || timeoutSeconds > affinitySecondsMax)
    errors.push(
      invalidValue(
        place.child("clientIP", "timeoutSeconds"),
        timeoutSeconds,
        `must be greater than 0 and less than ${affinitySecondsMax}`,
      ),
    );
  return errors;
}

/**
 * What is wrong with an address that traffic is to reach: not an address, or one of those that are no host's.
 * https://www.iana.org/assignments/iana-ipv4-special-registry
 */
export function validateNonSpecialIp(at: Path, text: string): FieldError[] {
  const ip = parseIp(text);
  if (!ip) return [invalidValue(at, text, "must be a valid IP address")];
  if (ip.value === 0n) return [invalidValue(at, text, `may not be unspecified (${text})`)];
  const range = specialRanges.find(([, contains]) => contains(ip));
  return range ? [invalidValue(at, text, `may not be in the ${range[0]}`)] : [];
}

const within = (ip: IpAddress, family: 4 | 6, network: bigint, prefixLength: bigint) =>
  ip.family === family && ip.value >> ((family === 4 ? 32n : 128n) - prefixLength) === network;

const specialRanges: readonly (readonly [name: string, contains: (ip: IpAddress) => boolean])[] = [
  ["loopback range (127.0.0.0/8, ::1/128)", (ip) => within(ip, 4, 127n, 8n) || within(ip, 6, 1n, 128n)],
  [
    "link-local range (169.254.0.0/16, fe80::/10)",
    (ip) => within(ip, 4, 0xa9fen, 16n) || within(ip, 6, 0xfe80n >> 6n, 10n),
  ],
  [
    "link-local multicast range (224.0.0.0/24, ff02::/10)",
    (ip) => within(ip, 4, 0xe00000n, 24n) || within(ip, 6, 0xff02n, 16n),
  ],
];

function validateSourceRanges({ metadata, spec }: Service, at: Path): FieldError[] {
  const ranges = spec.loadBalancerSourceRanges ?? [];
  const annotation = metadata.annotations?.[sourceRangesAnnotation];
  if (ranges.length > 0) {
    const place = at.child("spec", "LoadBalancerSourceRanges");
    return [
      ...(spec.type === "LoadBalancer" ? [] : [forbiddenField(place, onlyLoadBalancer)]),
      ...eachItem(place, ranges, (range, item) => invalidFor(item, range.trim(), isCidr(range.trim()))),
    ];
  }
  if (annotation === undefined) return [];
  const place = at.child("metadata", "annotations").key(sourceRangesAnnotation);
  const named = annotation.trim() === "" ? [] : annotation.split(",").map((range) => range.trim());
  return [
    ...(spec.type === "LoadBalancer" ? [] : [forbiddenField(place, onlyLoadBalancer)]),
    ...named.flatMap((range) => invalidFor(place, range, isCidr(range))),
  ];
}

function validateLoadBalancerFields(spec: ServiceSpec, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const isLoadBalancer = spec.type === "LoadBalancer";
  if (spec.allocateLoadBalancerNodePorts !== undefined && !isLoadBalancer)
    errors.push(forbiddenField(at.child("allocateLoadBalancerNodePorts"), onlyLoadBalancer));
  if (spec.loadBalancerClass !== undefined) {
    const place = at.child("loadBalancerClass");
    if (isLoadBalancer)
      append(errors, invalidFor(place, spec.loadBalancerClass, isQualifiedName(spec.loadBalancerClass)));
    else errors.push(forbiddenField(place, onlyLoadBalancer));
  }
  return errors;
}

function validateTrafficPolicies(spec: ServiceSpec, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const external = at.child("externalTrafficPolicy");
  if (isExternallyAccessible(spec))
    append(errors, requiredEnum(external, spec.externalTrafficPolicy, ["Cluster", "Local"]));
  else if (spec.externalTrafficPolicy)
    errors.push(
      invalidValue(external, spec.externalTrafficPolicy, "may only be set for externally-accessible services"),
    );
  const healthAt = at.child("healthCheckNodePort");
  if (spec.healthCheckNodePort) {
    if (needsHealthCheckPort(spec))
      append(errors, invalidFor(healthAt, spec.healthCheckNodePort, isPortNumber(spec.healthCheckNodePort)));
    else
      errors.push(
        invalidValue(
          healthAt,
          spec.healthCheckNodePort,
          "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
        ),
      );
  }
  const internal = at.child("internalTrafficPolicy");
  append(
    errors,
    spec.type === "ExternalName"
      ? optionalEnum(internal, spec.internalTrafficPolicy, ["Cluster", "Local"])
      : requiredEnum(internal, spec.internalTrafficPolicy, ["Cluster", "Local"]),
    optionalEnum(at.child("trafficDistribution"), spec.trafficDistribution, trafficDistributions),
  );
  return errors;
}

export function validateServiceUpdate(next: Service, old: Service, at: Path): FieldError[] {
  const specAt = at.child("spec");
  const errors = [...validateClusterIpChange(next, old, specAt), ...validateIpFamilyChange(next, old, specAt)];
  if (
    next.spec.type === "LoadBalancer" &&
    old.spec.type === "LoadBalancer" &&
    next.spec.loadBalancerClass !== old.spec.loadBalancerClass
  )
    errors.push(
      invalidValue(specAt.child("loadBalancerClass"), next.spec.loadBalancerClass, "may not change once set"),
    );
  if (
    needsHealthCheckPort(next.spec) &&
    needsHealthCheckPort(old.spec) &&
    old.spec.healthCheckNodePort &&
    next.spec.healthCheckNodePort !== old.spec.healthCheckNodePort
  )
    errors.push(forbiddenField(specAt.child("healthCheckNodePort"), "field is immutable"));
  return errors;
}

export function validateServiceStatusUpdate({ spec, status }: Service, _old: Service, at: Path): FieldError[] {
  const place = at.child("status", "loadBalancer", "ingress");
  const ingress = status.loadBalancer?.ingress;
  if (spec.type !== "LoadBalancer" && ingress?.length)
    return [forbiddenField(place, "may only be used when `spec.type` is 'LoadBalancer'")];
  return eachItem(place, ingress, validateLoadBalancerIngress);
}

function validateLoadBalancerIngress({ ip, ipMode, hostname }: LoadBalancerIngress, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (ip) append(errors, invalidFor(at.child("ip"), ip, isIp(ip)));
  const modeAt = at.child("ipMode");
  if (ipMode === undefined) {
    if (ip) errors.push(required(modeAt, "must be specified when `ip` is set"));
  } else if (!ip) errors.push(forbiddenField(modeAt, "may not be specified when `ip` is not set"));
  else if (ipMode !== "Proxy" && ipMode !== "VIP") errors.push(notSupported(modeAt, ipMode, ["Proxy", "VIP"]));
  if (hostname) {
    append(errors, invalidFor(at.child("hostname"), hostname, isDns1123Subdomain(hostname)));
    if (parseIp(hostname))
      errors.push(invalidValue(at.child("hostname"), hostname, "must be a DNS name, not an IP address"));
  }
  return errors;
}
