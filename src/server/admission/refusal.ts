import { type ApiError, forbidden } from "../../api/index.ts";
import type { AdmissionRequest } from "./admission.ts";

/** The 403 with which plugins refuse: `pods "web" is forbidden: <why>`. */
export function refuse(request: AdmissionRequest, why: string): ApiError {
  return forbidden(request.definition, nameInMessages(request), why);
}

/** The object's name, or what is known of it before one is generated. */
function nameInMessages({ name, object }: AdmissionRequest): string {
  return name || object?.metadata.name || object?.metadata.generateName || "Unknown";
}
