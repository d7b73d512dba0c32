// What a client should know of a pod spec that is valid but surely not meant: k8s.io/kubernetes/pkg/api/pod/warnings.go.
import { append, deepEqual } from "../../lib/index.ts";
import { type Path, rootPath } from "../meta/field-error.ts";
import { ipWarnings } from "../meta/ip.ts";
import { isDns1123Label } from "../meta/names.ts";
import type {
  Container,
  ContainerPort,
  EphemeralContainer,
  ObjectMeta,
  Pod,
  PodAffinity,
  PodSpec,
  PodTemplateSpec,
} from "../types.generated.ts";
import { namedLabelWarnings, nodeLabelWarnings, nodeSelectorTermWarnings } from "./node-label-warnings.ts";
import { claimSpecWarnings } from "./persistent-volume-claim.ts";
import { visitContainers } from "./pod-os-validation.ts";
import {
  appArmorPrefix,
  appArmorProfileOf,
  seccompContainerPrefix,
  seccompPodAnnotation,
} from "./profile-annotations.ts";
import { fractionalByteWarnings } from "./resource-list.ts";
import { overlappingPathWarnings } from "./volume-path-warnings.ts";

const deprecatedAnnotations: Readonly<Record<string, string>> = {
  "scheduler.alpha.kubernetes.io/critical-pod": 'non-functional in v1.16+; use the "priorityClassName" field instead',
  "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
  "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
};
/** Volumes that nothing serves any more, and since when. */
const deprecatedVolumes = {
  photonPersistentDisk: "deprecated in v1.11, non-functional in v1.16+",
  gitRepo: "deprecated in v1.11, and disabled by default in v1.33+",
  scaleIO: "deprecated in v1.16, non-functional in v1.22+",
  flocker: "deprecated in v1.22, non-functional in v1.25+",
  storageos: "deprecated in v1.22, non-functional in v1.25+",
  quobyte: "deprecated in v1.22, non-functional in v1.25+",
  glusterfs: "deprecated in v1.25, non-functional in v1.26+",
  cephfs: "deprecated in v1.28, non-functional in v1.31+",
  rbd: "deprecated in v1.28, non-functional in v1.31+",
} as const;
const byteResources = ["memory", "ephemeral-storage"];

/** Of the volume's source or of the sources of a persistent volume. */
export function deprecatedVolumeWarnings(source: object, at: Path): string[] {
  return Object.entries(deprecatedVolumes).flatMap(([field, message]) =>
    // Kubernetes names this one field otherwise.
    field in source ? [`${at.child(field === "storageos" ? "storageOS" : field)}: ${message}`] : [],
  );
}

/** Only new pods are warned about: people seldom update pods themselves. */
export function podWarnings(pod: Pod, old: Pod | undefined): string[] {
  if (old) return [];
  const wrong = isDns1123Label(pod.metadata.name);
  const warnings = podTemplateWarnings(pod, rootPath);
  if (wrong.length > 0)
    warnings.unshift(
      `metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [${wrong.join(" ")}]`,
    );
  return warnings;
}

export function podTemplateWarnings({ metadata, spec }: PodTemplateSpec, at: Path): string[] {
  const specAt = at.child("spec");
  const annotations = metadata?.annotations ?? {};
  const annotationAt = (key: string) => at.child("metadata", "annotations").key(key);
  const warnings = nodeSelectionWarnings(spec, specAt);
  for (const [key, message] of Object.entries(deprecatedAnnotations))
    if (annotations[key] !== undefined) warnings.push(`${annotationAt(key)}: ${message}`);
  for (const [index, volume] of (spec.volumes ?? []).entries()) {
    const place = specAt.child("volumes").index(index);
    append(warnings, deprecatedVolumeWarnings(volume, place));
    const claim = volume.ephemeral?.volumeClaimTemplate?.spec;
    if (claim) append(warnings, claimSpecWarnings(claim, place.child("ephemeral", "volumeClaimTemplate", "spec")));
  }
  append(
    warnings,
    overlappingPathWarnings(spec.volumes),
    repetitionWarnings(spec, specAt),
    fractionalByteWarnings(spec.overhead, byteResources, specAt.child("overhead")),
  );
  if (annotations[seccompPodAnnotation] !== undefined && !spec.securityContext?.seccompProfile)
    warnings.push(`${annotationAt(seccompPodAnnotation)}: ${useSeccompField}`);
  visitContainers(spec, specAt, (container, place) => {
    append(warnings, profileWarnings(container, spec, annotations, annotationAt), containerWarnings(container, place));
  });
  append(warnings, portWarnings(spec, specAt), portNameWarnings(spec, specAt));
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0)
    warnings.push(
      `${specAt.child("terminationGracePeriodSeconds")}: must be >= 0; negative values are invalid and will be treated as 1`,
    );
  for (const field of ["podAffinity", "podAntiAffinity"] as const)
    append(warnings, affinityWarnings(spec.affinity?.[field], specAt.child("affinity", field)));
  for (const [index, server] of (spec.dnsConfig?.nameservers ?? []).entries())
    append(warnings, ipWarnings(specAt.child("dnsConfig", "nameservers").index(index), server));
  for (const [index, { ip }] of (spec.hostAliases ?? []).entries())
    append(warnings, ipWarnings(specAt.child("hostAliases").index(index).child("ip"), ip ?? ""));
  return warnings;
}

const requiredTerms = "requiredDuringSchedulingIgnoredDuringExecution";
const preferredTerms = "preferredDuringSchedulingIgnoredDuringExecution";
const matchesNoPod = "a null labelSelector results in matching no pod";

function nodeSelectionWarnings(spec: PodSpec, at: Path): string[] {
  const warnings = Object.keys(spec.nodeSelector ?? {}).flatMap((label) =>
    nodeLabelWarnings(at.child("nodeSelector").key(label), label),
  );
  const affinityAt = at.child("affinity", "nodeAffinity");
  const { [requiredTerms]: terms, [preferredTerms]: preferred = [] } = spec.affinity?.nodeAffinity ?? {};
  for (const [index, term] of (terms?.nodeSelectorTerms ?? []).entries())
    append(warnings, nodeSelectorTermWarnings(term, affinityAt.child(requiredTerms, "nodeSelectorTerms").index(index)));
  for (const [index, { preference }] of preferred.entries())
    append(
      warnings,
      nodeSelectorTermWarnings(
        preference ?? {},
        affinityAt.child(preferredTerms).index(index).child("preference"),
        true,
      ),
    );
  for (const [index, { topologyKey, labelSelector }] of (spec.topologySpreadConstraints ?? []).entries()) {
    const place = at.child("topologySpreadConstraints").index(index);
    append(warnings, namedLabelWarnings(place.child("topologyKey"), topologyKey));
    if (!labelSelector) warnings.push(`${place.child("labelSelector")}: ${matchesNoPod}`);
  }
  return warnings;
}

function affinityWarnings(affinity: PodAffinity | undefined, at: Path): string[] {
  const { [requiredTerms]: terms = [], [preferredTerms]: preferred = [] } = affinity ?? {};
  return [
    ...terms.map((term, index) => [term, at.child(requiredTerms).index(index)] as const),
    ...preferred.map(
      ({ podAffinityTerm: term }, index) =>
        [term, at.child(preferredTerms).index(index).child("podAffinityTerm")] as const,
    ),
  ].flatMap(([term, place]) => (term?.labelSelector ? [] : [`${place.child("labelSelector")}: ${matchesNoPod}`]));
}

/** Lists that have something twice, which an apply would make one. */
function repetitionWarnings(spec: PodSpec, at: Path): string[] {
  const warnings: string[] = [];
  const repeated = (field: string, name: string, values: readonly string[]) => {
    for (const [index, value] of values.entries())
      if (values.indexOf(value) < index)
        warnings.push(`${at.child(field).index(index).child(name)}: duplicate ${name} ${JSON.stringify(value)}`);
  };
  repeated(
    "hostAliases",
    "ip",
    (spec.hostAliases ?? []).map(({ ip = "" }) => ip),
  );
  const pullSecrets = (spec.imagePullSecrets ?? []).map(({ name = "" }) => name);
  repeated("imagePullSecrets", "name", pullSecrets);
  for (const [index, name] of pullSecrets.entries())
    if (name === "") warnings.push(`${at.child("imagePullSecrets").index(index).child("name")}: invalid empty name ""`);
  return warnings;
}

const useSeccompField = 'non-functional in v1.27+; use the "seccompProfile" field instead';
const useAppArmorField = 'deprecated since v1.30; use the "appArmorProfile" field instead';

/** Of annotations that a field has taken the place of, where the field is not set. */
function profileWarnings(
  { name, securityContext }: Container | EphemeralContainer,
  spec: PodSpec,
  annotations: NonNullable<ObjectMeta["annotations"]>,
  at: (key: string) => Path,
): string[] {
  const warnings: string[] = [];
  const seccompKey = seccompContainerPrefix + name;
  if (annotations[seccompKey] !== undefined && !securityContext?.seccompProfile)
    warnings.push(`${at(seccompKey)}: ${useSeccompField}`);
  const appArmorKey = appArmorPrefix + name;
  const annotation = annotations[appArmorKey];
  const profile = securityContext?.appArmorProfile;
  // A container's profile that says the same has come of the annotation when the pod was created.
  const isRead =
    annotation !== undefined &&
    (profile ? deepEqual(profile, appArmorProfileOf(annotation)) : !spec.securityContext?.appArmorProfile);
  if (isRead) warnings.push(`${at(appArmorKey)}: ${useAppArmorField}`);
  return warnings;
}

function containerWarnings({ resources, env = [] }: Container | EphemeralContainer, at: Path): string[] {
  const warnings = byteResources.flatMap((name) => [
    ...fractionalByteWarnings(resources?.limits, [name], at.child("resources", "limits")),
    ...fractionalByteWarnings(resources?.requests, [name], at.child("resources", "requests")),
  ]);
  const seen = new Set<string>();
  for (const [index, { name, value = "", valueFrom }] of env.entries()) {
    const reference = `$(${name})`;
    // A value that builds on the one before is meant.
    if (seen.has(name) && (valueFrom || value === reference || !value.includes(reference)))
      warnings.push(
        `${at.child("env").index(index)}: hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`,
      );
    seen.add(name);
  }
  return warnings;
}

/** Every port of the pod with its path. */
function portsOf(spec: PodSpec, at: Path): { readonly port: ContainerPort; readonly at: Path }[] {
  const all: { port: ContainerPort; at: Path }[] = [];
  visitContainers(spec, at, ({ ports }, place) => {
    for (const [index, port] of (ports ?? []).entries()) all.push({ port, at: place.child("ports").index(index) });
  });
  return all;
}

function portWarnings(spec: PodSpec, specAt: Path): string[] {
  const warnings: string[] = [];
  const all = portsOf(spec, specAt);
  for (const [index, { port, at }] of all.entries()) {
    const { name = "", containerPort, protocol, hostIP = "", hostPort = 0 } = port;
    if (hostIP !== "" && hostPort === 0)
      // The port as Kubernetes prints its internal form.
      warnings.push(
        `${at}: hostIP set without hostPort: {Name:${name} HostPort:0 ContainerPort:${containerPort} Protocol:${protocol} HostIP:${hostIP}}`,
      );
    for (const other of all.slice(0, index)) {
      if (other.port.containerPort !== containerPort || other.port.protocol !== protocol) continue;
      const { hostIP: otherIp = "", hostPort: otherHostPort = 0 } = other.port;
      if (otherIp === hostIP && otherHostPort === hostPort)
        warnings.push(`${at}: duplicate port definition with ${other.at}`);
      else if (hostPort === 0 || otherHostPort === 0)
        warnings.push(`${at}: overlapping port definition with ${other.at}`);
      else if (hostPort === otherHostPort && (hostIP === "") !== (otherIp === ""))
        warnings.push(`${at}: dangerously ambiguous port definition with ${other.at}`);
    }
  }
  return warnings;
}

function portNameWarnings(spec: PodSpec, specAt: Path): string[] {
  const named = new Map<string, Path>();
  return portsOf(spec, specAt).flatMap(({ port: { name }, at }) => {
    if (!name) return [];
    const other = named.get(name);
    if (!other) {
      named.set(name, at);
      return [];
    }
    return [
      `${at}: duplicate port name ${JSON.stringify(name)} with ${other}, services and probes that select ports by name will use ${other}`,
    ];
  });
}
