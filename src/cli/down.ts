import { stopCluster } from "../cluster/index.ts";
import { silentLogger } from "../lib/index.ts";
import { existingCluster } from "./target.ts";

export async function down(options: { readonly dataDir?: string }): Promise<void> {
  const { directory, settings } = existingCluster(options);
  const ran = await stopCluster(directory, settings, silentLogger);
  console.log(
    ran
      ? `cluster "${settings.name}" is down; "roder up" brings it back`
      : `cluster "${settings.name}" was not running`,
  );
}
