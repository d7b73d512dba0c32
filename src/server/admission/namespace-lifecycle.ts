import { ApiError, forbidden, Namespaces, notFound } from "../../api/index.ts";
import type { Lookup } from "../lookup.ts";
import type { AdmissionPlugin, AdmissionRequest } from "./admission.ts";
import { refuse } from "./refusal.ts";

const immortal = new Set(["default", "kube-system", "kube-public"]);

/** Objects are only made in namespaces that are there and stay, and three namespaces are never deleted. */
export function namespaceLifecycle(lookup: Lookup): AdmissionPlugin {
  return {
    name: "NamespaceLifecycle",
    admit(request) {
      const { operation, definition, namespace, name } = request;
      if (definition.group === "" && definition.plural === "namespaces") {
        if (operation === "DELETE" && immortal.has(name))
          throw forbidden(Namespaces, name, "this namespace may not be deleted");
        return;
      }
      if (namespace === "" || operation === "DELETE" || operation === "CONNECT" || isAccessReview(request)) return;
      const found = lookup.get(Namespaces, undefined, namespace);
      if (!found) throw notFound(Namespaces, namespace);
      if (operation === "CREATE" && found.status?.phase === "Terminating") throw terminating(request);
    },
  };
}

/** Whether somebody may do something in a namespace is answered without telling whether the namespace exists. */
function isAccessReview({ definition }: AdmissionRequest): boolean {
  return definition.group === "authorization.k8s.io" && definition.plural === "localsubjectaccessreviews";
}

function terminating(request: AdmissionRequest): ApiError {
  const { namespace } = request;
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const { code, reason, message, details } = refuse(request, why).status;
  const cause = {
    reason: "NamespaceTerminating",
    message: `namespace ${namespace} is being terminated`,
    field: "metadata.namespace",
  };
  return new ApiError(code, reason ?? "", message, { ...details, causes: [cause] });
}
