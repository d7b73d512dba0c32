import { ApiError, Namespaces } from "../../../api/index.ts";
import { errorMessage } from "../../../lib/index.ts";
import type { Lookup } from "../../lookup.ts";
import type { AdmissionPlugin } from "../admission.ts";
import { refuse } from "../refusal.ts";

/** Makes the namespaces in which something is created. */
export function namespaceAutoProvision(
  lookup: Lookup,
  createNamespace: (name: string) => Promise<unknown>,
): AdmissionPlugin {
  return {
    name: "NamespaceAutoProvision",
    admit(request) {
      const { operation, namespace, definition, dryRun } = request;
      const isNamespace = definition.group === "" && definition.plural === Namespaces.plural;
      if (operation !== "CREATE" || dryRun || namespace === "" || isNamespace) return undefined;
      if (lookup.get(Namespaces, undefined, namespace)) return undefined;
      return createNamespace(namespace).then(
        () => {},
        (error: unknown) => {
          // Somebody else made it meanwhile.
          if (error instanceof ApiError && error.reason === "AlreadyExists") return;
          throw refuse(request, errorMessage(error));
        },
      );
    },
  };
}
