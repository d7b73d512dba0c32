// What security contexts may be: k8s.io/kubernetes/pkg/apis/core/validation/validation.go, ValidateSecurityContext,
// validatePodSpecSecurityContext and what they call. Privileged containers are allowed: who may make them is admission's.
import { append, exceedsBytes } from "../../lib/index.ts";
import { eachItem, invalidFor, optionalEnum } from "../field-rules.ts";
import { goValue } from "../go-value.ts";
import type { FieldError } from "../meta/api-error.ts";
import { duplicate, invalidValue, notSupported, type Path, required, tooLong } from "../meta/field-error.ts";
import { isDns1123Subdomain, isGroupId, isUserId } from "../meta/names.ts";
import type {
  AppArmorProfile,
  PodSecurityContext,
  PodSpec,
  SeccompProfile,
  SecurityContext,
  WindowsSecurityContextOptions,
} from "../types.generated.ts";
import { validateDescendingPath } from "./path-rules.ts";

const profileTypes = ["Localhost", "RuntimeDefault", "Unconfined"];
const sysctlLengthMax = 253;
const sysctlSegment = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
const sysctlPattern = `^(${sysctlSegment}[\\./])*${sysctlSegment}$`;
const sysctlName = new RegExp(sysctlPattern);
const profilePathMax = 4095;

function validateIds(context: SecurityContext | PodSecurityContext, at: Path): FieldError[] {
  const { runAsUser, runAsGroup } = context;
  return [
    ...(runAsUser === undefined ? [] : invalidFor(at.child("runAsUser"), runAsUser, isUserId(runAsUser))),
    ...(runAsGroup === undefined ? [] : invalidFor(at.child("runAsGroup"), runAsGroup, isGroupId(runAsGroup))),
  ];
}

/** `hostUsers`: whether the pod's users are those of the node. */
export function validateSecurityContext(
  context: SecurityContext | undefined,
  hostUsers: boolean,
  at: Path,
): FieldError[] {
  if (!context) return [];
  const errors = validateIds(context, at);
  const { procMount, allowPrivilegeEscalation, privileged, capabilities } = context;
  if (procMount !== undefined) {
    const place = at.child("procMount");
    append(errors, optionalEnum(place, procMount, ["Default", "Unmasked"]));
    if (hostUsers && procMount === "Unmasked")
      errors.push(invalidValue(place, procMount, "`hostUsers` must be false to use `Unmasked`"));
  }
  append(errors, validateSeccomp(context.seccompProfile, at.child("seccompProfile")));
  if (allowPrivilegeEscalation === false) {
    const shown = goValue("io.k8s.api.core.v1.SecurityContext", context);
    if (privileged)
      errors.push(invalidValue(at, shown, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"));
    for (const capability of capabilities?.add ?? [])
      if (capability === "CAP_SYS_ADMIN")
        errors.push(
          invalidValue(
            at,
            shown,
            "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN",
          ),
        );
  }
  append(
    errors,
    validateWindowsOptions(context.windowsOptions, at.child("windowsOptions")),
    validateAppArmor(context.appArmorProfile, at.child("appArmorProfile")),
  );
  return errors;
}

export function validatePodSecurityContext(spec: PodSpec, at: Path): FieldError[] {
  const context = spec.securityContext;
  if (!context) return [];
  const { fsGroup, supplementalGroups } = context;
  const errors = fsGroup === undefined ? [] : invalidFor(at.child("fsGroup"), fsGroup, isGroupId(fsGroup));
  append(
    errors,
    validateIds(context, at),
    eachItem(at.child("supplementalGroups"), supplementalGroups, (id, place) => invalidFor(place, id, isGroupId(id))),
  );
  if (spec.shareProcessNamespace && spec.hostPID)
    errors.push(
      invalidValue(at.child("shareProcessNamespace"), true, "ShareProcessNamespace and HostPID cannot both be enabled"),
    );
  append(
    errors,
    validateSysctls(spec, at.child("sysctls")),
    optionalEnum(at.child("fsGroupChangePolicy"), context.fsGroupChangePolicy, ["Always", "OnRootMismatch"]),
    validateSeccomp(context.seccompProfile, at.child("seccompProfile")),
    validateWindowsOptions(context.windowsOptions, at.child("windowsOptions")),
    validateAppArmor(context.appArmorProfile, at.child("appArmorProfile")),
    optionalEnum(at.child("supplementalGroupsPolicy"), context.supplementalGroupsPolicy, ["Merge", "Strict"]),
    optionalEnum(at.child("seLinuxChangePolicy"), context.seLinuxChangePolicy, seLinuxChangePolicies),
  );
  return errors;
}

/** The other, MountOption, needs the feature SELinuxMount, which v1.35 has off. */
const seLinuxChangePolicies = ["Recursive"];

function validateSeccomp(profile: SeccompProfile | undefined, at: Path): FieldError[] {
  if (!profile) return [];
  const { type, localhostProfile } = profile;
  const errors: FieldError[] = [];
  const place = at.child("localhostProfile");
  if (!type) errors.push(required(at.child("type"), "type is required when seccompProfile is set"));
  else if (!profileTypes.includes(type)) errors.push(notSupported(at.child("type"), type, profileTypes));
  if (type !== "Localhost") {
    if (localhostProfile !== undefined)
      errors.push(invalidValue(place, profile, "can only be set when seccomp type is Localhost"));
  } else if (localhostProfile === undefined) errors.push(required(place, "must be set when seccomp type is Localhost"));
  else append(errors, validateDescendingPath(place, localhostProfile));
  return errors;
}

export function validateAppArmor(profile: AppArmorProfile | undefined, at: Path): FieldError[] {
  if (!profile) return [];
  const { type, localhostProfile } = profile;
  const place = at.child("localhostProfile");
  if (!type) return [required(at.child("type"), "type is required when appArmorProfile is set")];
  if (!profileTypes.includes(type)) return [notSupported(at.child("type"), type, profileTypes)];
  if (type !== "Localhost")
    return localhostProfile === undefined
      ? []
      : [invalidValue(place, localhostProfile, "can only be set when AppArmor type is Localhost")];
  if (!localhostProfile) return [required(place, "must be set when AppArmor type is Localhost")];
  const errors: FieldError[] = [];
  if (localhostProfile.trim() !== localhostProfile)
    errors.push(invalidValue(place, localhostProfile, "must not be padded with whitespace"));
  if (localhostProfile.length > profilePathMax) errors.push(tooLong(place, profilePathMax));
  return errors;
}

/** The namespace that a sysctl belongs to, by its first words; others concern the whole node. */
function sysctlNamespace(name: string): "net" | "ipc" | undefined {
  const dotted = name.replaceAll("/", ".");
  if (dotted.startsWith("net.")) return "net";
  if (/^(kernel\.(shm|msg|sem$)|kernel\.shm_rmid_forced$|fs\.mqueue\.)/.test(dotted)) return "ipc";
  return undefined;
}

function validateSysctls(spec: PodSpec, at: Path): FieldError[] {
  const seen = new Set<string>();
  return eachItem(at, spec.securityContext?.sysctls, ({ name }, item) => {
    const place = item.child("name");
    const errors: FieldError[] = [];
    if (!name) errors.push(required(place));
    else if (name.length > sysctlLengthMax || !sysctlName.test(name))
      errors.push(
        invalidValue(place, name, `must have at most ${sysctlLengthMax} characters and match regex ${sysctlPattern}`),
      );
    else if (seen.has(name)) errors.push(duplicate(place, name));
    seen.add(name);
    const namespace = sysctlNamespace(name ?? "");
    if (spec.hostNetwork && namespace === "net")
      errors.push(invalidValue(place, name, "may not be specified when 'hostNetwork' is true"));
    else if (spec.hostIPC && namespace === "ipc")
      errors.push(invalidValue(place, name, "may not be specified when 'hostIPC' is true"));
    return errors;
  });
}

const credentialSpecBytesMax = 64 * 1024;

function validateWindowsOptions(options: WindowsSecurityContextOptions | undefined, at: Path): FieldError[] {
  if (!options) return [];
  const { gmsaCredentialSpecName, gmsaCredentialSpec, runAsUserName } = options;
  const errors: FieldError[] = [];
  if (gmsaCredentialSpecName !== undefined)
    append(
      errors,
      invalidFor(
        at.child("gmsaCredentialSpecName"),
        gmsaCredentialSpecName,
        isDns1123Subdomain(gmsaCredentialSpecName),
      ),
    );
  if (gmsaCredentialSpec === "")
    errors.push(invalidValue(at.child("gmsaCredentialSpec"), "", "gmsaCredentialSpec cannot be an empty string"));
  if (exceedsBytes(credentialSpecBytesMax, gmsaCredentialSpec ?? ""))
    errors.push(
      invalidValue(at.child("gmsaCredentialSpec"), gmsaCredentialSpec, "gmsaCredentialSpec size must be under 64 KiB"),
    );
  if (runAsUserName !== undefined)
    append(errors, invalidFor(at.child("runAsUserName"), runAsUserName, windowsUserMessages(runAsUserName)));
  return errors;
}

/** `DOMAIN\user`, where either part has its own rules; those of Microsoft's naming conventions. */
function windowsUserMessages(name: string): string[] {
  if (name === "") return ["runAsUserName cannot be an empty string"];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there.
  if (/[\u0000-\u001f\u007f]/.test(name)) return ["runAsUserName cannot contain control characters"];
  const parts = name.split("\\");
  if (parts.length > 2) return ["runAsUserName cannot contain more than one backslash"];
  const user = parts.at(-1) ?? "";
  const domain = parts.length === 2 ? parts[0] : undefined;
  const messages: string[] = [];
  const domainLabel = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?";
  const isDomain = new RegExp(`^[^\\\\/:*?"<>|.][^\\\\/:*?"<>|]{0,14}$|^${domainLabel}(?:\\.${domainLabel})*$`);
  if ((domain ?? "").length >= 256) messages.push("runAsUserName's Domain length must be under 256 characters");
  if (domain !== undefined && !isDomain.test(domain))
    messages.push("runAsUserName's Domain doesn't match the NetBios nor the DNS format");
  if (user === "") messages.push("runAsUserName's User cannot be empty");
  if (user.length > 104) messages.push("runAsUserName's User length must not be longer than 104 characters");
  if (/^[. ]+$/.test(user)) messages.push("runAsUserName's User cannot contain only periods or spaces");
  if (/["/\\:;|=,+*?<>@[\]]/.test(user))
    messages.push("runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]");
  return messages;
}
