import { jwksDocument, openIdConfiguration } from "../authentication/issuer-discovery.ts";
import type { TokenKeys } from "../authentication/token-keys.ts";
import type { PathRoute } from "./handler.ts";
import { sendBody } from "./writer.ts";

const jwksPath = "/openid/v1/jwks";
const configurationPath = "/.well-known/openid-configuration";

/** The documents by which others verify service-account tokens. `advertised` is host and port for those clients. */
export function issuerDiscoveryRoute(issuer: string, advertised: string, keys: TokenKeys): PathRoute {
  const documents = new Map<string, { readonly type: string; readonly body: string }>([
    [jwksPath, { type: "application/jwk-set+json", body: JSON.stringify(jwksDocument(keys)) }],
    [
      configurationPath,
      {
        type: "application/json",
        body: JSON.stringify(openIdConfiguration(issuer, `https://${advertised}${jwksPath}`, keys)),
      },
    ],
  ]);
  return async (request, response) => {
    const document = documents.get(request.path.replace(/\/$/, ""));
    if (!document || (request.method !== "GET" && request.method !== "HEAD")) return false;
    const headers = { "content-type": document.type, "cache-control": "public, max-age=3600" };
    await sendBody(request, response, 200, headers, document.body);
    return true;
  };
}
