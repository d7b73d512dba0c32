import type { PodVolumes } from "../context.ts";

export class Volumes implements PodVolumes {
  async prepare(): Promise<void> {}
  async mounts() {
    return [];
  }
  async tearDown(): Promise<void> {}
}
