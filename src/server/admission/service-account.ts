import {
  type Container,
  isMirrorPod,
  mountableSecretsAnnotation,
  notFound,
  type Pod,
  type PodSpec,
  Pods,
  type ServiceAccount,
  ServiceAccounts,
  type Volume,
} from "../../api/index.ts";
import { type Clock, type Draft, nameSuffix, type Random } from "../../lib/index.ts";
import { podReferences } from "../authorization/index.ts";
import type { Lookup } from "../lookup.ts";
import type { AdmissionPlugin, AdmissionRequest } from "./admission.ts";
import { refuse } from "./refusal.ts";
import { written } from "./subject.ts";

const defaultAccount = "default";
const volumePrefix = "kube-api-access-";
/** Where every client library looks for the token. */
const mountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
/** How long a pod waits for the account that a controller makes in every new namespace; Kubernetes tries for about as long. */
const defaultAccountMsMax = 1500;

export interface ServiceAccountAdmissionOptions {
  readonly lookup: Lookup;
  readonly clock: Clock;
  readonly random: Random;
}

/** Gives pods a service account, its token as a volume, and its pull secrets. */
export function serviceAccount(options: ServiceAccountAdmissionOptions): AdmissionPlugin {
  return {
    name: "ServiceAccount",
    resources: [Pods],
    async admit(request) {
      const pod = written(request, Pods, "CREATE");
      if (!pod || isMirrorPod(pod)) return;
      pod.spec.serviceAccountName ||= defaultAccount;
      pod.spec.serviceAccount = pod.spec.serviceAccountName;
      const account = await accountOf(request, pod.spec.serviceAccountName, options);
      if (pod.spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true)
        mountToken(pod.spec, options.random);
      if ((pod.spec.imagePullSecrets ?? []).length === 0 && account.imagePullSecrets)
        pod.spec.imagePullSecrets = account.imagePullSecrets.map((each) => ({ ...each }));
    },
    async validate(request) {
      const pod = written(request, Pods, "CREATE");
      if (!pod) return;
      if (isMirrorPod(pod)) return validateMirrorPod(request, pod);
      const { namespace = request.namespace, name } = pod.metadata;
      const accountName = pod.spec.serviceAccountName ?? "";
      if (accountName === "") throw refuse(request, `no service account specified for pod ${namespace}/${name}`);
      const account = await accountOf(request, accountName, options);
      if (account.metadata.annotations?.[mountableSecretsAnnotation] === "true") limitSecrets(request, pod, account);
    },
  };
}

async function accountOf(
  request: AdmissionRequest,
  name: string,
  { lookup, clock }: ServiceAccountAdmissionOptions,
): Promise<ServiceAccount> {
  const { namespace } = request;
  let account = lookup.get(ServiceAccounts, namespace, name);
  if (!account && name === defaultAccount) {
    const giveUp = new AbortController();
    const timer = clock.setTimer(defaultAccountMsMax, () => giveUp.abort());
    account = await lookup.whenThere(ServiceAccounts, namespace, name, giveUp.signal);
    timer.cancel();
  }
  if (account) return account;
  // The resource is named in the singular, as the listers of Kubernetes do.
  const missing = notFound({ group: "", plural: "serviceaccount" }, name).message;
  throw refuse(request, `error looking up service account ${namespace}/${name}: ${missing}`);
}

function mountToken(spec: Draft<PodSpec>, random: Random): void {
  const existing = spec.volumes?.find(({ name }) => name?.startsWith(volumePrefix));
  const name = existing?.name ?? volumePrefix + nameSuffix(random);
  let needsVolume = false;
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
    if (container.volumeMounts?.some((mount) => mount.mountPath === mountPath)) continue;
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath }];
    needsVolume = true;
  }
  if (needsVolume && !existing) spec.volumes = [...(spec.volumes ?? []), tokenVolume(name)];
}

/** The volume as Kubernetes writes it; 3607 seconds tells TokenRequest that old clients may use the token for longer. */
function tokenVolume(name: string): Draft<Volume> {
  return {
    name,
    projected: {
      defaultMode: 0o644,
      sources: [
        { serviceAccountToken: { expirationSeconds: 3607, path: "token" } },
        { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
        {
          downwardAPI: {
            items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }],
          },
        },
      ],
    },
  };
}

function validateMirrorPod(request: AdmissionRequest, pod: Pod): void {
  if ((pod.spec.serviceAccountName ?? "") !== "")
    throw refuse(request, "a mirror pod may not reference service accounts");
  if (podReferences(pod).secrets.size > 0) throw refuse(request, "a mirror pod may not reference secrets");
  const sources = (pod.spec.volumes ?? []).flatMap(({ projected }) => projected?.sources ?? []);
  if (sources.some((each) => each.serviceAccountToken))
    throw refuse(request, "a mirror pod may not use ServiceAccountToken volume projections");
}

/** An account may be annotated so that its pods name only the secrets it lists. */
function limitSecrets(request: AdmissionRequest, pod: Pod, account: ServiceAccount): void {
  const accountName = account.metadata.name;
  const mountable = new Set((account.secrets ?? []).map(({ name }) => name));
  const pullable = new Set((account.imagePullSecrets ?? []).map(({ name }) => name));
  for (const { secret } of pod.spec.volumes ?? [])
    if (secret && !mountable.has(secret.secretName))
      throw refuse(
        request,
        `volume with secret.secretName="${secret.secretName}" is not allowed because service account ${accountName} does not reference that secret`,
      );
  const groups: readonly [string, readonly Container[]][] = [
    ["init container", pod.spec.initContainers ?? []],
    ["container", pod.spec.containers],
  ];
  for (const [kind, containers] of groups)
    for (const container of containers)
      for (const { name, valueFrom } of container.env ?? []) {
        const secret = valueFrom?.secretKeyRef;
        if (secret && !mountable.has(secret.name))
          throw refuse(
            request,
            `${kind} ${container.name} with envVar ${name} referencing secret.secretName="${secret.name}" is not allowed because service account ${accountName} does not reference that secret`,
          );
      }
  for (const [index, { name }] of (pod.spec.imagePullSecrets ?? []).entries())
    if (!pullable.has(name))
      throw refuse(
        request,
        `imagePullSecrets[${index}].name="${name}" is not allowed because service account ${accountName} does not reference that imagePullSecret`,
      );
}
