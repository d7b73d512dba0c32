// What the spec of a pod or of a template for pods may be: ValidatePodSpec of k8s.io/kubernetes/pkg/apis/core/validation.
import { eachItem, invalidFor, optionalEnum, requiredEnum } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { duplicate, forbiddenField, invalidValue, type Path, required } from "../meta/field-error.ts";
import { isIp } from "../meta/ip.ts";
import { validateLabels } from "../meta/label-selector.ts";
import {
  inclusiveRangeMessage,
  isDns1123Label,
  isDns1123Subdomain,
  isDns1123SubdomainWithUnderscore,
  isQualifiedName,
} from "../meta/names.ts";
import { validateAnnotations } from "../meta/object-meta.ts";
import type { PodResourceClaim, PodSpec, PodTemplateSpec } from "../types.generated.ts";
import { validateAffinity, validateSpreadConstraints, validateTolerations } from "./affinity-validation.ts";
import { validateAllContainers } from "./container-validation.ts";
import { validatePodAnnotations } from "./pod-annotations.ts";
import { validateOs } from "./pod-os-validation.ts";
import { validateContainerResources, validatePodResources } from "./resource-requirements.ts";
import { validatePodSecurityContext } from "./security-context-validation.ts";
import { validateVolumes } from "./volume-validation.ts";

const maxInt32 = 2 ** 31 - 1;
const dnsPolicies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
const nameserversMax = 3;
const searchesMax = 32;
const searchCharactersMax = 2048;

/** `podName`: the pod's name when the spec is a pod's own, undefined when it is a template's. */
export function validatePodSpec(spec: PodSpec, podName: string | undefined, at: Path): FieldError[] {
  const claims = new Set((spec.resourceClaims ?? []).map(({ name }) => name).filter((name) => name));
  const volumes = new Map((spec.volumes ?? []).map((volume) => [volume.name, volume]));
  const errors: FieldError[] = [];
  if (spec.terminationGracePeriodSeconds === undefined)
    errors.push(required(at.child("terminationGracePeriodSeconds")));
  errors.push(
    ...validateVolumes(at.child("volumes"), spec.volumes, podName, podName === undefined),
    ...validateResourceClaims(spec.resourceClaims, at.child("resourceClaims")),
    ...validateAllContainers(spec, volumes, claims, at),
    ...validatePodResources(spec, claims, at.child("resources")),
    ...validateHostNetworkPorts(spec, podName !== undefined, at.child("containers")),
    ...requiredEnum(at.child("restartPolicy"), spec.restartPolicy, ["Always", "OnFailure", "Never"]),
    ...requiredEnum(at.child("dnsPolicy"), spec.dnsPolicy, dnsPolicies),
    ...validateLabels(at.child("nodeSelector"), spec.nodeSelector),
    ...validatePodSecurityContext(spec, at.child("securityContext")),
    ...validateAffinity(spec.affinity, at.child("affinity")),
    ...validateDnsConfig(spec, at.child("dnsConfig")),
    ...eachItem(at.child("readinessGates"), spec.readinessGates, ({ conditionType }, place) =>
      invalidFor(place.child("conditionType"), conditionType ?? "", isQualifiedName(conditionType ?? "")),
    ),
    ...validateSchedulingGates(spec, at.child("schedulingGates")),
    ...validateSpreadConstraints(at.child("topologySpreadConstraints"), spec.topologySpreadConstraints),
    ...validateHostUsers(spec, at),
    ...validateNames(spec, at),
    ...validateTolerations(at.child("tolerations"), spec.tolerations),
    ...validateHostAliases(spec, at.child("hostAliases")),
    ...validateScheduling(spec, at),
    ...validateOs(spec, at),
  );
  return errors;
}

export function validatePodTemplate({ metadata, spec }: PodTemplateSpec, at: Path): FieldError[] {
  const annotationsAt = at.child("annotations");
  const errors = [
    ...validateLabels(at.child("labels"), metadata?.labels),
    ...validateAnnotations(annotationsAt, metadata?.annotations),
    ...validatePodAnnotations(metadata?.annotations, spec, annotationsAt),
    ...validatePodSpec(spec, undefined, at.child("spec")),
  ];
  if (spec.ephemeralContainers?.length)
    errors.push(
      forbiddenField(at.child("spec", "ephemeralContainers"), "ephemeral containers not allowed in pod template"),
    );
  return errors;
}

function validateResourceClaims(claims: readonly PodResourceClaim[] | undefined, at: Path): FieldError[] {
  const seen = new Set<string>();
  return eachItem(at, claims, (claim, place) => {
    const { name, resourceClaimName, resourceClaimTemplateName } = claim;
    const nameAt = place.child("name");
    const errors: FieldError[] = [];
    if (!name) errors.push(required(nameAt));
    else if (seen.has(name)) errors.push(duplicate(nameAt, name));
    else errors.push(...invalidFor(nameAt, name, isDns1123Label(name)));
    seen.add(name);
    if (resourceClaimName !== undefined && resourceClaimTemplateName !== undefined)
      errors.push(
        invalidValue(
          place,
          claim,
          "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified",
        ),
      );
    if (resourceClaimName === undefined && resourceClaimTemplateName === undefined)
      errors.push(invalidValue(place, claim, "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"));
    for (const [field, value] of Object.entries({ resourceClaimName, resourceClaimTemplateName }))
      if (value !== undefined) errors.push(...invalidFor(place.child(field), value, isDns1123Subdomain(value)));
    return errors;
  });
}

/** In the node's network a container's port is the node's; templates may leave that to be filled in. */
function validateHostNetworkPorts(spec: PodSpec, isPod: boolean, at: Path): FieldError[] {
  if (!spec.hostNetwork) return [];
  return eachItem(at, spec.containers, (container, place) =>
    eachItem(place.child("ports"), container.ports, ({ hostPort = 0, containerPort }, port) =>
      (isPod || hostPort !== 0) && hostPort !== containerPort
        ? [invalidValue(port.child("hostPort"), hostPort, "must match `containerPort` when `hostNetwork` is true")]
        : [],
    ),
  );
}

function validateDnsConfig({ dnsPolicy, dnsConfig }: PodSpec, at: Path): FieldError[] {
  if (dnsPolicy === "None") {
    if (!dnsConfig) return [required(at, "must provide `dnsConfig` when `dnsPolicy` is None")];
    if (!dnsConfig.nameservers?.length)
      return [required(at.child("nameservers"), "must provide at least one DNS nameserver when `dnsPolicy` is None")];
  }
  if (!dnsConfig) return [];
  const { nameservers = [], searches = [], options } = dnsConfig;
  const errors: FieldError[] = [];
  if (nameservers.length > nameserversMax)
    errors.push(
      invalidValue(at.child("nameservers"), nameservers, `must not have more than ${nameserversMax} nameservers`),
    );
  errors.push(...eachItem(at.child("nameservers"), nameservers, (ip, place) => invalidFor(place, ip, isIp(ip))));
  const searchesAt = at.child("searches");
  if (searches.length > searchesMax)
    errors.push(invalidValue(searchesAt, searches, `must not have more than ${searchesMax} search paths`));
  if (searches.join(" ").length > searchCharactersMax)
    errors.push(
      invalidValue(
        searchesAt,
        searches,
        `must not have more than ${searchCharactersMax} characters (including spaces) in the search list`,
      ),
    );
  errors.push(
    ...eachItem(searchesAt, searches, (search, place) => {
      const name = search.replace(/\.$/, "");
      return search === "." ? [] : invalidFor(place, name, isDns1123SubdomainWithUnderscore(name));
    }),
    ...eachItem(at.child("options"), options, ({ name }, place) =>
      name ? [] : [required(place, "must not be empty")],
    ),
  );
  return errors;
}

function validateSchedulingGates({ schedulingGates }: PodSpec, at: Path): FieldError[] {
  const seen = new Set<string>();
  return eachItem(at, schedulingGates, ({ name = "" }, place) => {
    const errors = invalidFor(place, name, isQualifiedName(name));
    if (seen.has(name)) errors.push(duplicate(place, name));
    seen.add(name);
    return errors;
  });
}

function validateHostUsers(spec: PodSpec, at: Path): FieldError[] {
  if (spec.hostUsers !== false) return [];
  // The capitals of the field names are those of Kubernetes.
  const detail = "when `pod.Spec.HostUsers` is false";
  const errors: FieldError[] = [];
  if (spec.hostNetwork) errors.push(forbiddenField(at.child("hostNetwork"), detail));
  if (spec.hostPID) errors.push(forbiddenField(at.child("HostPID"), detail));
  if (spec.hostIPC) errors.push(forbiddenField(at.child("HostIPC"), detail));
  return errors;
}

/** The fields that name other objects, or the pod itself on the network. */
function validateNames(spec: PodSpec, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of ["serviceAccountName", "nodeName", "priorityClassName", "runtimeClassName"] as const) {
    const name = spec[field];
    if (name || (field === "runtimeClassName" && name !== undefined))
      errors.push(...invalidFor(at.child(field), name, isDns1123Subdomain(name ?? "")));
  }
  for (const field of ["hostname", "subdomain"] as const) {
    const name = spec[field];
    if (name) errors.push(...invalidFor(at.child(field), name, isDns1123Label(name)));
  }
  if (spec.hostnameOverride) {
    const place = at.child("hostnameOverride");
    const { hostnameOverride } = spec;
    errors.push(...invalidFor(place, hostnameOverride, isDns1123Subdomain(hostnameOverride)));
    if (hostnameOverride.length > 64)
      errors.push(invalidValue(place, hostnameOverride, "must be no more than 64 characters"));
    if (spec.setHostnameAsFQDN) errors.push(forbiddenField(place, "may not be specified with setHostnameAsFQDN"));
    if (spec.hostNetwork) errors.push(forbiddenField(place, "may not be specified with hostNetwork"));
  }
  return errors;
}

function validateHostAliases({ hostAliases }: PodSpec, at: Path): FieldError[] {
  return eachItem(at, hostAliases, ({ ip = "", hostnames }, place) => [
    ...invalidFor(place.child("ip"), ip, isIp(ip)),
    ...eachItem(place.child("hostnames"), hostnames, (name, item) => invalidFor(item, name, isDns1123Subdomain(name))),
  ]);
}

function validateScheduling(spec: PodSpec, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const { activeDeadlineSeconds: deadline, preemptionPolicy } = spec;
  if (deadline !== undefined && (deadline < 1 || deadline > maxInt32))
    errors.push(invalidValue(at.child("activeDeadlineSeconds"), deadline, inclusiveRangeMessage(1, maxInt32)));
  const policyAt = at.child("preemptionPolicy");
  if (preemptionPolicy === "") errors.push(required(policyAt));
  else errors.push(...optionalEnum(policyAt, preemptionPolicy, ["PreemptLowerPriority", "Never"]));
  if (spec.overhead)
    errors.push(...validateContainerResources({ limits: spec.overhead }, new Set(), at.child("overhead")));
  return errors;
}
