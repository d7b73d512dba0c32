// What a client should know of a Service that is valid: k8s.io/kubernetes/pkg/api/service/warnings.go.
import { append } from "../../lib/index.ts";
import { type Path, rootPath } from "../meta/field-error.ts";
import { cidrWarnings, ipWarnings } from "../meta/ip.ts";
import type { Service, ServiceSpec } from "../types.generated.ts";
import { topologyHintsAnnotation, topologyModeAnnotation } from "./service-validation.ts";

export function serviceWarnings({ metadata, spec }: Service): string[] {
  const at = rootPath.child("spec");
  const warnings: string[] = [];
  if (metadata.annotations?.[topologyHintsAnnotation] !== undefined)
    warnings.push(`annotation ${topologyHintsAnnotation} is deprecated, please use ${topologyModeAnnotation} instead`);
  const isHeadless = spec.type === "ClusterIP" && spec.clusterIP === "None";
  if (spec.clusterIP !== undefined && spec.clusterIP !== "None")
    append(warnings, eachText(spec.clusterIPs, at.child("clusterIPs"), ipWarnings));
  if (isHeadless) append(warnings, headlessWarnings(spec));
  append(warnings, eachText(spec.externalIPs, at.child("externalIPs"), ipWarnings));
  if (spec.loadBalancerIP) append(warnings, ipWarnings(at.child("loadBalancerIP"), spec.loadBalancerIP));
  append(warnings, eachText(spec.loadBalancerSourceRanges, at.child("loadBalancerSourceRanges"), cidrWarnings));
  const isName = spec.type === "ExternalName";
  if (isName && spec.externalIPs?.length) warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  if (!isName && spec.externalName) warnings.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  if (spec.trafficDistribution === "PreferClose")
    warnings.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  return warnings;
}

function headlessWarnings({ loadBalancerIP, externalIPs, sessionAffinity }: ServiceSpec): string[] {
  const ignored = [
    ...(loadBalancerIP ? ["loadBalancerIP"] : []),
    ...(externalIPs?.length ? ["externalIPs"] : []),
    // As Kubernetes writes this one.
    ...(sessionAffinity === "None" ? [] : ["SessionAffinity"]),
  ];
  return ignored.map((field) => `spec.${field} is ignored for headless services`);
}

function eachText(texts: readonly string[] | undefined, at: Path, warningsOf: (at: Path, text: string) => string[]) {
  return (texts ?? []).flatMap((text, index) => warningsOf(at.index(index), text));
}
