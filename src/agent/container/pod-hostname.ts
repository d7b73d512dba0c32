import type { Pod } from "../../api/index.ts";

/** The kernel's limit for a hostname. */
const hostnameMax = 63;
const fqdnMax = 64;

export interface PodHostname {
  readonly hostname: string;
  /** `hostname.subdomain.namespace.svc.domain`, for pods with a subdomain. */
  readonly fqdn?: string;
}

/** https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-s-hostname-and-subdomain-fields */
export function podHostname(pod: Pod, clusterDomain: string): PodHostname {
  const { spec, metadata } = pod;
  if (spec.hostnameOverride !== undefined) return { hostname: spec.hostnameOverride };
  const hostname = spec.hostname || truncated(metadata.name);
  if (!spec.subdomain) return { hostname };
  return { hostname, fqdn: `${hostname}.${spec.subdomain}.${metadata.namespace}.svc.${clusterDomain}` };
}

/** What the kernel of the pod's UTS namespace is told; throws when setHostnameAsFQDN asks for more than it takes. */
export function kernelHostname(pod: Pod, clusterDomain: string): string {
  const { hostname, fqdn } = podHostname(pod, clusterDomain);
  if (!pod.spec.setHostnameAsFQDN || fqdn === undefined) return hostname;
  if (fqdn.length > fqdnMax) {
    throw new Error(
      `failed to construct FQDN from pod hostname and cluster domain, FQDN ${fqdn} is too long (${fqdnMax} characters is the max, ${fqdn.length} characters requested)`,
    );
  }
  return fqdn;
}

function truncated(name: string): string {
  return name.slice(0, hostnameMax).replace(/[-.]+$/, "");
}
