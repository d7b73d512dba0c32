// The files in the data directory by which an operator says who may come in; none of them has to be there.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { fromKubeconfig } from "../client/http/index.ts";
import { UserError } from "../lib/index.ts";
import {
  type AuthorizationConfiguration,
  type RemoteReviewer,
  readAuthenticationConfiguration,
  readAuthorizationConfiguration,
  readStaticTokens,
} from "../server/index.ts";
import type { DataDirectory } from "./data-directory.ts";
import type { GuardSettings } from "./guards.ts";

/** Reads them; `ownIssuer` issues the service accounts' tokens. Throws a UserError that names the file that is wrong. */
export async function readGuardFiles({ guards }: DataDirectory, ownIssuer: string): Promise<GuardSettings> {
  const staticTokens = await readGuardFile(join(guards, "tokens.csv"), readStaticTokens);
  const authentication = await readGuardFile(join(guards, "authentication.yaml"), (text) =>
    readAuthenticationConfiguration(parse(text), ownIssuer),
  );
  const configuration = await readGuardFile(join(guards, "authorization.yaml"), (text) =>
    readAuthorizationConfiguration(parse(text)),
  );
  const tokenReviewer = await readReviewer(join(guards, "token-webhook.kubeconfig"));
  return {
    ...(staticTokens ? { staticTokens } : {}),
    ...authentication,
    ...(tokenReviewer ? { tokenReviewer } : {}),
    ...(configuration ? { authorization: { configuration, reviewers: await reviewersOf(configuration) } } : {}),
  };
}

/** Where the webhooks are and what is shown to them, by the kubeconfigs that the configuration names. */
async function reviewersOf(configuration: AuthorizationConfiguration): Promise<ReadonlyMap<string, RemoteReviewer>> {
  const reviewers = new Map<string, RemoteReviewer>();
  for (const authorizer of configuration) {
    if (authorizer.type !== "Webhook") continue;
    const reviewer = await readReviewer(authorizer.kubeconfig);
    if (!reviewer) throw new UserError(`cannot use ${authorizer.kubeconfig}: it is not there`);
    reviewers.set(authorizer.kubeconfig, reviewer);
  }
  return reviewers;
}

/** What a kubeconfig says; undefined when there is none. */
export async function readReviewer(path: string): Promise<RemoteReviewer | undefined> {
  try {
    const { server, ca, clientCertificate, clientKey, token } = await fromKubeconfig(path);
    return {
      url: server,
      ...(ca === undefined ? {} : { authority: ca }),
      ...(clientCertificate && clientKey ? { client: { certificate: clientCertificate, privateKey: clientKey } } : {}),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new UserError(`cannot use ${path}`, { cause: error });
  }
}

/** What `read` makes of the file; undefined when there is none. */
async function readGuardFile<T>(path: string, read: (text: string) => T): Promise<T | undefined> {
  try {
    return read(await readFile(path, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new UserError(`cannot use ${path}`, { cause: error });
  }
}
