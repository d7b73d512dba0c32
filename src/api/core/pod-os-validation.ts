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
  const errors = validateHostProcess(spec, at);
  if (!spec.os) return errors;
  const { name } = spec.os;
  if (!name) errors.push(required(at.child("os", "name"), "cannot be empty"));
  else errors.push(...optionalEnum(at.child("os"), name, ["linux", "windows"]));
  if (name === "linux") errors.push(...validateLinux(spec, at));
  if (name === "windows") errors.push(...validateWindows(spec, at));
  return errors;
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

const linuxPodFields = ["hostUsers", "hostPID", "hostIPC", "shareProcessNamespace"] as const;
const linuxPodContextFields = [
  "appArmorProfile",
  "seLinuxOptions",
  "seccompProfile",
  "fsGroup",
  "fsGroupChangePolicy",
  "sysctls",
  "runAsUser",
  "runAsGroup",
  "supplementalGroups",
  "supplementalGroupsPolicy",
  "seLinuxChangePolicy",
] as const satisfies readonly (keyof PodSecurityContext)[];
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
  for (const field of linuxPodFields) {
    const value = spec[field];
    // Of the host's namespaces only the use is an error, not the refusal.
    if (value === true || (value === false && (field === "hostUsers" || field === "shareProcessNamespace")))
      errors.push(forbiddenField(at.child(field), detail));
  }
  for (const field of linuxPodContextFields)
    if (spec.securityContext?.[field] !== undefined)
      errors.push(forbiddenField(at.child("securityContext", field), detail));
  visitContainers(spec, at, ({ securityContext }, place) => {
    for (const field of linuxContextFields)
      if (securityContext?.[field] !== undefined)
        errors.push(forbiddenField(place.child("securityContext", field), detail));
  });
  return errors;
}

/** A Windows pod runs on its host with all its containers or with none, and then in the host's network. */
function validateHostProcess(spec: PodSpec, at: Path): FieldError[] {
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
