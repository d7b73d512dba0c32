// A page that was fetched through a proxy has links that lead past it; the API server puts its own path before them.

/** The attributes that hold links, by element (HTML 4.01 and HTML 5; apimachinery, util/proxy). */
const linkAttributes: Readonly<Record<string, readonly string[]>> = {
  a: ["href"],
  applet: ["codebase"],
  area: ["href"],
  audio: ["src"],
  base: ["href"],
  blockquote: ["cite"],
  body: ["background"],
  button: ["formaction"],
  command: ["icon"],
  del: ["cite"],
  embed: ["src"],
  form: ["action"],
  frame: ["longdesc", "src"],
  head: ["profile"],
  html: ["manifest"],
  iframe: ["longdesc", "src"],
  img: ["longdesc", "src", "usemap"],
  input: ["src", "usemap", "formaction"],
  ins: ["cite"],
  link: ["href"],
  object: ["classid", "codebase", "data", "usemap"],
  q: ["cite"],
  script: ["src"],
  source: ["src"],
  video: ["poster", "src"],
};

// Pages come from pods and may be made to be slow: no character is looked at from more than a few places. So a tag ends
// where another begins, and an attribute's name begins where nothing of a name stands before.
const tag = /<([a-zA-Z][a-zA-Z0-9]*)((?:[^"'<>]|"[^"]*"|'[^']*')*)>/g;
const attribute = /(?<![^\s"'=<>/])([^\s"'=<>/]+)(\s*=\s*)("[^"]*"|'[^']*'|[^\s"'>]+)/g;

/** The page with every link that `rewrite` changes. */
export function rewriteLinks(html: string, rewrite: (link: string) => string): string {
  return html.replaceAll(tag, (whole, element: string, rest: string) => {
    const names = linkAttributes[element.toLowerCase()];
    if (!names) return whole;
    const changed = rest.replaceAll(attribute, (each, name: string, equals: string, value: string) => {
      if (!names.includes(name.toLowerCase())) return each;
      const quote = value[0] === '"' || value[0] === "'" ? value[0] : "";
      const link = quote === "" ? value : value.slice(1, -1);
      return `${name}${equals}${quote || '"'}${rewrite(link)}${quote || '"'}`;
    });
    return `<${element}${changed}>`;
  });
}

export interface ProxiedPage {
  /** The path of the proxy itself, without the page's own path. */
  readonly prefix: string;
  /** The hosts under which the page knows itself: the backend's, and the one of the client's Host header. */
  readonly hosts: readonly string[];
}

/** The link as seen through the proxy: absolute paths on the page's own host get the proxy's path before them. */
export function proxiedLink(link: string, { prefix, hosts }: ProxiedPage): string {
  const match = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(.*)$/s.exec(link);
  const [, scheme = "", host = "", path = "", rest = ""] = match ?? [];
  if (!path.startsWith("/") || (scheme !== "" && host === "")) return link;
  if (host !== "" && !hosts.includes(host)) return link;
  // The client's own host stays in the link; the backend's means nothing to it.
  const origin = host !== "" && host === hosts[1] ? `${scheme === "" ? "" : `${scheme}:`}//${host}` : "";
  return `${origin}${path.startsWith(prefix) ? path : `${prefix}${path}`}${rest}`;
}
