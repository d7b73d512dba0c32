import type { Auditor, AuditTrail } from "../audit/index.ts";
import type { Identity } from "./handler.ts";
import type { HttpRequest } from "./message.ts";
import { parseResourcePath, type ResourcePath } from "./request-path.ts";

/**
 * Where the audit log has a request of this verb; undefined when it is not to be there. Nobody is known to have sent what
 * could not be authenticated.
 */
export function beginAudit(
  auditor: Auditor,
  { user, impersonator }: Partial<Identity>,
  verb: string,
  request: HttpRequest,
  auditId: string,
): AuditTrail | undefined {
  const path = readablePath(request.path);
  const forwarded = request.header("x-forwarded-for")?.split(/\s*,\s*/) ?? [];
  return auditor.begin({
    user,
    verb,
    auditId,
    path: request.path,
    uri: request.query === "" ? request.path : `${request.path}?${request.query}`,
    sourceAddresses: [...forwarded, request.remoteAddress],
    userAgent: request.header("user-agent"),
    ...(impersonator ? { impersonator } : {}),
    ...(path ? { resource: path, version: path.version } : {}),
  });
}

function readablePath(text: string): ResourcePath | undefined {
  try {
    return parseResourcePath(text);
  } catch {
    return undefined; // the answer says that it cannot be read; to the log it is a path like any other
  }
}
