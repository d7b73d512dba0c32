import { runDemo } from "../cluster/index.ts";
import { existingCluster } from "./target.ts";

export async function demo(example: string, options: { readonly dataDir?: string }): Promise<void> {
  const { directory, settings } = existingCluster(options);
  const url = await runDemo(directory, settings, example, (line) => console.log(line));
  console.log(`open ${url}`);
}
