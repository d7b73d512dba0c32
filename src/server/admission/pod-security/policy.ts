// What the labels of a namespace ask of its pods: k8s.io/pod-security-admission/api.
import { type FieldError, invalidValue, type Labels, rootPath } from "../../../api/index.ts";
import type { Level, Version } from "./standards.ts";

export interface LevelVersion {
  readonly level: Level;
  readonly version: Version;
}

/** What is asked of pods, and what happens to those that fall short. */
export interface Modes {
  readonly enforce: LevelVersion;
  readonly audit: LevelVersion;
  readonly warn: LevelVersion;
}

export interface Policy extends Modes {
  /** What is wrong with the labels. */
  readonly errors: readonly FieldError[];
}

const prefix = "pod-security.kubernetes.io/";
export const levels: readonly Level[] = ["privileged", "baseline", "restricted"];
const none: LevelVersion = { level: "privileged", version: "latest" };
export const unrestricted: Modes = { enforce: none, audit: none, warn: none };

/** What counts in a namespace with these labels; `defaults` does where they are silent. */
export function policyOf(labels: Labels | undefined, defaults: Modes = unrestricted): Policy {
  const errors: FieldError[] = [];
  const read = (mode: keyof Modes): LevelVersion => ({
    level: readLevel(labels, mode, errors) ?? defaults[mode].level,
    version: readVersion(labels, mode, errors) ?? defaults[mode].version,
  });
  const [enforce, audit, warn] = [read("enforce"), read("audit"), read("warn")];
  // Who says only what is enforced hears of controllers whose pods would be refused.
  const warnsToo = labels?.[`${prefix}enforce`] !== undefined && labels[`${prefix}warn`] === undefined;
  return { enforce, audit, warn: warnsToo ? enforce : warn, errors };
}

function readLevel(labels: Labels | undefined, mode: keyof Modes, errors: FieldError[]): Level | undefined {
  const value = labels?.[prefix + mode];
  if (value === undefined) return undefined;
  const level = levels.find((each) => each === value);
  if (level) return level;
  errors.push(labelError(mode, value, `must be one of ${levels.join(", ")}`));
  // A label that cannot be read holds everything back, but only warns of nothing.
  return mode === "enforce" ? "restricted" : "privileged";
}

function readVersion(labels: Labels | undefined, mode: keyof Modes, errors: FieldError[]): Version | undefined {
  const value = labels?.[`${prefix}${mode}-version`];
  if (value === undefined) return undefined;
  const version = parseVersion(value);
  if (version === undefined) errors.push(labelError(`${mode}-version`, value, 'must be "latest" or "v1.x"'));
  return version ?? "latest";
}

/** `latest` or `v1.30`; undefined for anything else. */
export function parseVersion(text: string): Version | undefined {
  if (text === "latest") return text;
  const [, minor] = /^v1\.(0|[1-9][0-9]{0,5})$/.exec(text) ?? [];
  return minor === undefined ? undefined : Number(minor);
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
