import { existsSync } from "node:fs";
import { readSettings, removeCluster, removeUnstarted } from "../cluster/index.ts";
import { silentLogger } from "../lib/index.ts";
import { directoryOf, existingCluster } from "./target.ts";

export async function reset(options: { readonly dataDir?: string }): Promise<void> {
  const place = directoryOf(options);
  if (!readSettings(place)) {
    removeUnstarted(place);
    console.log(`there is no cluster in ${place.root}`);
    return;
  }
  const { directory, settings } = existingCluster(options);
  await removeCluster(directory, settings, silentLogger);
  const left = existsSync(directory.guards) ? `; what lies in ${directory.guards} stays` : "";
  console.log(`cluster "${settings.name}" and its data are gone${left}`);
}
