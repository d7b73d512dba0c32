/** Who was asked has answered, but with no review: messages say so without the URL. */
export class AnswerError extends Error {}

/** What is told of an answer that is longer (client-go's maxUnstructuredResponseTextBytes). */
const tellingBytesMax = 2_048;

/** What client-go makes of a code that is no success (NewGenericServerResponse). */
export function refusedAnswer(code: number, contentType: string | undefined, text: string): AnswerError {
  const isText = contentType === undefined || contentType.startsWith("text/");
  const said = isText ? text.slice(0, tellingBytesMax).trim() : "unknown";
  const message = messages[code];
  if (message !== undefined) return new AnswerError(message);
  if (code === 403 || code === 406 || code === 415) return new AnswerError(said);
  if (code >= 500)
    return new AnswerError(
      `an error on the server (${JSON.stringify(said)}) has prevented the request from succeeding`,
    );
  return new AnswerError(`the server responded with the status code ${code} but did not return more information`);
}

const messages: Readonly<Record<number, string>> = {
  400: "the server rejected our request for an unknown reason",
  401: "the server has asked for the client to provide credentials",
  404: "the server could not find the requested resource",
  405: "the server does not allow this method on the requested resource",
  409: "the server reported a conflict",
  422: "the server rejected our request due to an error in our request",
  429: "the server has received too many requests and has asked us to try again later",
  503: "the server is currently unable to handle the request",
  504: "the server was unable to return a response in the time allotted, but may still be processing the request",
};
