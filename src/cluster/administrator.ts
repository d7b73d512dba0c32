import { fromKubeconfig, type HttpsClient, httpsClient } from "../client/http/index.ts";
import { systemClock, systemRandom } from "../lib/index.ts";
import type { DataDirectory } from "./data-directory.ts";

/** The cluster as its administrator sees it; for the commands. */
export async function administratorClient(directory: DataDirectory): Promise<HttpsClient> {
  const connection = await fromKubeconfig(directory.kubeconfig);
  return httpsClient({ ...connection, clock: systemClock, random: systemRandom });
}
