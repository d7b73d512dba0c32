// What the annotations of pods that Kubernetes reads may be: ValidatePodSpecificAnnotations and what it calls.
import { append } from "../../lib/index.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, invalidValue, type Path } from "../meta/field-error.ts";
import type { Pod, PodSpec } from "../types.generated.ts";
import { appArmorPrefix, validateSeccompAnnotations } from "./profile-annotations.ts";

/** Marks the copy that an agent makes of a pod from its own files; such a pod may name no other object. */
export const mirrorPodAnnotation = "kubernetes.io/config.mirror";
export const isMirrorPod = ({ metadata }: Pick<Pod, "metadata">): boolean =>
  metadata.annotations?.[mirrorPodAnnotation] !== undefined;

const deletionCostAnnotation = "controller.kubernetes.io/pod-deletion-cost";

type Annotations = Readonly<Record<string, string>> | undefined;

/** How cheaply a ReplicaSet may delete the pod when it has one too many; 0 when the pod says nothing or nonsense. */
export function podDeletionCost({ metadata }: Pod): number {
  return parseCost(metadata.annotations?.[deletionCostAnnotation]) ?? 0;
}

function parseCost(text: string | undefined): number | undefined {
  if (text === undefined || !/^(0|-?[1-9][0-9]{0,9})$/.test(text)) return undefined;
  const cost = Number(text);
  return cost >= -(2 ** 31) && cost < 2 ** 31 ? cost : undefined;
}

export function validatePodAnnotations(annotations: Annotations, spec: PodSpec, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const mirror = annotations?.[mirrorPodAnnotation];
  if (mirror !== undefined && !spec.nodeName)
    errors.push(
      invalidValue(at.key(mirrorPodAnnotation), mirror, "must set spec.nodeName if mirror pod annotation is set"),
    );
  const cost = annotations?.[deletionCostAnnotation];
  if (cost !== undefined && parseCost(cost) === undefined)
    errors.push(invalidValue(at.key(deletionCostAnnotation), cost, "must be a 32bit integer"));
  append(errors, validateSeccompAnnotations(annotations ?? {}, at));
  const names = new Set(
    [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])].map(
      ({ name }) => name,
    ),
  );
  for (const [key, profile] of Object.entries(annotations ?? {})) {
    if (!key.startsWith(appArmorPrefix)) continue;
    const container = key.slice(appArmorPrefix.length);
    if (!names.has(container)) errors.push(invalidValue(at.key(key), container, "container not found"));
    if (!["", "runtime/default", "unconfined"].includes(profile) && !profile.startsWith("localhost/"))
      errors.push(invalidValue(at.key(key), profile, `invalid AppArmor profile name: ${JSON.stringify(profile)}`));
  }
  return errors;
}

export function validatePodAnnotationUpdate(next: Annotations, old: Annotations, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const subjectOf = (key: string) =>
    key.startsWith(appArmorPrefix)
      ? "AppArmor annotations"
      : key === mirrorPodAnnotation
        ? "mirror pod annotation"
        : undefined;
  for (const [key, value] of Object.entries(old ?? {})) {
    const subject = subjectOf(key);
    if (subject && next?.[key] !== value)
      errors.push(forbiddenField(at.key(key), `may not remove or update ${subject}`));
  }
  for (const key of Object.keys(next ?? {})) {
    const subject = subjectOf(key);
    if (subject && old?.[key] === undefined) errors.push(forbiddenField(at.key(key), `may not add ${subject}`));
  }
  return errors;
}
