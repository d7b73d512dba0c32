// What the spec of a pod or of a template for pods may be: ValidatePodSpec of k8s.io/kubernetes/pkg/apis/core/validation.
import { append } from "../../lib/index.ts";
import { eachItem, invalidFor, requiredEnum } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import {
  duplicate,
  forbiddenField,
  invalidValue,
  notFoundValue,
  type Path,
  required,
  rootPath,
  tooLong,
} from "../meta/field-error.ts";
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
import { isSettled, settle } from "../schema/settled-values.ts";
import type { ObjectMeta, PodResourceClaim, PodSpec, PodTemplateSpec, Volume } from "../types.generated.ts";
import { validateAffinity, validateSpreadConstraints, validateTolerations } from "./affinity-validation.ts";
import { validateAllContainers } from "./container-validation.ts";
import { mirrorPodAnnotation, validatePodAnnotations } from "./pod-annotations.ts";
import { validateHostProcess, validateOs, visitContainers } from "./pod-os-validation.ts";
import { validateProfileAnnotations } from "./profile-annotations.ts";
import { validateContainerResources, validatePodResources } from "./resource-requirements.ts";
import { validatePodSecurityContext } from "./security-context-validation.ts";
import { validateVolumes } from "./volume-validation.ts";

const maxInt32 = 2 ** 31 - 1;
const dnsPolicies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
const nameserversMax = 3;
const searchesMax = 32;
const searchCharactersMax = 2048;
const hostnameBytesMax = 64;

/** `pod`: the metadata of the pod when the spec is a pod's own, undefined when it is a template's. */
export function validatePodSpec(spec: PodSpec, pod: ObjectMeta | undefined, at: Path): FieldError[] {
  const claims = new Set((spec.resourceClaims ?? []).map(({ name }) => name).filter((name) => name));
  const volumes = new Map<string, Volume>();
  const errors: FieldError[] = [];
  if (spec.terminationGracePeriodSeconds === undefined)
    errors.push(required(at.child("terminationGracePeriodSeconds")));
  append(
    errors,
    validateVolumes(at.child("volumes"), spec.volumes, pod?.name, pod === undefined, volumes),
    validateResourceClaims(spec.resourceClaims, pod, at.child("resourceClaims")),
    validateAllContainers(spec, volumes, claims, at),
    validatePodResources(spec, claims, at.child("resources")),
    validateHostNetworkPorts(spec, pod !== undefined, at.child("containers")),
    requiredEnum(at.child("restartPolicy"), spec.restartPolicy, ["Always", "OnFailure", "Never"]),
    requiredEnum(at.child("dnsPolicy"), spec.dnsPolicy, dnsPolicies),
    validateLabels(at.child("nodeSelector"), spec.nodeSelector),
    validatePodSecurityContext(spec, at.child("securityContext")),
    validateAffinity(spec.affinity, at.child("affinity")),
    validateDnsConfig(spec, at.child("dnsConfig")),
    eachItem(at.child("readinessGates"), spec.readinessGates, ({ conditionType }, place) =>
      invalidFor(place.child("conditionType"), conditionType ?? "", isQualifiedName(conditionType ?? "")),
    ),
    validateSchedulingGates(spec, at.child("schedulingGates")),
    validateSpreadConstraints(at.child("topologySpreadConstraints"), spec.topologySpreadConstraints),
    validateHostProcess(spec, at),
    validateHostUsers(spec, at),
    validateHostnameOverride(spec, at.child("hostnameOverride")),
    validateObjectName(spec, "serviceAccountName", at),
    validateObjectName(spec, "nodeName", at),
    validateDeadline(spec, at.child("activeDeadlineSeconds")),
    validateHostLabel(spec, "hostname", at),
    validateHostLabel(spec, "subdomain", at),
    validateTolerations(at.child("tolerations"), spec.tolerations),
    validateHostAliases(spec, at.child("hostAliases")),
    validateObjectName(spec, "priorityClassName", at),
    validateObjectName(spec, "runtimeClassName", at),
    validatePreemptionPolicy(spec, at.child("preemptionPolicy")),
    spec.overhead ? validateContainerResources({ limits: spec.overhead }, new Set(), at.child("overhead")) : [],
    validateOs(spec, at),
    validateEnvFiles(spec, at),
  );
  return errors;
}

export function validatePodTemplate(template: PodTemplateSpec, at: Path): FieldError[] {
  if (isSettled(template)) return [];
  const { metadata, spec } = template;
  const annotationsAt = at.child("annotations");
  const errors = [
    ...validateLabels(at.child("labels"), metadata?.labels),
    ...validateAnnotations(annotationsAt, metadata?.annotations),
    ...validatePodAnnotations(metadata?.annotations, spec, annotationsAt),
    ...validatePodSpec(spec, undefined, at.child("spec")),
    ...validateProfileAnnotations(template, at.child("spec")),
  ];
  if (spec.ephemeralContainers?.length)
    errors.push(
      forbiddenField(at.child("spec", "ephemeralContainers"), "ephemeral containers not allowed in pod template"),
    );
  if (errors.length === 0) settle(template);
  return errors;
}

function validateResourceClaims(
  claims: readonly PodResourceClaim[] | undefined,
  pod: ObjectMeta | undefined,
  at: Path,
): FieldError[] {
  if (pod?.annotations?.[mirrorPodAnnotation] !== undefined)
    return (claims ?? []).map(() => forbiddenField(rootPath, "static pods do not support resource claims"));
  const seen = new Set<string>();
  return eachItem(at, claims, (claim, place) => {
    const { name, resourceClaimName, resourceClaimTemplateName } = claim;
    const nameAt = place.child("name");
    const errors: FieldError[] = [];
    if (!name) errors.push(required(nameAt));
    else if (seen.has(name)) errors.push(duplicate(nameAt, name));
    else append(errors, invalidFor(nameAt, name, isDns1123Label(name)));
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
      if (value !== undefined) append(errors, invalidFor(place.child(field), value, isDns1123Subdomain(value)));
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
  append(
    errors,
    eachItem(at.child("nameservers"), nameservers, (ip, place) => invalidFor(place, ip, isIp(ip))),
  );
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
  append(
    errors,
    eachItem(searchesAt, searches, (search, place) => {
      const name = search.replace(/\.$/, "");
      return search === "." ? [] : invalidFor(place, name, isDns1123SubdomainWithUnderscore(name));
    }),
    eachItem(at.child("options"), options, ({ name }, place) => (name ? [] : [required(place, "must not be empty")])),
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
  const detail = "when `hostUsers` is false";
  const errors: FieldError[] = [];
  // The capitals of the field names are those of Kubernetes.
  if (spec.hostNetwork) errors.push(forbiddenField(at.child("hostNetwork"), detail));
  if (spec.hostPID) errors.push(forbiddenField(at.child("HostPID"), detail));
  if (spec.hostIPC) errors.push(forbiddenField(at.child("HostIPC"), detail));
  visitContainers(spec, at, ({ volumeDevices }, place) => {
    if (volumeDevices?.length) errors.push(forbiddenField(place.child("volumeDevices"), detail));
  });
  return errors;
}

function validateHostnameOverride(spec: PodSpec, at: Path): FieldError[] {
  const { hostnameOverride, setHostnameAsFQDN, hostNetwork } = spec;
  if (hostnameOverride === undefined) return [];
  const errors: FieldError[] = [];
  if (setHostnameAsFQDN) errors.push(forbiddenField(at, "may not be specified when setHostnameAsFQDN is true"));
  if (hostNetwork) errors.push(forbiddenField(at, "may not be specified when hostNetwork is true"));
  if (hostnameOverride.length > hostnameBytesMax) errors.push(tooLong(at, hostnameBytesMax));
  return [...errors, ...invalidFor(at, hostnameOverride, isDns1123Subdomain(hostnameOverride))];
}

/** A field that names another object. */
function validateObjectName(
  spec: PodSpec,
  field: "serviceAccountName" | "nodeName" | "priorityClassName" | "runtimeClassName",
  at: Path,
): FieldError[] {
  const name = spec[field];
  // Of these only a runtime class can be named with nothing.
  if (name === undefined || (name === "" && field !== "runtimeClassName")) return [];
  return invalidFor(at.child(field), name, isDns1123Subdomain(name));
}

/** A field that names the pod on the network. */
function validateHostLabel(spec: PodSpec, field: "hostname" | "subdomain", at: Path): FieldError[] {
  const name = spec[field];
  return name ? invalidFor(at.child(field), name, isDns1123Label(name)) : [];
}

function validateHostAliases({ hostAliases }: PodSpec, at: Path): FieldError[] {
  return eachItem(at, hostAliases, ({ ip = "", hostnames }, place) => [
    ...invalidFor(place.child("ip"), ip, isIp(ip)),
    ...eachItem(place.child("hostnames"), hostnames, (name, item) => invalidFor(item, name, isDns1123Subdomain(name))),
  ]);
}

function validateDeadline({ activeDeadlineSeconds: seconds }: PodSpec, at: Path): FieldError[] {
  if (seconds === undefined || (seconds >= 1 && seconds <= maxInt32)) return [];
  return [invalidValue(at, seconds, inclusiveRangeMessage(1, maxInt32))];
}

function validatePreemptionPolicy({ preemptionPolicy: policy }: PodSpec, at: Path): FieldError[] {
  return policy === undefined ? [] : requiredEnum(at, policy, ["PreemptLowerPriority", "Never"]);
}

/** Files of variables are written by other containers, so they lie in a directory of the pod. */
function validateEnvFiles(spec: PodSpec, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  visitContainers(spec, at, ({ env }, place) => {
    for (const [index, { valueFrom }] of (env ?? []).entries()) {
      if (!valueFrom?.fileKeyRef) continue;
      const name = valueFrom.fileKeyRef.volumeName ?? "";
      const nameAt = place.child("env").index(index).child("valueFrom", "fileKeyRef", "volumeName");
      const volume = spec.volumes?.find((each) => each.name === name);
      if (!volume) errors.push(notFoundValue(nameAt, name));
      else if (!volume.emptyDir) errors.push(invalidValue(nameAt, name, "referenced volume must be of type emptyDir"));
    }
  });
  return errors;
}
