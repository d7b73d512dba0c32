// The annotations that named seccomp and AppArmor profiles before there were fields: they may not contradict them.
// validateSeccompAnnotationsAndFields and validateAppArmorAnnotationsAndFieldsMatchOnCreate of
// k8s.io/kubernetes/pkg/apis/core/validation.
import { append, type Draft, deepEqual } from "../../lib/index.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, invalidValue, type Path, rootPath } from "../meta/field-error.ts";
import type { AppArmorProfile, Pod, PodTemplateSpec, SeccompProfile } from "../types.generated.ts";
import { validateDescendingPath } from "./path-rules.ts";
import { visitContainers } from "./pod-os-validation.ts";
import { validateAppArmor } from "./security-context-validation.ts";

export const seccompPodAnnotation = "seccomp.security.alpha.kubernetes.io/pod";
export const seccompContainerPrefix = "container.seccomp.security.alpha.kubernetes.io/";
export const appArmorPrefix = "container.apparmor.security.beta.kubernetes.io/";

const localhostPrefix = "localhost/";
const seccompDefaults = ["runtime/default", "docker/default"];

/** What the seccomp annotations of pods and templates may say. */
export function validateSeccompAnnotations(annotations: Readonly<Record<string, string>>, at: Path): FieldError[] {
  return Object.entries(annotations).flatMap(([key, profile]) => {
    if (key !== seccompPodAnnotation && !key.startsWith(seccompContainerPrefix)) return [];
    if (profile === "unconfined" || seccompDefaults.includes(profile)) return [];
    const place = at.child(key);
    return profile.startsWith(localhostPrefix)
      ? validateDescendingPath(place, profile.slice(localhostPrefix.length))
      : [invalidValue(place, profile, "must be a valid seccomp profile")];
  });
}

/** Errors where annotations and fields of the spec, whose path is `at`, name different profiles. */
export function validateProfileAnnotations({ metadata, spec }: PodTemplateSpec, at: Path): FieldError[] {
  const { annotations } = metadata ?? {};
  if (!annotations) return [];
  const errors = contradictions(
    "seccomp",
    annotations[seccompPodAnnotation],
    spec.securityContext?.seccompProfile,
    [...seccompDefaults],
    at.child("securityContext", "seccompProfile"),
  );
  visitContainers(spec, at, ({ name, securityContext }, place) => {
    const profileAt = place.child("securityContext", "seccompProfile");
    const annotation = annotations[seccompContainerPrefix + name];
    append(errors, contradictions("seccomp", annotation, securityContext?.seccompProfile, seccompDefaults, profileAt));
  });
  if (spec.os?.name === "windows") return errors;
  visitContainers(spec, at, ({ name, securityContext }, place) => {
    const profile = securityContext?.appArmorProfile ?? spec.securityContext?.appArmorProfile;
    const profileAt = place.child("securityContext", "appArmorProfile");
    append(
      errors,
      contradictions("apparmor", annotations[appArmorPrefix + name], profile, ["runtime/default"], profileAt),
    );
  });
  return errors;
}

/** The profile that an AppArmor annotation names; undefined when it names none. */
export function appArmorProfileOf(annotation: string): AppArmorProfile | undefined {
  const localhostProfile = annotation.startsWith(localhostPrefix) ? annotation.slice(localhostPrefix.length) : "";
  const profile = localhostProfile === "" ? appArmorTypes.get(annotation) : { type: "Localhost", localhostProfile };
  return profile && validateAppArmor(profile, rootPath).length === 0 ? profile : undefined;
}

const appArmorTypes: ReadonlyMap<string, AppArmorProfile> = new Map([
  ["unconfined", { type: "Unconfined" }],
  ["runtime/default", { type: "RuntimeDefault" }],
]);

/** Gives the containers of a new pod the profiles of its AppArmor annotations, as nodes read the fields alone. */
export function takeAppArmorAnnotations({ metadata, spec }: Draft<Pod>): void {
  const { annotations } = metadata;
  if (!annotations || spec.os?.name === "windows") return;
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
    const annotation = annotations[appArmorPrefix + container.name];
    if (annotation === undefined || container.securityContext?.appArmorProfile) continue;
    const profile = appArmorProfileOf(annotation);
    if (!profile || deepEqual(profile, spec.securityContext?.appArmorProfile)) continue;
    container.securityContext ??= {};
    container.securityContext.appArmorProfile = { ...profile };
  }
}

function contradictions(
  kind: "seccomp" | "apparmor",
  annotation: string | undefined,
  profile: SeccompProfile | undefined,
  defaults: readonly string[],
  at: Path,
): FieldError[] {
  if (annotation === undefined || !profile) return [];
  const otherType = [forbiddenField(at.child("type"), `${kind} type in annotation and field must match`)];
  switch (profile.type) {
    case "Unconfined":
      return annotation === "unconfined" ? [] : otherType;
    case "RuntimeDefault":
      return defaults.includes(annotation) ? [] : otherType;
    case "Localhost":
      if (!annotation.startsWith(localhostPrefix)) return otherType;
      return annotation.slice(localhostPrefix.length) === profile.localhostProfile
        ? []
        : [forbiddenField(at.child("localhostProfile"), `${kind} profile in annotation and field must match`)];
    default:
      return [];
  }
}
