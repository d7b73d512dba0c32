/** One line of a container's log as runtimes write it (CRI logging format). */
export interface LogLine {
  /** RFC 3339 with nanoseconds. */
  readonly time: string;
  readonly stream: "stdout" | "stderr";
  /** With the line's end, unless the runtime cut a long line here. */
  readonly content: string;
}

/** Reads `2016-10-06T00:17:09.669794202Z stdout F message`; undefined for what is none. */
export function parseLogLine(line: string): LogLine | undefined {
  const match = /^(\S+) (stdout|stderr) ([^ ]*)(?: (.*))?$/s.exec(line);
  if (!match) return undefined;
  const [, time = "", stream, tags = "", text = ""] = match;
  const content = tags.split(":")[0] === "P" ? text : `${text}\n`;
  return { time, stream: stream === "stderr" ? "stderr" : "stdout", content };
}
