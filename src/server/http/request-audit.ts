import { formatIp, parseIp } from "../../api/index.ts";
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
  return auditor.begin({
    user,
    verb,
    auditId,
    path: request.path,
    uri: request.query === "" ? request.path : `${request.path}?${request.query}`,
    sourceAddresses: sourceAddresses(request),
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

/** Where a request comes from, the nearest last; what proxies say and is no address is left out (util/net, SourceIPs). */
function sourceAddresses(request: HttpRequest): readonly string[] {
  const addresses = (text: string | undefined) =>
    (text ?? "").split(",").flatMap((each) => {
      const parsed = parseIp(each.trim());
      return parsed ? formatIp(parsed) : [];
    });
  const forwarded = addresses(request.header("x-forwarded-for"));
  const [real] = addresses(request.header("x-real-ip"));
  const said = real === undefined || forwarded.includes(real) ? forwarded : [...forwarded, real];
  const [own = request.remoteAddress] = addresses(request.remoteAddress);
  return said.at(-1) === own ? said : [...said, own];
}
