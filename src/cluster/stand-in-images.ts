// Images under the names of well-known public ones, made from Debian packages where no registry can be reached. They do
// what the tutorials need of the originals: same program, same port, same places for files.

import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { type ImageConfig, imageArchitecture, ociArchive, type TarEntry, tar } from "../agent/host/containerd/index.ts";
import { systemClock, UserError } from "../lib/index.ts";
import { ArchiveCache } from "./archive-cache.ts";

interface StandIn {
  /** The first names it; tutorials use several tags. */
  readonly names: readonly string[];
  /** Files on top of the root file system. */
  readonly files: readonly TarEntry[];
  readonly config: ImageConfig;
  /** Only busybox: without Debian below. */
  readonly small?: true;
}

/** One root file system serves all: images that share a layer cost its space once. */
const debianPackages = ["redis-server", "apache2", "libapache2-mod-php", "nginx-light"];
const debianSuite = "bookworm";
/**
 * What these programs do without, a quarter of the bytes and a third of the files: Perl's library beside perl-base,
 * character sets, and how to recognize files. Every image with this root is so much sooner loaded.
 */
const unneeded = ["usr/share/perl", "usr/lib/*/perl", "usr/lib/*/gconv", "usr/lib/file"];
const rootRecipe = [debianPackages, debianSuite, unneeded, imageArchitecture()];
const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const script = (lines: readonly string[]) => `#!/bin/sh\nset -e\n${lines.join("\n")}\n`;

/** Kubernetes Basics' application: says where it runs and which version it is. */
function bootcamp(version: number): StandIn {
  const page = script([
    `printf 'Content-Type: text/plain\\r\\n\\r\\n'`,
    `echo "Hello Kubernetes bootcamp! | Running on: $(hostname) | v=${version}"`,
  ]);
  const start = script([
    `echo "Kubernetes Bootcamp App Started At: $(date -u) | Running On: $(hostname)"`,
    "exec httpd -f -v -p 8080 -h /www",
  ]);
  return {
    names: [
      `gcr.io/google-samples/kubernetes-bootcamp:v${version}`,
      `docker.io/jocatalin/kubernetes-bootcamp:v${version}`,
    ],
    files: [
      { path: "www", directory: true },
      { path: "www/cgi-bin", directory: true },
      { path: "www/cgi-bin/index.cgi", mode: 0o755, content: page },
      { path: "bin/bootcamp", mode: 0o755, content: start },
    ],
    // As the first process of its container httpd does not hear SIGTERM.
    config: { Cmd: ["/bin/bootcamp"], Env: ["PATH=/bin"], ExposedPorts: { "8080/tcp": {} }, StopSignal: "SIGKILL" },
    small: true,
  };
}

const standIns: readonly StandIn[] = [
  {
    names: ["docker.io/library/busybox:1.35", "docker.io/library/busybox:1.28", "docker.io/library/busybox:latest"],
    files: [],
    config: { Cmd: ["sh"], Env: ["PATH=/bin"] },
    small: true,
  },
  bootcamp(1),
  bootcamp(2),
  {
    names: ["docker.io/library/redis:7"],
    files: [{ path: "data", directory: true, mode: 0o777 }],
    config: {
      Cmd: ["redis-server", "--protected-mode", "no"],
      Env: [path],
      WorkingDir: "/data",
      ExposedPorts: { "6379/tcp": {} },
    },
  },
  {
    names: ["docker.io/library/php:8.2-apache"],
    files: [
      {
        path: "usr/local/bin/apache2-foreground",
        mode: 0o755,
        content: script([
          ". /etc/apache2/envvars",
          "mkdir -p $APACHE_RUN_DIR $APACHE_LOCK_DIR",
          "rm -f $APACHE_PID_FILE /var/www/html/index.html",
          "exec apache2 -D FOREGROUND",
        ]),
      },
      { path: "etc/apache2/conf-enabled/name.conf", content: "ServerName localhost\n" },
      { path: "var/log/apache2/access.log", link: "/dev/stdout" },
      { path: "var/log/apache2/error.log", link: "/dev/stderr" },
      { path: "var/log/apache2/other_vhosts_access.log", link: "/dev/stdout" },
    ],
    config: {
      Cmd: ["apache2-foreground"],
      Env: [path],
      WorkingDir: "/var/www/html",
      ExposedPorts: { "80/tcp": {} },
      StopSignal: "SIGWINCH",
    },
  },
  {
    names: ["docker.io/library/nginx:1.22", "docker.io/library/nginx:1.14.2", "docker.io/library/nginx:latest"],
    files: [
      {
        path: "etc/nginx/sites-enabled/default",
        content: "server { listen 80 default_server; root /usr/share/nginx/html; }\n",
      },
      { path: "var/log/nginx/access.log", link: "/dev/stdout" },
      { path: "var/log/nginx/error.log", link: "/dev/stderr" },
    ],
    config: { Cmd: ["nginx", "-g", "daemon off;"], Env: [path], ExposedPorts: { "80/tcp": {} }, StopSignal: "SIGQUIT" },
  },
];

/** The first name of each image that can be made. */
export const standInNames: readonly string[] = standIns.map(({ names }) => names[0]!);

/** Where archives are kept between runs (XDG Base Directory Specification). */
function cacheDirectory(): string {
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "roder/images");
}

/**
 * The archive that holds stand-ins for the named images, made now or kept from an earlier run of the same recipe.
 * Throws UserError when there is no stand-in for a name, or a program to make it is missing.
 */
export async function standInArchive(names: readonly string[], say: (line: string) => void): Promise<string> {
  const chosen = names.map((name) => {
    const found = standIns.find((each) => each.names.includes(name));
    if (!found) throw new UserError(`there is no stand-in for the image ${name}`);
    return found;
  });
  const cache = new ArchiveCache(cacheDirectory(), systemClock);
  return await cache.get(digestOf([chosen, rootRecipe]), async (temporary) => {
    const debian = chosen.every((each) => each.small) ? new Uint8Array() : readFileSync(await debianRoot(cache, say));
    const images = chosen.map((each) => ({
      names: each.names,
      architecture: imageArchitecture(),
      layers: [each.small ? busyboxRoot() : debian, ...(each.files.length > 0 ? [tar(each.files)] : [])],
      config: each.config,
      // They stay on this machine: compressing and expanding would only cost time.
      compress: false,
    }));
    writeFileSync(temporary, ociArchive(...images));
  });
}

/** A Debian with the packages of all stand-ins, as a tar. */
function debianRoot(cache: ArchiveCache, say: (line: string) => void): Promise<string> {
  return cache.get(`debian-${digestOf(rootRecipe)}`, (temporary) => {
    say(`making images from Debian packages (${debianPackages.join(", ")}); this takes half a minute, once`);
    const unused = ["doc", "man", "locale", "info"].map((each) => `--dpkgopt=path-exclude=/usr/share/${each}/*`);
    const packages = `--include=${debianPackages.join(",")}`;
    // Only when they are installed: the packages' own scripts use some of it.
    const remove = `--customize-hook=cd "$1" && rm -r ${unneeded.join(" ")}`;
    return mmdebstrap(["--quiet", "--variant=essential", packages, ...unused, remove, debianSuite, temporary]);
  });
}

/** What names an archive: it is made again when its recipe changes. */
function digestOf(recipe: unknown): string {
  return createHash("sha256").update(JSON.stringify(recipe)).digest("hex").slice(0, 16);
}

function mmdebstrap(args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn("mmdebstrap", args, { stdio: ["ignore", "ignore", "pipe"] });
    let words = "";
    child.stderr.on("data", (chunk: Buffer) => {
      words = (words + chunk.toString()).slice(-2_048);
    });
    child.on("error", () =>
      reject(new UserError("mmdebstrap is missing: install it (apt-get install mmdebstrap) and try again")),
    );
    child.on("close", (code) => {
      const last = words.trim().split("\n").at(-1);
      if (code === 0) resolve();
      else
        reject(
          new UserError(`mmdebstrap could not make a Debian root (${last}): see that Debian's packages can be fetched`),
        );
    });
  });
}

/** Where Debian's busybox-static puts its one program. */
const busyboxProgram = "/bin/busybox";

/** A root file system with busybox and links for all its commands, as a tar. Throws UserError without busybox-static. */
export function busyboxRoot(): Uint8Array {
  if (!existsSync(busyboxProgram)) {
    throw new UserError("busybox is missing: install it (apt-get install busybox-static) and try again");
  }
  const commands = execFileSync(busyboxProgram, ["--list"], { encoding: "utf8" }).trim().split("\n");
  return tar([
    ...["bin", "etc", "root", "var", "home"].map((each) => ({ path: each, directory: true }) as const),
    { path: "tmp", directory: true, mode: 0o1777 },
    { path: "bin/busybox", mode: 0o755, content: readFileSync(busyboxProgram) },
    ...commands.filter((each) => each !== "busybox").map((each) => ({ path: `bin/${each}`, link: "busybox" })),
    { path: "etc/passwd", content: "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n" },
    { path: "etc/group", content: "root:x:0:\nnogroup:x:65534:\n" },
  ]);
}
