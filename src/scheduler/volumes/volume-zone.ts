import {
  type Node,
  type PersistentVolume,
  PersistentVolumeClaims,
  PersistentVolumes,
  podClaims,
  regionLabel,
  zoneLabel,
} from "../../api/index.ts";
import { type PluginDefinition, wakeHint } from "../plugin.ts";
import { unresolvable } from "../rule.ts";
import { namesClaim } from "./pod-volumes.ts";

const name = "VolumeZone";
const otherZone = unresolvable("node(s) had no available volume zone");

/** The labels that say where a volume or a node is, and what the older ones are called now. */
const currentNames: Readonly<Record<string, string>> = {
  [zoneLabel]: zoneLabel,
  [regionLabel]: regionLabel,
  "failure-domain.beta.kubernetes.io/zone": zoneLabel,
  "failure-domain.beta.kubernetes.io/region": regionLabel,
};

interface Place {
  readonly label: string;
  readonly values: ReadonlySet<string>;
}

/** A volume with labels of a zone or region is only used there. */
export const volumeZone: PluginDefinition = {
  name,
  create({ informer }) {
    const claims = informer(PersistentVolumeClaims);
    const volumes = informer(PersistentVolumes);
    return {
      name,
      filter: {
        name,
        isRelative: true,
        prepare({ pod }) {
          const places: Place[] = [];
          for (const claim of podClaims(pod)) {
            const { volumeName } = claims.get(`${pod.metadata.namespace ?? ""}/${claim.name}`)?.spec ?? {};
            if (!volumeName) continue;
            const volume = volumes.get(volumeName);
            if (volume === undefined) return unresolvable(`persistentvolume "${volumeName}" not found`);
            places.push(...placesOf(volume));
          }
          if (places.length === 0) return undefined;
          return ({ node }) => (isIn(node, places) ? undefined : otherZone);
        },
      },
      wakes: [
        wakeHint(PersistentVolumeClaims, (pod, { type, object }) => type !== "delete" && namesClaim(pod, object)),
        wakeHint(PersistentVolumes, (_, { type }) => type !== "delete"),
      ],
    };
  },
};

/** A label may name several zones: `a__b`. */
function placesOf({ metadata }: PersistentVolume): Place[] {
  return Object.keys(currentNames).flatMap((label) => {
    const value = metadata.labels?.[label];
    return value === undefined ? [] : [{ label, values: new Set(value.split("__")) }];
  });
}

/** A node that does not say where it is may be anywhere. */
function isIn({ metadata }: Node, places: readonly Place[]): boolean {
  const { labels = {} } = metadata;
  if (!Object.keys(currentNames).some((label) => labels[label] !== undefined)) return true;
  return places.every(({ label, values }) => values.has(labels[label] ?? labels[currentNames[label] ?? ""] ?? ""));
}
