// Builds the images that the tests and the examples use, from Debian packages: redis, php with Apache, nginx, busybox and
// the bootcamp application of Kubernetes Basics. What was built before is taken from the cache:
//   test/node test/images/build.ts
// prints the path of an archive with all of them, for `roder image load`.
// Not by the index, which brings the whole cluster: most end-to-end tests start with this file.
import { standInArchive, standInNames } from "../../src/cluster/stand-in-images.ts";

/** The archive with these images, by their full names. */
export function imageArchive(...names: readonly string[]): Promise<string> {
  return standInArchive(names, (line) => console.error(line));
}

if (import.meta.main) console.log(await imageArchive(...standInNames));
