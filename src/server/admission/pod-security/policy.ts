// What the labels of a namespace ask of its pods: k8s.io/pod-security-admission/api.
import { type FieldError, invalidValue, type Labels, rootPath } from "../../../api/index.ts";
import type { Level, Version } from "./standards.ts";

export interface LevelVersion {
  readonly level: Level;
  readonly version: Version;
}

export interface Policy {
  readonly enforce: LevelVersion;
  readonly audit: LevelVersion;
  readonly warn: LevelVersion;
  /** What is wrong with the labels. */
  readonly errors: readonly FieldError[];
}

const prefix = "pod-security.kubernetes.io/";
const levels: readonly Level[] = ["privileged", "baseline", "restricted"];
const none: LevelVersion = { level: "privileged", version: "latest" };

export function policyOf(labels: Labels | undefined): Policy {
  const errors: FieldError[] = [];
  const read = (mode: "enforce" | "audit" | "warn"): LevelVersion => ({
    // A label that cannot be read holds everything back, but only warns of nothing.
    level: readLevel(labels, mode, mode === "enforce" ? "restricted" : "privileged", errors),
    version: readVersion(labels, mode, errors),
  });
  const [enforce, audit, warn] = [read("enforce"), read("audit"), read("warn")];
  // Who says only what is enforced hears of controllers whose pods would be refused.
  const warnsToo = labels?.[`${prefix}enforce`] !== undefined && labels[`${prefix}warn`] === undefined;
  return { enforce, audit, warn: warnsToo ? enforce : warn, errors };
}

function readLevel(labels: Labels | undefined, mode: string, otherwise: Level, errors: FieldError[]): Level {
  const value = labels?.[prefix + mode];
  if (value === undefined) return none.level;
  const level = levels.find((each) => each === value);
  if (!level) errors.push(labelError(mode, value, `must be one of ${levels.join(", ")}`));
  return level ?? otherwise;
}

function readVersion(labels: Labels | undefined, mode: string, errors: FieldError[]): Version {
  const value = labels?.[`${prefix}${mode}-version`];
  if (value === undefined || value === "latest") return "latest";
  const [, minor] = /^v1\.(0|[1-9][0-9]{0,5})$/.exec(value) ?? [];
  if (minor === undefined) errors.push(labelError(`${mode}-version`, value, 'must be "latest" or "v1.x"'));
  return minor === undefined ? "latest" : Number(minor);
}

function labelError(name: string, value: string, why: string): FieldError {
  return invalidValue(rootPath.child("metadata", "labels").key(prefix + name), value, why);
}

export function isStricter(a: LevelVersion, b: LevelVersion): boolean {
  return levels.indexOf(a.level) > levels.indexOf(b.level);
}

export function isSame(a: LevelVersion, b: LevelVersion): boolean {
  return a.level === b.level && a.version === b.version;
}

/** `restricted:latest`, `baseline:v1.30`. */
export function formatPolicy({ level, version }: LevelVersion): string {
  return `${level}:${version === "latest" ? version : `v1.${version}`}`;
}
