// Acting as somebody else: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
import { badRequest, isDns1123Label, isDns1123Subdomain, type User } from "../../api/index.ts";
import type { Awaitable } from "../../lib/index.ts";
import type { ApiServer } from "../api-server.ts";
import { allUnauthenticated, anonymousUser, asAuthenticated } from "../authentication/index.ts";
import type { HttpRequest } from "./message.ts";
import { type NamedUser, userInHeaders } from "./user-headers.ts";

const serviceAccountPrefix = "system:serviceaccount:";
const authenticationGroup = "authentication.k8s.io";

/**
 * The user that the request wants to act as, when `user` may do that; `user` when it asks for none. Throws 403, and 400
 * when it asks for groups, extra or a uid of nobody.
 */
export function impersonate(api: ApiServer, request: HttpRequest, user: User): Awaitable<User> {
  const wanted = readWanted(request);
  return wanted ? actAs(api, user, wanted) : user;
}

async function actAs(api: ApiServer, user: User, { name, groups, extra, uid }: NamedUser): Promise<User> {
  const may = (plural: string, resourceName: string, { group = "", subresource = "", namespace = "" } = {}) => {
    const version = group === "" ? "" : "v1";
    const resource = { group, version, plural, subresource, namespace, name: resourceName };
    return api.authorize({ user, verb: "impersonate", resource });
  };
  const account = serviceAccountOf(name);
  if (account) await may("serviceaccounts", account.name, { namespace: account.namespace });
  else await may("users", name);
  for (const each of groups) await may("groups", each);
  for (const [key, values] of Object.entries(extra))
    for (const value of values) await may("userextras", value, { group: authenticationGroup, subresource: key });
  if (uid !== "") await may("uids", uid, { group: authenticationGroup });
  const accountGroups = account ? ["system:serviceaccounts", `system:serviceaccounts:${account.namespace}`] : [];
  const own = groups.length > 0 ? groups : accountGroups;
  const isAnonymous = name === anonymousUser.name && !own.includes(allUnauthenticated);
  return asAuthenticated({
    name,
    groups: isAnonymous ? [...own, allUnauthenticated] : own,
    ...(uid === "" ? {} : { uid }),
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  });
}

/** The first letter, in either case, tells nearly all others apart without a regular expression. */
const isAboutImpersonation = (text: string) => (text.charCodeAt(0) | 0x20) === 0x69 && /^impersonate-/i.test(text);

/** What the headers ask for. */
function readWanted({ rawHeaders }: HttpRequest): NamedUser | undefined {
  // Nearly all requests have none of these headers, and every request comes past here.
  if (!rawHeaders.some(isAboutImpersonation)) return undefined;
  const wanted = userInHeaders(rawHeaders, "impersonate-");
  if (wanted.name !== "") return wanted;
  const references = describe(wanted);
  if (references.length > 0) throw badRequest(`requested [${references.join(" ")}] without impersonating a user`);
  return undefined;
}

/** As Go prints the references that Kubernetes makes of the headers: kind, namespace, name, uid, version, …, field. */
function describe({ groups, extra, uid }: NamedUser): string[] {
  const version = `${authenticationGroup}/v1`;
  return [
    ...groups.map((group) => `{Group  ${group}    }`),
    ...Object.entries(extra).flatMap(([key, values]) =>
      values.map((value) => `{UserExtra  ${value}  ${version}  ${key}}`),
    ),
    ...(uid === "" ? [] : [`{UID  ${uid}  ${version}  }`]),
  ];
}

function serviceAccountOf(name: string): { readonly namespace: string; readonly name: string } | undefined {
  if (!name.startsWith(serviceAccountPrefix)) return undefined;
  const [namespace = "", account = "", ...rest] = name.slice(serviceAccountPrefix.length).split(":");
  const isOne = rest.length === 0 && isDns1123Label(namespace).length === 0 && isDns1123Subdomain(account).length === 0;
  return isOne ? { namespace, name: account } : undefined;
}
