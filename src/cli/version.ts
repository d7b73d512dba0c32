import { kubernetesVersion } from "../cluster/index.ts";

export function printVersion(): void {
  console.log(kubernetesVersion);
}
