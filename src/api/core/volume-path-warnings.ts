// Files of one volume that lie over each other: warningsForOverlappingVirtualPaths of
// k8s.io/kubernetes/pkg/api/pod/warnings.go.
import type { Volume, VolumeProjection } from "../types.generated.ts";

/** A file of a volume, and what it comes from where the volume has several sources. */
interface VolumeFile {
  readonly path: string;
  readonly source?: string;
}

export function overlappingPathWarnings(volumes: readonly Volume[] | undefined): string[] {
  return (volumes ?? []).flatMap((volume) => {
    const { name, configMap, secret, downwardAPI, projected } = volume;
    const warnings: string[] = [];
    const warn = (kind: string, files: readonly VolumeFile[]) => {
      for (const overlap of overlaps(files))
        warnings.push(`volume ${JSON.stringify(name)} (${kind}): overlapping paths: ${overlap}`);
    };
    if (configMap) warn(`ConfigMap ${JSON.stringify(configMap.name ?? "")}`, configMap.items ?? []);
    if (secret) warn(`Secret ${JSON.stringify(secret.secretName ?? "")}`, secret.items ?? []);
    if (downwardAPI) warn("DownwardAPI", downwardAPI.items ?? []);
    for (const source of projected?.sources ?? [])
      if (Object.keys(source).length === 0)
        warnings.push(`volume ${JSON.stringify(name)} (Projected) has no sources provided`);
    if (projected) warn("Projected", (projected.sources ?? []).flatMap(filesOf));
    return warnings;
  });
}

function filesOf(projection: VolumeProjection): VolumeFile[] {
  const { configMap, secret, downwardAPI, serviceAccountToken } = projection;
  const from = (items: readonly { readonly path: string }[] | undefined, source: string) =>
    (items ?? []).map(({ path }) => ({ path, source }));
  if (configMap?.items) return from(configMap.items, `ConfigMap ${JSON.stringify(configMap.name ?? "")}`);
  if (secret?.items) return from(secret.items, `Secret ${JSON.stringify(secret.name ?? "")}`);
  if (downwardAPI?.items) return from(downwardAPI.items, "DownwardAPI");
  return serviceAccountToken ? from([serviceAccountToken], "ServiceAccountToken") : [];
}

/** `"a/b" with "a"` for every file whose path is that of one before it, above it or below it. */
function* overlaps(files: readonly VolumeFile[]): Generator<string> {
  const before: VolumeFile[] = [];
  for (const { path = "", ...rest } of files) {
    const file = { ...rest, path: path.replace(/\/+$/, "") };
    if (file.path !== "")
      for (const other of before)
        if (`${other.path}/`.startsWith(`${file.path}/`) || `${file.path}/`.startsWith(`${other.path}/`))
          yield `${shown(file)} with ${shown(other)}`;
    if (file.path !== "") before.push(file);
  }
}

function shown({ path, source }: VolumeFile): string {
  return source === undefined ? JSON.stringify(path) : `${JSON.stringify(path)} (${source})`;
}
