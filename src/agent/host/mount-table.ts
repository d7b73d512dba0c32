import { readFile } from "node:fs/promises";

/** The places where something is mounted at or below `path`, the innermost first (proc_pid_mountinfo(5)). */
export async function mountPointsBelow(path: string): Promise<string[]> {
  return mountPoints(await readFile("/proc/self/mountinfo", "utf8"), path);
}

export function mountPoints(mountinfo: string, path: string): string[] {
  const points = mountinfo
    .split("\n")
    .map((line) => unescaped(line.split(" ")[4] ?? ""))
    .filter((point) => point === path || point.startsWith(`${path}/`));
  // Later lines are mounted over earlier ones.
  return points.reverse().sort((a, b) => depth(b) - depth(a));
}

function depth(path: string): number {
  return path.split("/").length;
}

/** The kernel writes blanks and backslashes as octal numbers. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_whole, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
