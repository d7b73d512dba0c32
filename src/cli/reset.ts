import { readSettings, removeCluster } from "../cluster/index.ts";
import { silentLogger } from "../lib/index.ts";
import { directoryOf, existingCluster } from "./target.ts";

export async function reset(options: { readonly dataDir?: string }): Promise<void> {
  if (!readSettings(directoryOf(options))) {
    console.log(`there is no cluster in ${directoryOf(options).root}`);
    return;
  }
  const { directory, settings } = existingCluster(options);
  await removeCluster(directory, settings, silentLogger);
  console.log(`cluster "${settings.name}" and its data are gone`);
}
