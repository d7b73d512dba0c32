// How the programs of the tests read what they are started with: whoever calls them wrongly is told so in a line.
import { type ParseArgsConfig, parseArgs } from "node:util";
import { errorMessage } from "../src/lib/index.ts";

export function refuse(sentence: string): never {
  console.error(sentence);
  process.exit(2);
}

/** The options of this process. */
export function readOptions<T extends ParseArgsConfig["options"] & {}>(options: T) {
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    const known = Object.keys(options).map((name) => `--${name}`);
    return refuse(`${errorMessage(error)}: there are ${known.join(", ")}`);
  }
}

/** What an option says, as a whole number. */
export function wholeNumber(option: string, text: string): number {
  return /^\d+$/.test(text) ? Number(text) : refuse(`--${option} wants a whole number, not "${text}"`);
}
