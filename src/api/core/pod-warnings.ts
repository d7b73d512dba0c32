// What a client should know of a pod spec that is valid but surely not meant: k8s.io/kubernetes/pkg/api/pod/warnings.go.
import { type Path, rootPath } from "../meta/field-error.ts";
import { isDns1123Label } from "../meta/names.ts";
import { isQuantity, quantityMilliValue } from "../meta/quantity.ts";
import type { Container, EphemeralContainer, Pod, PodSpec, PodTemplateSpec, Quantity } from "../types.generated.ts";
import { visitContainers } from "./pod-os-validation.ts";

const deprecatedNodeLabels: Readonly<Record<string, string>> = {
  "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
  "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
};
const deprecatedAnnotations: Readonly<Record<string, string>> = {
  "scheduler.alpha.kubernetes.io/critical-pod": 'non-functional in v1.16+; use the "priorityClassName" field instead',
  "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
  "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
};
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
  const warnings = [...nodeLabelWarnings(spec, specAt)];
  for (const [key, message] of Object.entries(deprecatedAnnotations))
    if (metadata?.annotations?.[key] !== undefined)
      warnings.push(`${at.child("metadata", "annotations").key(key)}: ${message}`);
  for (const [index, volume] of (spec.volumes ?? []).entries())
    for (const [field, message] of Object.entries(deprecatedVolumes))
      if (field in volume) warnings.push(`${specAt.child("volumes").index(index).child(field)}: ${message}`);
  const repeated = (field: string, name: string, values: readonly string[]) => {
    for (const [index, value] of values.entries())
      if (values.indexOf(value) < index)
        warnings.push(`${specAt.child(field).index(index).child(name)}: duplicate ${name} ${JSON.stringify(value)}`);
  };
  repeated(
    "hostAliases",
    "ip",
    (spec.hostAliases ?? []).map(({ ip }) => ip),
  );
  const pullSecrets = (spec.imagePullSecrets ?? []).map(({ name = "" }) => name);
  repeated("imagePullSecrets", "name", pullSecrets);
  for (const [index, name] of pullSecrets.entries())
    if (name === "")
      warnings.push(`${specAt.child("imagePullSecrets").index(index).child("name")}: invalid empty name ""`);
  warnings.push(...fractionalBytes(spec.overhead, specAt.child("overhead")));
  visitContainers(spec, specAt, (container, place) => {
    warnings.push(...containerWarnings(container, place));
  });
  warnings.push(...portWarnings(spec, specAt));
  return warnings;
}

function nodeLabelWarnings(spec: PodSpec, at: Path): string[] {
  const warnings: string[] = [];
  for (const key of Object.keys(spec.nodeSelector ?? {}))
    if (deprecatedNodeLabels[key]) warnings.push(`${at.child("nodeSelector").key(key)}: ${deprecatedNodeLabels[key]}`);
  for (const [index, { topologyKey, labelSelector }] of (spec.topologySpreadConstraints ?? []).entries()) {
    const place = at.child("topologySpreadConstraints").index(index);
    if (deprecatedNodeLabels[topologyKey])
      warnings.push(`${place.child("topologyKey")}: ${topologyKey} is ${deprecatedNodeLabels[topologyKey]}`);
    if (!labelSelector)
      warnings.push(`${place.child("labelSelector")}: a null labelSelector results in matching no pod`);
  }
  return warnings;
}

function fractionalBytes(list: Readonly<Record<string, Quantity>> | undefined, at: Path): string[] {
  return ["memory", "ephemeral-storage"].flatMap((name) => {
    const amount = list?.[name];
    if (amount === undefined || isQuantity(amount).length > 0 || quantityMilliValue(amount) % 1000 === 0) return [];
    return [`${at.key(name)}: fractional byte value ${JSON.stringify(amount)} is invalid, must be an integer`];
  });
}

function containerWarnings({ resources, env = [] }: Container | EphemeralContainer, at: Path): string[] {
  const warnings = [
    ...fractionalBytes(resources?.limits, at.child("resources", "limits")),
    ...fractionalBytes(resources?.requests, at.child("resources", "requests")),
  ];
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

function portWarnings(spec: PodSpec, at: Path): string[] {
  const warnings: string[] = [];
  const all: { key: string; hostIp: string; hostPort: number; at: Path }[] = [];
  visitContainers(spec, at, ({ ports }, place) => {
    for (const [index, { containerPort, protocol, hostIP: hostIp = "", hostPort = 0 }] of (ports ?? []).entries()) {
      const port = { key: `${containerPort}/${protocol}`, hostIp, hostPort, at: place.child("ports").index(index) };
      for (const other of all) {
        if (other.key !== port.key) continue;
        if (other.hostIp === hostIp && other.hostPort === hostPort)
          warnings.push(`${port.at}: duplicate port definition with ${other.at}`);
        else if (
          other.hostPort === 0 ||
          hostPort === 0 ||
          (other.hostPort === hostPort && (hostIp === "" || other.hostIp === ""))
        )
          warnings.push(`${port.at}: overlapping port definition with ${other.at}`);
      }
      all.push(port);
    }
  });
  return warnings;
}
