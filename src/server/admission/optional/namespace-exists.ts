import { Namespaces, notFound } from "../../../api/index.ts";
import type { Lookup } from "../../lookup.ts";
import type { AdmissionPlugin } from "../admission.ts";

/** Nothing is written in a namespace that is not there, deletions too. */
export function namespaceExists(lookup: Lookup): AdmissionPlugin {
  return {
    name: "NamespaceExists",
    validate({ namespace, definition, operation }) {
      const isNamespace = definition.group === "" && definition.plural === Namespaces.plural;
      if (namespace === "" || isNamespace || operation === "CONNECT") return;
      if (!lookup.get(Namespaces, undefined, namespace)) throw notFound(Namespaces, namespace);
    },
  };
}
