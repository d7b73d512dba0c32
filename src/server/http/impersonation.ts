// Acting as somebody else: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
import { badRequest, isDns1123Label, isDns1123Subdomain, type User } from "../../api/index.ts";
import type { Awaitable } from "../../lib/index.ts";
import type { ApiServer } from "../api-server.ts";
import { allUnauthenticated, anonymousUser, asAuthenticated } from "../authentication/index.ts";
import type { HttpRequest } from "./message.ts";

const prefix = "impersonate-";
const extraPrefix = "impersonate-extra-";
const serviceAccountPrefix = "system:serviceaccount:";
const authenticationGroup = "authentication.k8s.io";

/** What the headers ask for. */
interface Wanted {
  readonly name: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
  readonly uid: string;
}

/**
 * The user that the request wants to act as, when `user` may do that; `user` when it asks for none. Throws 403, and 400
 * when it asks for groups, extra or a uid of nobody.
 */
export function impersonate(api: ApiServer, request: HttpRequest, user: User): Awaitable<User> {
  const wanted = readWanted(request);
  return wanted ? actAs(api, user, wanted) : user;
}

async function actAs(api: ApiServer, user: User, { name, groups, extra, uid }: Wanted): Promise<User> {
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

const isAboutImpersonation = (text: string) => /^impersonate-/i.test(text);

function readWanted({ rawHeaders }: HttpRequest): Wanted | undefined {
  // Nearly all requests have none of these headers, and every request comes past here.
  if (!rawHeaders.some(isAboutImpersonation)) return undefined;
  let name = "";
  let uid = "";
  const groups: string[] = [];
  const extra = new Map<string, string[]>();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const header = (rawHeaders[at] as string).toLowerCase();
    if (!header.startsWith(prefix)) continue;
    const value = rawHeaders[at + 1] as string;
    if (header === "impersonate-user") name ||= value;
    else if (header === "impersonate-uid") uid ||= value;
    else if (header === "impersonate-group") groups.push(value);
    else if (header.startsWith(extraPrefix)) {
      const key = decodedKey(header.slice(extraPrefix.length));
      extra.set(key, [...(extra.get(key) ?? []), value]);
    }
  }
  const wanted = { name, groups, extra: Object.fromEntries(extra), uid };
  if (name !== "") return wanted;
  const references = describe(wanted);
  if (references.length > 0) throw badRequest(`requested [${references.join(" ")}] without impersonating a user`);
  return undefined;
}

/** As Go prints the references that Kubernetes makes of the headers: kind, namespace, name, uid, version, …, field. */
function describe({ groups, extra, uid }: Wanted): string[] {
  const version = `${authenticationGroup}/v1`;
  return [
    ...groups.map((group) => `{Group  ${group}    }`),
    ...Object.entries(extra).flatMap(([key, values]) =>
      values.map((value) => `{UserExtra  ${value}  ${version}  ${key}}`),
    ),
    ...(uid === "" ? [] : [`{UID  ${uid}  ${version}  }`]),
  ];
}

/** Keys are percent-encoded, for headers cannot say everything; what does not decode is taken as it is. */
function decodedKey(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function serviceAccountOf(name: string): { readonly namespace: string; readonly name: string } | undefined {
  if (!name.startsWith(serviceAccountPrefix)) return undefined;
  const [namespace = "", account = "", ...rest] = name.slice(serviceAccountPrefix.length).split(":");
  const isOne = rest.length === 0 && isDns1123Label(namespace).length === 0 && isDns1123Subdomain(account).length === 0;
  return isOne ? { namespace, name: account } : undefined;
}
