import type { HeaderList } from "@pointsman/ext-proc";

/** Headers that may hold the path, in order; proxies that rewrite `:path` keep the original in one of the others. */
const pathHeaders = [":path", "x-original-path", "x-forwarded-path"] as const;

/** The request's path without query and trailing slashes; `/v1/completions` when nothing names one. */
export function pathOf(headers: HeaderList): string {
  for (const name of pathHeaders) {
    const value = headers.get(name);
    if (value === undefined || value === "") continue;
    const query = value.indexOf("?");
    return (query < 0 ? value : value.slice(0, query)).replace(/\/+$/, "") || "/";
  }
  return "/v1/completions";
}
