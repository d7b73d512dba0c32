import { badRequest, type FieldError, forbiddenField, invalid, invalidValue, rootPath } from "../../../api/index.ts";
import { boolean } from "../request-options.ts";

const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** PodLogOptions of a query, validated and written for the agent. Throws 400 and 422 (ValidatePodLogOptions). */
export function logQuery(query: URLSearchParams, podName: string): URLSearchParams {
  const asked = new URLSearchParams();
  for (const name of ["follow", "previous", "timestamps"]) if (boolean(query, name)) asked.append(name, "true");
  const errors: FieldError[] = [];
  const number = (name: string, min: number, words: string) => {
    const text = query.get(name) ?? "";
    if (text === "") return false;
    if (!/^[+-]?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
    const value = Number(text);
    if (value < min) errors.push(invalidValue(rootPath.child(name), value, words));
    asked.append(name, String(value));
    return true;
  };
  number("tailLines", 0, "must be greater than or equal to 0");
  number("limitBytes", 1, "must be greater than 0");
  const hasSeconds = number("sinceSeconds", 1, "must be greater than 0");
  const time = query.get("sinceTime") ?? "";
  if (time !== "") {
    if (!timePattern.test(time) || Number.isNaN(Date.parse(time)))
      throw badRequest(
        `parsing time ${JSON.stringify(time)} as "2006-01-02T15:04:05Z07:00": cannot parse ${JSON.stringify(time)}`,
      );
    if (hasSeconds)
      errors.push(forbiddenField(rootPath, "at most one of `sinceTime` or `sinceSeconds` may be specified"));
    asked.append("sinceTime", time);
  }
  if (errors.length > 0) throw invalid({ group: "", kind: "PodLogOptions" }, podName, errors);
  return asked;
}
