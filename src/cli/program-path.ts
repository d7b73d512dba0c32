import { delimiter } from "node:path";

/** The system's programs live in sbin too, which a user's PATH may lack. */
export function programPath(path: string | undefined): string {
  const usual = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
  const given = (path ?? "").split(delimiter).filter((each) => each !== "");
  return [...given, ...usual.filter((each) => !given.includes(each))].join(delimiter);
}
