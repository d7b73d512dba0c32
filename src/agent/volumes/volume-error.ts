/** A volume could not be set up; the message is that of the event. */
export class VolumeError extends Error {
  constructor(volume: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`MountVolume.SetUp failed for volume "${volume}" : ${why}`);
    this.name = "VolumeError";
  }
}
