// The machine's own logs below /logs/, as the kubelet shows them to whoever may proxy to a node (pkg/kubelet/server).
import { constants } from "node:fs";
import { type FileHandle, open, readdir, readlink, realpath } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { RequestError } from "./request-error.ts";

/** Answers with a directory's names or a file's content; `words` are the parts of the path below `directory`. */
export async function sendMachineLogs(
  directory: string,
  words: readonly string[],
  response: ServerResponse,
): Promise<void> {
  await using file = await openInside(directory, words);
  const found = await file.stat();
  if (found.isDirectory()) {
    const last = words.at(-1) ?? "logs";
    if (last !== "") response.writeHead(301, { Location: `${encodeURIComponent(last)}/` }).end();
    else response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" }).end(await listing(pathOf(file)));
  } else if (found.isFile() && words.at(-1) !== "") {
    response.writeHead(200, { "Content-Type": "text/plain; charset=utf-8" });
    // What is written meanwhile comes with the next request.
    if (found.size === 0) response.end();
    else await pipeline(file.createReadStream({ end: found.size - 1 }), response);
  } else throw notFound();
}

const notFound = () => new RequestError(404, "404 page not found");

/** A path that leads to what is open, wherever that was moved. */
const pathOf = ({ fd }: FileHandle) => `/proc/self/fd/${fd}`;

/**
 * No link and no name leads out of the directory. What was opened is looked at, not its path: links may change between two
 * looks. A pipe that nobody writes to does not keep who opens it.
 */
async function openInside(directory: string, words: readonly string[]): Promise<FileHandle> {
  if (words.some((word) => word === ".." || /[/\0]/.test(word))) throw notFound();
  let file: FileHandle | undefined;
  try {
    file = await open(join(directory, ...words), constants.O_RDONLY | constants.O_NONBLOCK);
    const [base, path] = await Promise.all([realpath(directory), readlink(pathOf(file))]);
    if (path === base || path.startsWith(`${base}/`)) return file;
  } catch {
    // It is not there, or cannot be read: the answer is the same.
  }
  await file?.close();
  throw notFound();
}

async function listing(path: string): Promise<string> {
  const entries = await readdir(path, { withFileTypes: true });
  const names = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort();
  const links = names.map(
    (name) => `<a href="${encodeURI(name).replaceAll("#", "%23").replaceAll("?", "%3F")}">${escaped(name)}</a>\n`,
  );
  return `<!doctype html>\n<pre>\n${links.join("")}</pre>\n`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&#34;");
}
