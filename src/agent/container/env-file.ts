// Files of environment variables that containers write for those after them (fileKeyRef), in the subset of POSIX shell that
// https://kubernetes.io/docs/tasks/inject-data-application/define-environment-variable-via-file/ describes.

/** `NAME='value'`: no blanks round the equals sign; the value ends at the next quote, lines later perhaps. */
const assignment = /([A-Za-z_][^\s=']*)='([^']*)'[ \t]*(?:#[^\n]*)?(?:\n|$)/y;
/** Blanks, empty lines and comments between assignments. */
const between = /(?:[ \t]*(?:#[^\n]*)?\n)*[ \t]*(?:#[^\n]*$)?/y;

/** The value of the variable; undefined when the file does not set it. Throws when what stands before it is something else. */
export function envFileValue(text: string, name: string): string | undefined {
  let at = 0;
  for (;;) {
    between.lastIndex = at;
    between.exec(text);
    at = between.lastIndex;
    if (at >= text.length) return undefined;
    assignment.lastIndex = at;
    const found = assignment.exec(text);
    if (!found) throw new Error(`line ${text.slice(0, at).split("\n").length} is not of the form NAME='value'`);
    if (found[1] === name) return found[2];
    at = assignment.lastIndex;
  }
}
