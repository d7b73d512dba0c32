// Stands in for serving.ts in a browser, where nobody can listen.
import type { Serving } from "./serving.ts";

export async function prepareServing(): Promise<Serving> {
  throw new Error("a cluster in a browser cannot serve: leave out the option");
}
