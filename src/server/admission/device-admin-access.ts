// Who uses devices without regard to whom they are given needs a namespace that an administrator marked for that:
// pkg/registry/resource. Not a plugin there but a part of storing claims.
import {
  forbiddenField,
  invalid,
  Namespaces,
  type Path,
  ResourceClaims,
  ResourceClaimTemplates,
  type ResourceResourceClaim,
  rootPath,
} from "../../api/index.ts";
import type { Lookup } from "../lookup.ts";
import type { AdmissionPlugin, AdmissionRequest } from "./admission.ts";
import { written } from "./subject.ts";

const adminLabel = "resource.kubernetes.io/admin-access";

/** Claims and templates of claims ask for admin access, and claims get it, in marked namespaces alone. */
export function deviceAdminAccess(lookup: Lookup): AdmissionPlugin {
  return {
    name: "DeviceAdminAccess",
    resources: [ResourceClaims, ResourceClaimTemplates],
    validate(request) {
      const at = request.subresource === "status" ? grantedAt(request) : askedAt(request);
      if (!at || lookup.get(Namespaces, undefined, request.namespace)?.metadata.labels?.[adminLabel] === "true") return;
      const why = `admin access to devices requires the \`${adminLabel}: true\` label on the containing namespace`;
      const { definition, name } = request;
      throw invalid(definition, name, [forbiddenField(at, why)]);
    },
  };
}

/** Where a new claim or template asks for it; the requests of old ones cannot be changed. */
function askedAt(request: AdmissionRequest): Path | undefined {
  const devices =
    written(request, ResourceClaims, "CREATE")?.spec.devices ??
    written(request, ResourceClaimTemplates, "CREATE")?.spec.spec.devices;
  const index = (devices?.requests ?? []).findIndex(({ exactly }) => exactly?.adminAccess);
  return index < 0 ? undefined : rootPath.child("spec", "devices", "requests").index(index).child("adminAccess");
}

/** Where a claim gets it that had none. */
function grantedAt({ object, old }: AdmissionRequest): Path | undefined {
  // The pipeline decoded them by the definition, of which claims alone have a status.
  const [before, after] = [old, object].map((each) => firstGranted(each as ResourceResourceClaim | undefined));
  if (after === undefined || before !== undefined) return undefined;
  return rootPath.child("status", "allocation", "devices", "results").index(after).child("adminAccess");
}

function firstGranted(claim: ResourceResourceClaim | undefined): number | undefined {
  const results = claim?.status?.allocation?.devices?.results ?? [];
  const index = results.findIndex(({ adminAccess }) => adminAccess);
  return index < 0 ? undefined : index;
}
