// What a pod may say for the operating system it names: validateOS, validateLinux, validateWindows and
// validateWindowsHostProcessPod of k8s.io/kubernetes/pkg/apis/core/validation.
import { optionalEnum } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, invalidValue, type Path, required } from "../meta/field-error.ts";
import type {
  Container,
  EphemeralContainer,
  PodSecurityContext,
  PodSpec,
  SecurityContext,
} from "../types.generated.ts";

/** Calls `visit` with every container of the pod and its path. */
export function visitContainers(
  spec: PodSpec,
  at: Path,
  visit: (container: Container | EphemeralContainer, at: Path) => void,
): void {
  for (const field of ["initContainers", "containers", "ephemeralContainers"] as const)
    for (const [index, container] of (spec[field] ?? []).entries()) visit(container, at.child(field).index(index));
}

export function validateOs(spec: PodSpec, at: Path): FieldError[] {
  if (!spec.os) return [];
  const { name } = spec.os;
  if (!name) return [required(at.child("os", "name"), "cannot be empty")];
  if (name === "linux") return validateLinux(spec, at);
  if (name === "windows") return validateWindows(spec, at);
  return optionalEnum(at.child("os"), name, ["linux", "windows"]);
}

function validateLinux(spec: PodSpec, at: Path): FieldError[] {
  const detail = "windows options cannot be set for a linux pod";
  const errors: FieldError[] = [];
  if (spec.securityContext?.windowsOptions)
    errors.push(forbiddenField(at.child("securityContext", "windowsOptions"), detail));
  visitContainers(spec, at, ({ securityContext }, place) => {
    if (securityContext?.windowsOptions)
      errors.push(forbiddenField(place.child("securityContext", "windowsOptions"), detail));
  });
  return errors;
}

/** What only Linux pods may say of themselves, in the order in which it is found: of the spec, and of its context. */
const linuxPodFields = [
  ["appArmorProfile", "context"],
  ["seLinuxOptions", "context"],
  ["hostUsers", "spec"],
  ["hostPID", "spec"],
  ["hostIPC", "spec"],
  ["seccompProfile", "context"],
  ["fsGroup", "context"],
  ["fsGroupChangePolicy", "context"],
  ["sysctls", "context"],
  ["shareProcessNamespace", "spec"],
  ["runAsUser", "context"],
  ["runAsGroup", "context"],
  ["supplementalGroups", "context"],
  ["supplementalGroupsPolicy", "context"],
  ["seLinuxChangePolicy", "context"],
] as const satisfies readonly (readonly [keyof PodSecurityContext, "context"] | readonly [keyof PodSpec, "spec"])[];
const linuxContextFields = [
  "appArmorProfile",
  "seLinuxOptions",
  "seccompProfile",
  "capabilities",
  "readOnlyRootFilesystem",
  "privileged",
  "allowPrivilegeEscalation",
  "procMount",
  "runAsUser",
  "runAsGroup",
] as const satisfies readonly (keyof SecurityContext)[];

function validateWindows(spec: PodSpec, at: Path): FieldError[] {
  const detail = "cannot be set for a windows pod";
  const errors: FieldError[] = [];
  for (const [field, where] of linuxPodFields) {
    const value = where === "spec" ? spec[field] : spec.securityContext?.[field];
    // Of the host's namespaces only the use is an error, not the refusal, and of the settings only if there are any.
    const isRefusal = value === false && (field === "hostPID" || field === "hostIPC");
    if (value === undefined || isRefusal || (Array.isArray(value) && value.length === 0)) continue;
    const place = where === "spec" ? at.child(field) : at.child("securityContext", field);
    errors.push(forbiddenField(place, detail));
  }
  visitContainers(spec, at, ({ securityContext }, place) => {
    for (const field of linuxContextFields)
      if (securityContext?.[field] !== undefined)
        errors.push(forbiddenField(place.child("securityContext", field), detail));
  });
  return errors;
}

/** A Windows pod runs on its host with all its containers or with none, and then in the host's network. */
export function validateHostProcess(spec: PodSpec, at: Path): FieldError[] {
  const ofPod = spec.securityContext?.windowsOptions?.hostProcess;
  const errors: FieldError[] = [];
  let containers = 0;
  let onHost = 0;
  visitContainers(spec, at, ({ securityContext }, place) => {
    containers++;
    const own = securityContext?.windowsOptions?.hostProcess;
    if (own !== undefined && ofPod !== undefined && own !== ofPod)
      errors.push(
        invalidValue(
          place.child("securityContext", "windowsOptions", "hostProcess"),
          own,
          `pod hostProcess value must be identical if both are specified, was ${ofPod}`,
        ),
      );
    if (own ?? ofPod) onHost++;
  });
  if (onHost === 0) return errors;
  if (onHost !== containers)
    errors.push(
      invalidValue(
        at,
        "",
        "If pod contains any hostProcess containers then all containers must be HostProcess containers",
      ),
    );
  if (!spec.hostNetwork)
    errors.push(
      invalidValue(
        at.child("hostNetwork"),
        false,
        "hostNetwork must be true if pod contains any hostProcess containers",
      ),
    );
  return errors;
}
