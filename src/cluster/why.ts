import { request } from "node:https";
import { fromKubeconfig } from "../client/http/index.ts";
import { errorMessage, UserError } from "../lib/index.ts";
import type { Explanation } from "../scheduler/index.ts";
import { placementsPath } from "./placements-path.ts";

/** Asks the cluster of a kubeconfig why a pod is where it is, as that kubeconfig's user. Throws a UserError. */
export async function askWhy(kubeconfig: string, namespace: string, name: string): Promise<Explanation> {
  const { server, ca, clientCertificate, clientKey, token } = await fromKubeconfig(kubeconfig).catch((error) => {
    const advice = 'name another with --kubeconfig, or make a cluster with "roder up"';
    throw new UserError(`cannot use the kubeconfig ${kubeconfig} (${errorMessage(error)}): ${advice}`, {
      cause: error,
    });
  });
  const url = new URL(`${placementsPath}/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`, server);
  const options = {
    ca,
    cert: clientCertificate,
    key: clientKey,
    timeout: 30_000,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  };
  const { status, text } = await new Promise<{ status: number; text: string }>((resolve, reject) => {
    const asked = request(url, options, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text })).on("error", reject);
    });
    asked.on("timeout", () => asked.destroy(new Error("it does not answer")));
    asked.on("error", (error) => reject(new UserError(`cannot reach ${server}: ${error.message}`, { cause: error })));
    asked.end();
  });
  // What placement-route.ts sends, or a Status.
  const answer = JSON.parse(text) as Explanation & { readonly message?: string };
  if (status !== 200) throw new UserError(answer.message ?? `${server} answered ${status}`);
  return answer;
}
