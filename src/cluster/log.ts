import { fstatSync } from "node:fs";
import pino from "pino";
import type { LogFields, Logger } from "../lib/index.ts";
import { LogFile } from "./log-file.ts";

/** Fields that may carry what nobody else should see. */
const secret = ["token", "password", "authorization", "privateKey", "*.token", "*.password", "*.authorization"];

/** The log of one process: JSON lines on standard output, which `roder up` leads into the component's file. */
export function processLogger(component: string): Logger & { fatal(message: string, fields?: LogFields): void } {
  const level = process.env.RODER_LOG_LEVEL ?? "info";
  const destination = fstatSync(1).isFile() ? new LogFile(1) : pino.destination({ dest: 1, sync: true });
  const root = pino(
    {
      level,
      base: { component },
      redact: secret,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  return { ...adapt(root), fatal: (message, fields = {}) => root.fatal(fields, message) };
}

function adapt(logger: pino.Logger): Logger {
  return {
    debug: (message, fields = {}) => logger.debug(fields, message),
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    error: (message, fields = {}) => logger.error(fields, message),
    child: (fields) => adapt(logger.child(fields)),
  };
}
