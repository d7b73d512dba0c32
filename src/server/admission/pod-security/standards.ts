// The Pod Security Standards as checks, in the words of k8s.io/pod-security-admission/policy.
// https://kubernetes.io/docs/concepts/security/pod-security-standards/

import type { Container, PodSpec, SecurityContext, Volume } from "../../../api/index.ts";
import { append } from "../../../lib/index.ts";

export type Level = "privileged" | "baseline" | "restricted";

/** `latest`, or the minor number of a version 1.x. */
export type Version = "latest" | number;

export interface CheckedPod {
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: PodSpec;
}

/** What a check found: in few words, and in detail. */
export interface Violation {
  readonly reason: string;
  readonly detail: string;
}

interface Check {
  readonly name: string;
  readonly level: "baseline" | "restricted";
  /** The first minor version that has it. */
  readonly since?: number;
  /** The check of the lower level that this one says more than. */
  readonly overrides?: string;
  readonly violation: (pod: CheckedPod, minor: number) => Violation | undefined;
}

/** What the pod does that the level of that version forbids, in the order of the standards. */
export function violations(pod: CheckedPod, level: Level, version: Version): readonly Violation[] {
  if (level === "privileged") return [];
  const minor = version === "latest" ? Number.POSITIVE_INFINITY : version;
  const inForce = checks.filter(
    (each) => (each.since ?? 0) <= minor && (level === "restricted" || each.level === level),
  );
  const overridden = new Set(inForce.map(({ overrides }) => overrides));
  return inForce.flatMap((check) => {
    const found = overridden.has(check.name) ? undefined : check.violation(pod, minor);
    return found ? [found] : [];
  });
}

function containersOf({ spec }: CheckedPod): readonly Container[] {
  return [
    ...(spec.initContainers ?? []),
    ...spec.containers,
    // What is checked of them they have in common with others.
    ...((spec.ephemeralContainers ?? []) as readonly Container[]),
  ];
}

function namesWhere(pod: CheckedPod, isBad: (context: SecurityContext, container: Container) => boolean): string[] {
  return containersOf(pod)
    .filter((each) => isBad(each.securityContext ?? {}, each))
    .map(({ name }) => name);
}

const quoted = (values: readonly string[]) => values.map((each) => JSON.stringify(each)).join(", ");
const sorted = (values: readonly string[]) => [...new Set(values)].sort();
const plural = (word: string, count: number) => (count === 1 ? word : `${word}s`);
const uses = (count: number) => (count === 1 ? "uses" : "use");
const containersNamed = (names: readonly string[]) => `${plural("container", names.length)} ${quoted(names)}`;

/** `pod and container "a"`. */
function setters(isPod: boolean, names: readonly string[]): string | undefined {
  const all = [...(isPod ? ["pod"] : []), ...(names.length > 0 ? [containersNamed(names)] : [])];
  return all.length > 0 ? all.join(" and ") : undefined;
}

/** From 1.25 on, what only Linux has is not asked of pods that say they are for Windows. */
const isForWindows = ({ spec }: CheckedPod, minor: number) => minor >= 25 && spec.os?.name === "windows";
/** From 1.35 on, root in a user namespace of the pod's own is nobody on the node. */
const hasOwnUsers = ({ spec }: CheckedPod, minor: number) => minor >= 35 && spec.hostUsers === false;

const found = (reason: string, detail: string | undefined): Violation | undefined =>
  detail === undefined ? undefined : { reason, detail };

const appArmorPrefix = "container.apparmor.security.beta.kubernetes.io/";
const allowedCapabilities = new Set([
  ...["AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD"],
  ...["NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"],
]);
const restrictedVolumes = new Set([
  ...["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"],
]);
/** Since which minor version each is taken for safe. */
const safeSysctls: ReadonlyMap<string, number> = new Map([
  ["kernel.shm_rmid_forced", 0],
  ["net.ipv4.ip_local_port_range", 0],
  ["net.ipv4.tcp_syncookies", 0],
  ["net.ipv4.ping_group_range", 0],
  ["net.ipv4.ip_unprivileged_port_start", 0],
  ["net.ipv4.ip_local_reserved_ports", 27],
  ["net.ipv4.tcp_keepalive_time", 29],
  ["net.ipv4.tcp_fin_timeout", 29],
  ["net.ipv4.tcp_keepalive_intvl", 29],
  ["net.ipv4.tcp_keepalive_probes", 29],
  ["net.ipv4.tcp_rmem", 32],
  ["net.ipv4.tcp_wmem", 32],
]);

const isAllowedSeccomp = (type: string | undefined) => type === "RuntimeDefault" || type === "Localhost";

/** By name within their level, as they are told. */
const checks: readonly Check[] = [
  { name: "appArmorProfile", level: "baseline", violation: appArmorProfile },
  {
    name: "capabilities_baseline",
    level: "baseline",
    violation(pod) {
      const bad: string[] = [];
      const names = namesWhere(pod, ({ capabilities }) => {
        const added = (capabilities?.add ?? []).filter((each) => !allowedCapabilities.has(each));
        append(bad, added);
        return added.length > 0;
      });
      if (names.length === 0) return undefined;
      return {
        reason: "non-default capabilities",
        detail: `${containersNamed(names)} must not include ${quoted(sorted(bad))} in securityContext.capabilities.add`,
      };
    },
  },
  {
    name: "hostNamespaces",
    level: "baseline",
    violation({ spec }) {
      const set = (["hostNetwork", "hostPID", "hostIPC"] as const).filter((each) => spec[each] === true);
      return set.length === 0
        ? undefined
        : { reason: "host namespaces", detail: set.map((each) => `${each}=true`).join(", ") };
    },
  },
  {
    name: "hostPathVolumes",
    level: "baseline",
    violation({ spec }) {
      const names = (spec.volumes ?? []).filter((each) => each.hostPath).map(({ name }) => name);
      if (names.length === 0) return undefined;
      return { reason: "hostPath volumes", detail: `${plural("volume", names.length)} ${quoted(names)}` };
    },
  },
  {
    name: "hostPorts",
    level: "baseline",
    violation(pod) {
      const ports: string[] = [];
      const names = namesWhere(pod, (_context, container) => {
        const own = (container.ports ?? []).flatMap(({ hostPort }) => (hostPort ? [String(hostPort)] : []));
        append(ports, own);
        return own.length > 0;
      });
      if (names.length === 0) return undefined;
      const all = sorted(ports);
      const what = `${uses(names.length)} ${plural("hostPort", all.length)} ${all.join(", ")}`;
      return { reason: "hostPort", detail: `${containersNamed(names)} ${what}` };
    },
  },
  { name: "hostProbesAndHostLifecycle", level: "baseline", since: 34, violation: probeHosts },
  {
    name: "privileged",
    level: "baseline",
    violation(pod) {
      const names = namesWhere(pod, ({ privileged }) => privileged === true);
      if (names.length === 0) return undefined;
      return { reason: "privileged", detail: `${containersNamed(names)} must not set securityContext.privileged=true` };
    },
  },
  {
    name: "procMount_baseline",
    level: "baseline",
    violation: (pod, minor) => (hasOwnUsers(pod, minor) ? undefined : procMount(pod)),
  },
  { name: "seLinuxOptions", level: "baseline", violation: seLinuxOptions },
  {
    name: "seccompProfile_baseline",
    level: "baseline",
    since: 19,
    violation: (pod) => explicitSeccomp(pod),
  },
  {
    name: "sysctls",
    level: "baseline",
    violation({ spec }, minor) {
      const names = (spec.securityContext?.sysctls ?? []).map(({ name }) => name);
      const bad = names.filter((name) => {
        const since = safeSysctls.get(name);
        return since === undefined || since > minor;
      });
      return bad.length === 0 ? undefined : { reason: "forbidden sysctls", detail: bad.join(", ") };
    },
  },
  {
    name: "windowsHostProcess",
    level: "baseline",
    violation(pod) {
      const own = pod.spec.securityContext?.windowsOptions?.hostProcess === true;
      const who = setters(
        own,
        namesWhere(pod, ({ windowsOptions }) => windowsOptions?.hostProcess === true),
      );
      return found("hostProcess", who && `${who} must not set securityContext.windowsOptions.hostProcess=true`);
    },
  },
  {
    name: "allowPrivilegeEscalation",
    level: "restricted",
    since: 8,
    violation(pod, minor) {
      if (isForWindows(pod, minor)) return undefined;
      const names = namesWhere(pod, ({ allowPrivilegeEscalation }) => allowPrivilegeEscalation !== false);
      if (names.length === 0) return undefined;
      return {
        reason: "allowPrivilegeEscalation != false",
        detail: `${containersNamed(names)} must set securityContext.allowPrivilegeEscalation=false`,
      };
    },
  },
  {
    name: "capabilities_restricted",
    level: "restricted",
    since: 22,
    overrides: "capabilities_baseline",
    violation: (pod, minor) => (isForWindows(pod, minor) ? undefined : unrestrictedCapabilities(pod)),
  },
  {
    name: "procMount_restricted",
    level: "restricted",
    since: 35,
    overrides: "procMount_baseline",
    violation: procMount,
  },
  { name: "restrictedVolumes", level: "restricted", overrides: "hostPathVolumes", violation: restrictedVolumeTypes },
  { name: "runAsNonRoot", level: "restricted", violation: runAsNonRoot },
  {
    name: "runAsUser",
    level: "restricted",
    since: 23,
    violation(pod, minor) {
      if (hasOwnUsers(pod, minor)) return undefined;
      const who = setters(
        pod.spec.securityContext?.runAsUser === 0,
        namesWhere(pod, ({ runAsUser }) => runAsUser === 0),
      );
      return found("runAsUser=0", who && `${who} must not set runAsUser=0`);
    },
  },
  {
    name: "seccompProfile_restricted",
    level: "restricted",
    since: 19,
    overrides: "seccompProfile_baseline",
    violation(pod, minor) {
      if (isForWindows(pod, minor)) return undefined;
      const explicit = explicitSeccomp(pod);
      if (explicit || pod.spec.securityContext?.seccompProfile) return explicit;
      const names = namesWhere(pod, ({ seccompProfile }) => !seccompProfile);
      if (names.length === 0) return undefined;
      return {
        reason: "seccompProfile",
        detail: `pod or ${containersNamed(names)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
      };
    },
  },
];

function appArmorProfile(pod: CheckedPod): Violation | undefined {
  const isAllowed = (type: string | undefined) => type === undefined || isAllowedSeccomp(type);
  const types: string[] = [];
  const isBad = (profile: { readonly type?: string } | undefined) => {
    if (isAllowed(profile?.type)) return false;
    types.push(JSON.stringify(profile?.type));
    return true;
  };
  const own = isBad(pod.spec.securityContext?.appArmorProfile);
  const who = setters(
    own,
    namesWhere(pod, ({ appArmorProfile: profile }) => isBad(profile)),
  );
  const annotations = Object.entries(pod.annotations)
    .filter(([key, value]) => key.startsWith(appArmorPrefix) && !/^(runtime\/default$|localhost\/|$)/.test(value))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .sort();
  if (!who && annotations.length === 0) return undefined;
  const details = [
    ...(who ? [`${who} must not set AppArmor profile type to ${sorted(types).join(", ")}`] : []),
    ...(annotations.length > 0 ? [`${plural("annotation", annotations.length)} ${annotations.join(", ")}`] : []),
  ];
  const count = types.length + annotations.length;
  return { reason: plural("forbidden AppArmor profile", count), detail: details.join(" and ") };
}

function probeHosts(pod: CheckedPod): Violation | undefined {
  const hosts: string[] = [];
  const names = namesWhere(pod, (_context, { livenessProbe, readinessProbe, startupProbe, lifecycle }) => {
    const handlers = [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop];
    const own = handlers.flatMap((each) => [each?.httpGet?.host, each?.tcpSocket?.host]).filter((host) => !!host);
    append(hosts, own as string[]); // the empty ones are gone
    return own.length > 0;
  });
  if (names.length === 0) return undefined;
  const [containers, all] = [sorted(names), sorted(hosts)];
  const what = `${uses(containers.length)} ${plural("probe or lifecycle host", all.length)} ${quoted(all)}`;
  return { reason: "probe or lifecycle host", detail: `${containersNamed(containers)} ${what}` };
}

function procMount(pod: CheckedPod): Violation | undefined {
  const types: string[] = [];
  const names = namesWhere(pod, ({ procMount: type = "Default" }) => {
    if (type !== "Default") types.push(type);
    return type !== "Default";
  });
  if (names.length === 0) return undefined;
  const detail = `${containersNamed(names)} must not set securityContext.procMount to ${quoted(sorted(types))}`;
  return { reason: "procMount", detail };
}

function seLinuxOptions(pod: CheckedPod, minor: number): Violation | undefined {
  const allowed = [
    "",
    "container_t",
    "container_init_t",
    "container_kvm_t",
    ...(minor >= 31 ? ["container_engine_t"] : []),
  ];
  const types: string[] = [];
  let [setsUser, setsRole] = [false, false];
  const isBad = (options: SecurityContext["seLinuxOptions"]) => {
    const { type = "", user, role } = options ?? {};
    const isBadType = !allowed.includes(type);
    if (isBadType) types.push(type);
    setsUser ||= !!user;
    setsRole ||= !!role;
    return isBadType || !!user || !!role;
  };
  const own = isBad(pod.spec.securityContext?.seLinuxOptions);
  const who = setters(
    own,
    namesWhere(pod, (context) => isBad(context.seLinuxOptions)),
  );
  if (!who) return undefined;
  const all = sorted(types);
  const data = [
    ...(all.length > 0 ? [`${plural("type", all.length)} ${quoted(all)}`] : []),
    ...(setsUser ? ["user may not be set"] : []),
    ...(setsRole ? ["role may not be set"] : []),
  ];
  return {
    reason: "seLinuxOptions",
    detail: `${who} set forbidden securityContext.seLinuxOptions: ${data.join("; ")}`,
  };
}

function explicitSeccomp(pod: CheckedPod): Violation | undefined {
  const types: string[] = [];
  const isBad = (profile: SecurityContext["seccompProfile"]) => {
    if (!profile || isAllowedSeccomp(profile.type)) return false;
    types.push(profile.type);
    return true;
  };
  const own = isBad(pod.spec.securityContext?.seccompProfile);
  const who = setters(
    own,
    namesWhere(pod, ({ seccompProfile }) => isBad(seccompProfile)),
  );
  const detail = who && `${who} must not set securityContext.seccompProfile.type to ${quoted(sorted(types))}`;
  return found("seccompProfile", detail);
}

function unrestrictedCapabilities(pod: CheckedPod): Violation | undefined {
  const added: string[] = [];
  const missing = namesWhere(pod, ({ capabilities }) => !capabilities?.drop?.includes("ALL"));
  const adding = namesWhere(pod, ({ capabilities }) => {
    const own = (capabilities?.add ?? []).filter((each) => each !== "NET_BIND_SERVICE");
    append(added, own);
    return own.length > 0;
  });
  const details = [
    ...(missing.length > 0 ? [`${containersNamed(missing)} must set securityContext.capabilities.drop=["ALL"]`] : []),
    ...(adding.length > 0
      ? [`${containersNamed(adding)} must not include ${quoted(sorted(added))} in securityContext.capabilities.add`]
      : []),
  ];
  return details.length === 0 ? undefined : { reason: "unrestricted capabilities", detail: details.join("; ") };
}

function restrictedVolumeTypes({ spec }: CheckedPod): Violation | undefined {
  const typeOf = (volume: Volume) => Object.keys(volume).find((key) => key !== "name") ?? "emptyDir";
  const bad = (spec.volumes ?? []).filter((each) => !restrictedVolumes.has(typeOf(each)));
  if (bad.length === 0) return undefined;
  const types = sorted(bad.map(typeOf));
  const names = quoted(bad.map(({ name }) => name));
  const what = `${uses(bad.length)} ${plural("restricted volume type", types.length)} ${quoted(types)}`;
  return { reason: "restricted volume types", detail: `${plural("volume", bad.length)} ${names} ${what}` };
}

function runAsNonRoot(pod: CheckedPod, minor: number): Violation | undefined {
  if (hasOwnUsers(pod, minor)) return undefined;
  const reason = "runAsNonRoot != true";
  const own = pod.spec.securityContext?.runAsNonRoot;
  const explicit = setters(
    own === false,
    namesWhere(pod, (context) => context.runAsNonRoot === false),
  );
  if (explicit) return { reason, detail: `${explicit} must not set securityContext.runAsNonRoot=false` };
  if (own === true) return undefined;
  const names = namesWhere(pod, (context) => context.runAsNonRoot === undefined);
  if (names.length === 0) return undefined;
  return { reason, detail: `pod or ${containersNamed(names)} must set securityContext.runAsNonRoot=true` };
}
