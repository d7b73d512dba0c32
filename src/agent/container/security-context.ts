import type { Container, EphemeralContainer, Pod, SeccompProfile } from "../../api/index.ts";
import type { Int64 } from "../../lib/index.ts";
import type { Image, SecurityContext } from "../engine/index.ts";
import { configError } from "./start-error.ts";

/** The container's security context over the pod's, in the engine's words. `image` says the user when the spec does not. */
export function containerSecurity(
  pod: Pod,
  container: Container | EphemeralContainer,
  image: Pick<Image, "uid" | "username">,
): SecurityContext {
  const own = container.securityContext ?? {};
  const ofPod = pod.spec.securityContext ?? {};
  const runAsUser = id(own.runAsUser ?? ofPod.runAsUser);
  const runAsGroup = id(own.runAsGroup ?? ofPod.runAsGroup);
  const privileged = own.privileged ?? false;
  const userOfImage = image.uid ?? (image.username ? image.username : 0);
  return {
    ...(runAsUser !== undefined
      ? { runAsUser }
      : typeof userOfImage === "number"
        ? { runAsUser: userOfImage }
        : { runAsUserName: userOfImage }),
    ...(runAsGroup === undefined ? {} : { runAsGroup }),
    supplementalGroups: supplementalGroups(pod),
    privileged,
    readOnlyRootFilesystem: own.readOnlyRootFilesystem ?? false,
    noNewPrivileges: own.allowPrivilegeEscalation === false,
    addCapabilities: own.capabilities?.add ?? [],
    dropCapabilities: own.capabilities?.drop ?? [],
    seccomp: seccompOf(own.seccompProfile ?? ofPod.seccompProfile, privileged),
    ...(own.procMount === "Unmasked" ? { maskedPaths: [], readonlyPaths: [] } : {}),
  };
}

/** What the sandbox's own process runs as: the pod's context without a container's. */
export function sandboxSecurity(pod: Pod): SecurityContext {
  const { seccompProfile, ...ofPod } = pod.spec.securityContext ?? {};
  const [runAsUser, runAsGroup] = [id(ofPod.runAsUser), id(ofPod.runAsGroup)];
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
  const privileged = containers.some((each) => each.securityContext?.privileged === true);
  return {
    ...(runAsUser === undefined ? {} : { runAsUser }),
    ...(runAsGroup === undefined ? {} : { runAsGroup }),
    supplementalGroups: supplementalGroups(pod),
    privileged,
    readOnlyRootFilesystem: false,
    noNewPrivileges: false,
    addCapabilities: [],
    dropCapabilities: [],
    // The kubelet gives the sandbox the runtime's profile whatever its containers have.
    seccomp: seccompProfile === undefined ? "RuntimeDefault" : seccompOf(seccompProfile, privileged),
  };
}

function supplementalGroups(pod: Pod): number[] {
  const { fsGroup, supplementalGroups: groups = [] } = pod.spec.securityContext ?? {};
  return [...groups, ...(fsGroup === undefined ? [] : [fsGroup])].map(Number);
}

/** Valid ids have 31 bits. */
function id(value: Int64 | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}

function seccompOf(profile: SeccompProfile | undefined, privileged: boolean): string {
  if (privileged || profile === undefined) return "Unconfined";
  return profile.type === "Localhost" ? `Localhost/${profile.localhostProfile ?? ""}` : profile.type;
}

/** Throws when the container must not run as root and would, or when nobody can tell (the kubelet's security_context.go). */
export function checkRunAsNonRoot(
  pod: Pod,
  container: Container | EphemeralContainer,
  image: Pick<Image, "uid" | "username">,
): void {
  const own = container.securityContext ?? {};
  const ofPod = pod.spec.securityContext ?? {};
  if (!(own.runAsNonRoot ?? ofPod.runAsNonRoot)) return;
  const about = `(pod: "${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})", container: ${container.name})`;
  const user = own.runAsUser ?? ofPod.runAsUser;
  if (user !== undefined) {
    if (user === 0) throw configError(`container's runAsUser breaks non-root policy ${about}`);
    return;
  }
  if (image.uid === undefined && image.username) {
    throw configError(
      `container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root ${about}`,
    );
  }
  if ((image.uid ?? 0) === 0) throw configError(`container has runAsNonRoot and image will run as root ${about}`);
}
