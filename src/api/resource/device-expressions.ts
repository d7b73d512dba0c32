// What expressions that select devices may look at: k8s.io/dynamic-resource-allocation/cel.
import {
  boolType,
  type CelType,
  CompileError,
  compile,
  dynType,
  Environment,
  formatType,
  mapType,
  objectType,
  type Program,
  quantityType,
  stringType,
} from "../../cel/index.ts";
import { exceedsBytes } from "../../lib/index.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, invalidValue, type Path, tooLong } from "../meta/field-error.ts";

const expressionBytesMax = 10 * 1024;
/** The most that one evaluation may cost with as many and as long attributes as a device can have. */
const costMax = 1_000_000;

const attributesMax = 32;
const valueBytesMax = 64;
const domainBytesMax = 63;
const identifierBytesMax = 32;

const textUpTo = (bytesMax: number): CelType => ({ ...stringType, maxElements: bytesMax });
const mapUpTo = (key: CelType, value: CelType): CelType => ({ ...mapType(key, value), maxElements: attributesMax });
/** By domain and name. */
const qualified = (value: CelType) => mapUpTo(textUpTo(domainBytesMax), mapUpTo(textUpTo(identifierBytesMax), value));

let environment: Environment | undefined;

/** Built with the first selector: a cluster without devices has none. */
function environmentOfDevices(): Environment {
  environment ??= new Environment({
    variables: {
      device: objectType("kubernetes.DRADevice", {
        driver: textUpTo(domainBytesMax),
        attributes: qualified({ ...dynType, maxElements: valueBytesMax }),
        capacity: qualified(quantityType),
      }),
    },
    bindsNames: true,
  });
  return environment;
}

/** Throws CompileError. */
export function compileDeviceExpression(expression: string): Program {
  return compile(expression, environmentOfDevices());
}

export function validateDeviceExpression(expression: string, at: Path): FieldError[] {
  if (exceedsBytes(expressionBytesMax, expression)) return [tooLong(at, expressionBytesMax)];
  try {
    const program = compileDeviceExpression(expression);
    const { resultType } = program;
    if (resultType.kind !== "dyn" && !program.gives(boolType)) {
      const rule = `must evaluate to bool or the unknown type, not ${formatType(resultType)}`;
      return [invalidValue(at, expression, rule)];
    }
    return program.maxCost > costMax ? [forbiddenField(at, "too complex, exceeds cost limit")] : [];
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    return [invalidValue(at, expression, `compilation failed: ${error.message}`)];
  }
}
