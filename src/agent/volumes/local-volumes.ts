// The directories of this machine that Roder made into volumes: made when the first pod mounts one, removed when its
// volume is to be deleted. What a user made is none of this.
import {
  isLocalVolume,
  localVolumeFinalizer,
  localVolumeNodeLabel,
  type PersistentVolume,
  PersistentVolumes,
} from "../../api/index.ts";
import { defineController, type EventRecorder, InformerSet, runControllers } from "../../client/index.ts";
import { errorMessage } from "../../lib/index.ts";
import type { AgentContext } from "../context.ts";
import type { HostFiles } from "../host.ts";
import type { Paths } from "../paths.ts";

type Context = Pick<AgentContext, "client" | "clock" | "random" | "log" | "signal" | "host" | "paths" | "nodeName">;

/** For every user that a container may run as, as other provisioners of directories do it. */
const directoryMode = 0o777;

/**
 * The directory of a volume that is this machine's to make and remove; undefined for all others. Its place is known, so
 * that no volume, whatever it says of itself, leads the agent elsewhere.
 */
function ownDirectory(volume: PersistentVolume, paths: Paths): string | undefined {
  const path = `${paths.localVolumes}/${volume.metadata.name}`;
  return isLocalVolume(volume) && volume.spec.local?.path === path ? path : undefined;
}

/** Makes the volume's directory if it is Roder's own. */
export async function makeOwnDirectory(files: HostFiles, volume: PersistentVolume, paths: Paths): Promise<void> {
  const path = ownDirectory(volume, paths);
  if (path !== undefined && !(await files.status(path))) await files.makeDirectory(path, directoryMode);
}

/** Removes directories as their volumes go, until the signal ends it. */
export function removeDirectoriesOfVolumes(context: Context, events: EventRecorder): Promise<void> {
  const { client, clock, random, log, signal, host, paths, nodeName } = context;
  const environment = { client, clock, random, log, signal };
  const informers = new InformerSet(environment);
  informers.informer(PersistentVolumes, { labelSelector: `${localVolumeNodeLabel}=${nodeName}` });
  const controller = defineController({
    name: "local-volumes",
    concurrency: 2,
    watches: { for: PersistentVolumes },
    async reconcile({ cache }, key) {
      const volume = cache.get(PersistentVolumes, key);
      const { finalizers = [], deletionTimestamp, resourceVersion } = volume?.metadata ?? {};
      if (!volume || deletionTimestamp === undefined || volume.status.phase === "Bound") return;
      if (!finalizers.includes(localVolumeFinalizer)) return;
      const path = ownDirectory(volume, paths);
      // With the policy Retain only the object goes.
      if (path !== undefined && volume.spec.persistentVolumeReclaimPolicy === "Delete") {
        try {
          await host.files.remove(path);
        } catch (error) {
          events.warning(volume, "VolumeFailedDelete", errorMessage(error));
          throw error;
        }
      }
      const others = finalizers.filter((each) => each !== localVolumeFinalizer);
      await client.patch(PersistentVolumes, { name: key }, { metadata: { resourceVersion, finalizers: others } });
    },
  });
  return runControllers({ ...environment, informers, controllers: [controller], eventsOf: () => events });
}
