import { badRequest, type User } from "../../api/index.ts";
import type { ApiServer } from "../api-server.ts";
import { allUnauthenticated, anonymousUser, asAuthenticated } from "../authentication/index.ts";
import type { HttpRequest } from "./message.ts";

const extraPrefix = "impersonate-extra-";
const serviceAccountPrefix = "system:serviceaccount:";

/** The user that the request wants to act as, when `user` may do that; `user` when it asks for none. Throws 403. */
export async function impersonate(api: ApiServer, request: HttpRequest, user: User): Promise<User> {
  const name = request.header("impersonate-user");
  // Looking at every header costs more than at the few that matter, and only those who name a user can go on.
  if (name === undefined) {
    if (request.header("impersonate-group") !== undefined || request.header("impersonate-uid") !== undefined)
      throw badRequest("impersonating groups, a uid or extra needs a user to impersonate");
    return user;
  }
  const may = async (group: string, plural: string, subresource: string, namespace: string, resourceName: string) => {
    const resource = { group, version: "v1", plural, subresource, namespace, name: resourceName };
    await api.authorize({ user, verb: "impersonate", resource });
  };
  const account = serviceAccountOf(name);
  if (account) await may("", "serviceaccounts", "", account.namespace, account.name);
  else await may("", "users", "", "", name);
  const groups = valuesOf(request, "impersonate-group");
  for (const each of groups) await may("", "groups", "", "", each);
  const uid = request.header("impersonate-uid");
  if (uid !== undefined) await may("authentication.k8s.io", "uids", "", "", uid);
  const extra: Record<string, readonly string[]> = {};
  for (const header of Object.keys(request.headers())) {
    if (!header.startsWith(extraPrefix)) continue;
    const key = decodedKey(header.slice(extraPrefix.length));
    extra[key] = valuesOf(request, header);
    for (const value of extra[key]) await may("authentication.k8s.io", "userextras", key, "", value);
  }
  if (name === anonymousUser.name && !groups.includes(allUnauthenticated)) groups.push(allUnauthenticated);
  const accountGroups = account ? ["system:serviceaccounts", `system:serviceaccounts:${account.namespace}`] : [];
  return asAuthenticated({
    name,
    groups: groups.length > 0 ? groups : accountGroups,
    ...(uid === undefined ? {} : { uid }),
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  });
}

/** Keys are percent-encoded, for headers cannot say everything; what does not decode is taken as it is. */
function decodedKey(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function valuesOf(request: HttpRequest, header: string): string[] {
  return (request.header(header) ?? "").split(", ").filter((each) => each !== "");
}

function serviceAccountOf(name: string): { readonly namespace: string; readonly name: string } | undefined {
  if (!name.startsWith(serviceAccountPrefix)) return undefined;
  const [namespace = "", account = "", ...rest] = name.slice(serviceAccountPrefix.length).split(":");
  return namespace !== "" && account !== "" && rest.length === 0 ? { namespace, name: account } : undefined;
}
