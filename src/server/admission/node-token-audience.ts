// For whom a node may ask for the tokens of its pods: KEP-4412, ServiceAccountNodeAudienceRestriction.
import {
  type AuthenticationTokenRequest,
  CSIDrivers,
  PersistentVolumeClaims,
  PersistentVolumes,
  type Pod,
  type Volume,
} from "../../api/index.ts";
import type { Authorizer } from "../authorization/index.ts";
import type { Lookup } from "../lookup.ts";
import type { AdmissionRequest } from "./admission.ts";
import { refuse } from "./refusal.ts";

/** Throws 403 unless a volume of the pod names the audience, its CSI driver does, or a role allows it to the node. */
export async function restrictAudience(
  request: AdmissionRequest,
  spec: Partial<AuthenticationTokenRequest["spec"]>,
  pod: Pod,
  lookup: Lookup,
  authorizer: Authorizer,
): Promise<void> {
  const audiences = spec.audiences ?? [];
  if (audiences.length > 1) throw refuse(request, "node may only request 0 or 1 audiences");
  const [audience = ""] = audiences;
  if (pod.spec.volumes?.some((volume) => names(volume, audience, pod, lookup))) return;
  const { user, namespace, name } = request;
  const resource = { group: "", version: "v1", plural: audience, subresource: "", namespace, name };
  const verb = "request-serviceaccounts-token-audience";
  if ((await authorizer.authorize({ user, verb, resource })).allowed) return;
  throw refuse(request, `audience ${JSON.stringify(audience)} not found in pod spec volume`);
}

function names(volume: Volume, audience: string, { metadata }: Pod, lookup: Lookup): boolean {
  const sources = volume.projected?.sources ?? [];
  if (sources.some(({ serviceAccountToken: token }) => token && (token.audience ?? "") === audience)) return true;
  // The claim of an ephemeral volume is called after its pod and itself.
  const claim = volume.ephemeral ? `${metadata.name}-${volume.name}` : volume.persistentVolumeClaim?.claimName;
  const driver = volume.csi?.driver ?? (claim && driverOfClaim(lookup, metadata.namespace ?? "", claim));
  const requests = driver ? lookup.get(CSIDrivers, undefined, driver)?.spec.tokenRequests : undefined;
  return requests?.some((each) => each.audience === audience) ?? false;
}

function driverOfClaim(lookup: Lookup, namespace: string, claim: string): string | undefined {
  const volumeName = lookup.get(PersistentVolumeClaims, namespace, claim)?.spec.volumeName;
  return volumeName ? lookup.get(PersistentVolumes, undefined, volumeName)?.spec.csi?.driver : undefined;
}
