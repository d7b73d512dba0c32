// PodSecurityConfiguration: https://kubernetes.io/docs/tasks/configure-pod-container/enforce-standards-admission-controller/
import { type Fields, invalidValue, readConfiguration } from "../../../api/index.ts";
import { type LevelVersion, levels, type Modes, parseVersion, unrestricted } from "./policy.ts";

/** What an operator says for all namespaces. */
export interface PodSecuritySettings {
  /** What counts where a namespace's labels are silent. */
  readonly defaults: Modes;
  readonly exempt: Exemptions;
}

/** Who is not held to anything. */
interface Exemptions {
  readonly usernames: ReadonlySet<string>;
  readonly runtimeClasses: ReadonlySet<string>;
  readonly namespaces: ReadonlySet<string>;
}

export const noSettings: PodSecuritySettings = {
  defaults: unrestricted,
  exempt: { usernames: new Set(), runtimeClasses: new Set(), namespaces: new Set() },
};

/** Throws an Error that says what is wrong with it. */
export function readPodSecuritySettings(value: unknown): PodSecuritySettings {
  const read = (fields: Fields): PodSecuritySettings => {
    const exemptions = fields.object("exemptions");
    const exempt = {
      usernames: new Set(exemptions?.texts("usernames")),
      runtimeClasses: new Set(exemptions?.texts("runtimeClasses")),
      namespaces: new Set(exemptions?.texts("namespaces")),
    };
    exemptions?.done();
    const defaults = fields.object("defaults");
    const modes = defaults ? readModes(defaults) : unrestricted;
    defaults?.done();
    return { defaults: modes, exempt };
  };
  return readConfiguration(value, "PodSecurityConfiguration", read, "pod-security.admission.config.k8s.io");
}

function readModes(fields: Fields): Modes {
  const read = (mode: keyof Modes): LevelVersion => {
    const text = fields.optionalText(mode) ?? "privileged";
    const level = levels.find((each) => each === text);
    if (!level) fields.errors.add(invalidValue(fields.at.child(mode), text, `must be one of ${levels.join(", ")}`));
    const name = `${mode}-version`;
    const versionText = fields.optionalText(name) ?? "latest";
    const version = parseVersion(versionText);
    if (version === undefined)
      fields.errors.add(invalidValue(fields.at.child(name), versionText, 'must be "latest" or "v1.x"'));
    return { level: level ?? "restricted", version: version ?? "latest" };
  };
  return { enforce: read("enforce"), audit: read("audit"), warn: read("warn") };
}
