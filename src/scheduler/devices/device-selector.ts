// Which devices a request means: expressions in CEL over what drivers publish. k8s.io/dynamic-resource-allocation/cel.
import { compileDeviceExpression, type Device, type DeviceSelector } from "../../api/index.ts";
import { CompileError, MapValue, type Program, quantityOf, semverOf, toValue, type Value } from "../../cel/index.ts";
import { errorMessage } from "../../lib/index.ts";

/** Compiled selectors that are remembered; more than classes and templates in a large cluster. */
const programsMax = 1_000;

/** Answers that are remembered for one device. */
const answersMax = 100;

/** Answers whether devices are selected; each expression is compiled once, and asked once as long as a slice stays. */
export class DeviceSelectors {
  readonly #programs = new Map<string, Program | CompileError>();
  readonly #answers = new WeakMap<Device, Map<string, boolean>>();

  /** Whether all selectors hold for the device. Throws an Error that begins with `owner` when one cannot be evaluated. */
  select(selectors: readonly DeviceSelector[] | undefined, device: Device, driver: string, owner: string): boolean {
    for (const [index, { cel }] of (selectors ?? []).entries()) {
      const expression = cel?.expression ?? "";
      const known = this.#answers.get(device)?.get(expression);
      if (known === false) return false;
      if (known) continue;
      const program = this.#compiled(expression);
      const fails = (what: string, why: unknown) =>
        new Error(`${owner}: selector #${index}: CEL ${what} error: ${errorMessage(why)}`);
      if (program instanceof CompileError) throw fails("compile", program);
      const result = program.evaluate({ device: deviceValue(device, driver) });
      if ("error" in result) throw fails("runtime", result.error);
      if (typeof result.value !== "boolean")
        throw fails("compile", "must evaluate to bool or the unknown type, not int");
      this.#remember(device, expression, result.value);
      if (!result.value) return false;
    }
    return true;
  }

  /** A device is an object of its slice's version, and goes with it. */
  #remember(device: Device, expression: string, answer: boolean): void {
    let answers = this.#answers.get(device);
    if (answers === undefined || answers.size >= answersMax) {
      answers = new Map();
      this.#answers.set(device, answers);
    }
    answers.set(expression, answer);
  }

  #compiled(expression: string): Program | CompileError {
    let program = this.#programs.get(expression);
    if (program === undefined) {
      // Forgetting costs only that they are compiled again.
      if (this.#programs.size >= programsMax) this.#programs.clear();
      try {
        program = compileDeviceExpression(expression);
      } catch (error) {
        if (!(error instanceof CompileError)) throw error;
        program = error;
      }
      this.#programs.set(expression, program);
    }
    return program;
  }
}

function deviceValue({ attributes = {}, capacity = {} }: Device, driver: string) {
  return {
    driver,
    attributes: new Domains(attributes, driver, ({ bool, int, string, version }) => {
      if (int !== undefined) return BigInt(int);
      return version === undefined ? (bool ?? string ?? "") : semverOf(version);
    }),
    capacity: new Domains(capacity, driver, ({ value }) => quantityOf(value)),
  };
}

/** By domain, what has a name there. A name without a domain is the driver's; a domain that is not there is empty. */
class Domains<T> extends MapValue {
  readonly #byDomain = new Map<string, Record<string, Value>>();

  constructor(entries: Readonly<Record<string, T>>, driver: string, read: (entry: T) => Value) {
    super();
    for (const [key, entry] of Object.entries(entries)) {
      const slash = key.indexOf("/");
      const domain = slash < 0 ? driver : key.slice(0, slash);
      // Without a prototype: a name may be `__proto__`.
      const names: Record<string, Value> = this.#byDomain.getOrInsertComputed(domain, () => Object.create(null));
      names[key.slice(slash + 1)] = read(entry);
    }
  }
  get size() {
    return this.#byDomain.size;
  }
  get(key: Value): Value | undefined {
    return typeof key === "string" ? toValue(this.#byDomain.get(key) ?? {}) : undefined;
  }
  keys() {
    return this.#byDomain.keys();
  }
}
