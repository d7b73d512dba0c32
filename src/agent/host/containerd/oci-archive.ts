// Images as one file: an OCI image layout (opencontainers/image-spec, image-layout.md) in a tar.
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";

/** One file, directory or link of an archive. */
export interface TarEntry {
  /** Without a leading slash. */
  readonly path: string;
  /** 0o644 for files and 0o755 for directories when left out. */
  readonly mode?: number;
  readonly content?: Uint8Array | string;
  readonly directory?: true;
  /** The target of a symbolic link. */
  readonly link?: string;
  readonly uid?: number;
  readonly gid?: number;
}

const blockSize = 512;
const encoder = new TextEncoder();

/** A POSIX tar (ustar) of the entries in their order. Times are zero, so the same entries give the same bytes. */
export function tar(entries: readonly TarEntry[]): Uint8Array<ArrayBuffer> {
  const blocks: Uint8Array[] = [];
  for (const entry of entries) {
    const content =
      typeof entry.content === "string" ? encoder.encode(entry.content) : (entry.content ?? new Uint8Array());
    blocks.push(tarHeader(entry, content.length), content);
    const rest = content.length % blockSize;
    if (rest > 0) blocks.push(new Uint8Array(blockSize - rest));
  }
  // Two empty blocks end an archive.
  blocks.push(new Uint8Array(2 * blockSize));
  return concat(blocks);
}

function tarHeader(entry: TarEntry, size: number): Uint8Array {
  const header = new Uint8Array(blockSize);
  const text = (at: number, value: string) => header.set(encoder.encode(value), at);
  const octal = (at: number, digits: number, value: number) => text(at, value.toString(8).padStart(digits, "0"));
  const [prefix, name] = splitPath(entry.directory ? `${entry.path}/` : entry.path);
  text(0, name);
  octal(100, 7, entry.mode ?? (entry.directory ? 0o755 : entry.link === undefined ? 0o644 : 0o777));
  octal(108, 7, entry.uid ?? 0);
  octal(116, 7, entry.gid ?? 0);
  octal(124, 11, size);
  octal(136, 11, 0);
  text(148, " ".repeat(8));
  text(156, entry.directory ? "5" : entry.link === undefined ? "0" : "2");
  text(157, entry.link ?? "");
  text(257, "ustar\u000000");
  text(345, prefix);
  octal(
    148,
    6,
    header.reduce((sum, byte) => sum + byte, 0),
  );
  header[154] = 0;
  return header;
}

/** ustar keeps a path in 155 + 100 bytes, divided at a slash. */
function splitPath(path: string): [prefix: string, name: string] {
  if (encoder.encode(path).length <= 100) return ["", path];
  for (let at = path.indexOf("/"); at > 0; at = path.indexOf("/", at + 1)) {
    const prefix = path.slice(0, at);
    const name = path.slice(at + 1);
    if (name !== "" && encoder.encode(name).length <= 100 && encoder.encode(prefix).length <= 155)
      return [prefix, name];
  }
  throw new Error(`the path ${path} is too long for a tar archive`);
}

/** What an image's configuration says of its containers (image-spec, config.md); names as there. */
export interface ImageConfig {
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env?: readonly string[];
  readonly WorkingDir?: string;
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Volumes?: Readonly<Record<string, object>>;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
}

export interface OciImage {
  /** The full names that the image gets: registry, path and tag. */
  readonly names: readonly string[];
  readonly architecture: "amd64" | "arm64";
  /** Tar archives, the lowest first. */
  readonly layers: readonly Uint8Array[];
  readonly config: ImageConfig;
  /** Large layers that stay on this machine are read faster as they are. Compressed when left out. */
  readonly compress?: boolean;
}

/**
 * The images as a tar for `roder image load` and `ctr images import`; layers that they share are in it once. The same
 * images give the same bytes.
 */
export function ociArchive(...images: readonly OciImage[]): Uint8Array<ArrayBuffer> {
  const blobs = new Map<string, Uint8Array>();
  const manifests = images.flatMap((image) => {
    const manifest = addImage(blobs, image);
    return image.names.map((name) => ({ ...manifest, annotations: { "io.containerd.image.name": name } }));
  });
  const index = { schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests };
  return tar([
    { path: "oci-layout", content: json({ imageLayoutVersion: "1.0.0" }) },
    { path: "index.json", content: json(index) },
    { path: "blobs", directory: true },
    { path: "blobs/sha256", directory: true },
    ...[...blobs].map(([digest, content]) => ({ path: `blobs/${digest.replace(":", "/")}`, content })),
  ]);
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** Puts an image's parts among the blobs; returns its manifest's descriptor. */
function addImage(blobs: Map<string, Uint8Array>, image: OciImage): Descriptor {
  const add = (content: Uint8Array, mediaType: string): Descriptor => {
    const digest = sha256(content);
    blobs.set(digest, content);
    return { mediaType, digest, size: content.length };
  };
  const layerType = "application/vnd.oci.image.layer.v1.tar";
  const layers = image.layers.map((layer) =>
    image.compress === false ? add(layer, layerType) : add(gzipSync(layer), `${layerType}+gzip`),
  );
  const config = add(
    json({
      architecture: image.architecture,
      os: "linux",
      config: image.config,
      rootfs: { type: "layers", diff_ids: image.layers.map(sha256) },
    }),
    "application/vnd.oci.image.config.v1+json",
  );
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  return add(json({ schemaVersion: 2, mediaType, config, layers }), mediaType);
}

function json(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

function sha256(content: Uint8Array): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
