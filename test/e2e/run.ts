// Runs the end-to-end tests, so many files at once as the argument says: those that take longest first, because a long one
// that starts last is waited for alone. Node's own command runs files in the order of their names.
import { globSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";

const root = resolve(import.meta.dirname, "../..");
const fileMsMax = 600_000;

/** From the longest down; the others take less than half a minute each. */
const longest = [
  "volume-conformance",
  "jobs",
  "guestbook",
  "hung-processes",
  "pods",
  "side-by-side",
  "autoscaling",
  "network",
  "reboot",
  "lifecycle",
  "full-disk",
  "pod-lifecycle-conformance",
  "stateful-set",
  "pod-conformance",
  "old-kubectl",
  "pod-subresources",
];

const place = (file: string) => {
  const at = longest.indexOf(basename(file, ".e2e.ts"));
  return at < 0 ? longest.length : at;
};
const files = globSync(["src/**/*.e2e.ts", "test/e2e/*.e2e.ts"], { cwd: root })
  .sort()
  .map((file) => join(root, file))
  .sort((a, b) => place(a) - place(b));

// Most files load the same modules. TestCluster takes it away again from what it starts.
process.env.NODE_COMPILE_CACHE = join(root, ".cache/tests");
run({ files, concurrency: Number(process.argv[2]), timeout: fileMsMax })
  .on("test:fail", () => {
    process.exitCode = 1;
  })
  .compose(spec)
  .pipe(process.stdout);
