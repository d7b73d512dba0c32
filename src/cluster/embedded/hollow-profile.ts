// How simulated nodes, and what runs on them, behave: read from a profile, every part of which may be left out.
import type { Delay, HollowScript } from "../../agent/index.ts";
import {
  ConfigurationErrors,
  Fields,
  invalidValue,
  matchesLabels,
  parseDuration,
  parseLabelSelector,
  parseQuantity,
  quantityMilliValue,
  quantityValue,
  rootPath,
} from "../../api/index.ts";
import { errorMessage, type Random } from "../../lib/index.ts";

/** A profile as it is written; durations are texts such as `200ms`, or `1s..3s` for something between the two. */
export interface HollowProfile {
  /** What each node has; 32 processors, 128Gi and 110 pods when left out. */
  readonly machine?: { readonly cpus?: number; readonly memory?: string; readonly pods?: number };
  /** Nodes are dealt out to these zones in turn. */
  readonly zones?: readonly string[];
  readonly sandbox?: string;
  readonly start?: string;
  readonly pull?: string;
  /** How often a node renews its lease; 10s when left out. A node is unreachable after five of them were missed. */
  readonly leaseRenewal?: string;
  /** How often a node looks at its status; 10s when left out. */
  readonly statusCheck?: string;
  /** How often a node writes its status although nothing changed; 5m when left out. */
  readonly statusReport?: string;
  /** What containers do; the first that matches counts. */
  readonly containers?: readonly HollowContainerProfile[];
}

export interface HollowContainerProfile {
  /** The image with its tag, as `app:1` or `app:*`: `*` stands for any text. Any image when left out. */
  readonly image?: string;
  /** The labels of the pod. */
  readonly selector?: string;
  /** How long after its start it answers probes. */
  readonly ready?: string;
  /** How long it takes to end when asked to. */
  readonly stop?: string;
  /** After what time it ends by itself; never when left out. */
  readonly exit?: string;
  readonly exitCode?: number;
  /** The part of its starts, from 0 to 1, that fail. */
  readonly failure?: number;
  readonly cpu?: string;
  readonly memory?: string;
}

/** A profile that was read. */
export interface HollowBehaviour {
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly podsMax: number;
  readonly zones: readonly string[];
  readonly sandboxMs: Delay;
  readonly startMs: Delay;
  readonly pullMs: Delay;
  readonly leaseMs: number;
  readonly statusMs: number;
  readonly statusReportMs: number;
  script(image: string, labels: Readonly<Record<string, string>>): HollowScript;
}

const GiB = 2 ** 30;
/** What containerd takes on a machine that has nothing else to do: docs/architecture.md, "What things cost". */
const measured = { sandbox: "80ms", start: "45ms", pull: "0s" };

/** Throws an Error that names everything that is wrong. `random` decides where the profile leaves something to chance. */
export function readProfile(profile: unknown, random: Random): HollowBehaviour {
  const errors = new ConfigurationErrors();
  const fields = new Fields(profile, rootPath, errors);
  const machine = fields.object("machine");
  const rules = fields.objects("containers").map((each) => readContainer(each, random));
  const behaviour: HollowBehaviour = {
    cpus: machine?.number("cpus") ?? 32,
    memoryBytes: (machine && quantityOf(machine, "memory", quantityValue)) ?? 128 * GiB,
    podsMax: machine?.number("pods") ?? 110,
    zones: fields.texts("zones"),
    sandboxMs: delayOf(fields, "sandbox", random, measured.sandbox) ?? 0,
    startMs: delayOf(fields, "start", random, measured.start) ?? 0,
    pullMs: delayOf(fields, "pull", random, measured.pull) ?? 0,
    leaseMs: fields.durationMs("leaseRenewal") ?? 10_000,
    statusMs: fields.durationMs("statusCheck") ?? 10_000,
    statusReportMs: fields.durationMs("statusReport") ?? 300_000,
    script: (image, labels) => rules.find((rule) => rule.matches(image, labels))?.script() ?? {},
  };
  machine?.done();
  fields.done();
  errors.throwIfAny();
  return behaviour;
}

function readContainer(fields: Fields, random: Random) {
  const image = imagePattern(fields.optionalText("image"));
  const selector = read(fields, "selector", parseLabelSelector) ?? [];
  const ready = delayOf(fields, "ready", random);
  const stop = delayOf(fields, "stop", random);
  const exit = delayOf(fields, "exit", random);
  const exitCode = fields.number("exitCode");
  const failure = fields.number("failure") ?? 0;
  if (failure < 0 || failure > 1)
    fields.errors.add(invalidValue(fields.at.child("failure"), failure, "must be between 0 and 1"));
  const cpuMilli = quantityOf(fields, "cpu", quantityMilliValue);
  const memoryBytes = quantityOf(fields, "memory", quantityValue);
  fields.done();
  return {
    matches: (name: string, labels: Readonly<Record<string, string>>) =>
      image.test(name) && matchesLabels(selector, labels),
    script(): HollowScript {
      return {
        ...(ready === undefined ? {} : { readyAfterMs: ready() }),
        ...(stop === undefined ? {} : { stopMs: stop() }),
        ...(exit === undefined ? {} : { exitAfterMs: exit() }),
        ...(exitCode === undefined ? {} : { exitCode }),
        ...(cpuMilli === undefined ? {} : { cpuMilli }),
        ...(memoryBytes === undefined ? {} : { memoryBytes }),
        ...(failure > 0 && random.next() < failure ? { startError: "the profile lets this start fail" } : {}),
      };
    },
  };
}

function imagePattern(glob = "*"): RegExp {
  return new RegExp(`^${glob.split("*").map(RegExp.escape).join(".*")}$`);
}

/** What `parse` makes of a text; undefined when it is left out or wrong, which is noted. */
function read<T>(fields: Fields, name: string, parse: (text: string) => T): T | undefined {
  const text = fields.optionalText(name);
  if (text === undefined) return undefined;
  try {
    return parse(text);
  } catch (error) {
    fields.errors.add(invalidValue(fields.at.child(name), text, errorMessage(error)));
    return undefined;
  }
}

function quantityOf(fields: Fields, name: string, amountOf: typeof quantityValue): number | undefined {
  return read(fields, name, (text) => amountOf(parseQuantity(text)));
}

function delayOf(fields: Fields, name: string, random: Random, otherwise?: string): (() => number) | undefined {
  const range = (text: string) => {
    const [from = "", to = from] = text.split("..");
    return { fromMs: parseDuration(from), toMs: parseDuration(to) };
  };
  const given = read(fields, name, range) ?? (otherwise === undefined ? undefined : range(otherwise));
  if (!given) return undefined;
  const { fromMs, toMs } = given;
  return () => (fromMs === toMs ? fromMs : Math.round(fromMs + random.next() * (toMs - fromMs)));
}
