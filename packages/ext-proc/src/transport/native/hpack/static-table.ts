/** The static table of RFC 7541, Appendix A, as `name: value` in the order of its indexes, which begin with 1. */
const TEXT = `:authority
:method: GET
:method: POST
:path: /
:path: /index.html
:scheme: http
:scheme: https
:status: 200
:status: 204
:status: 206
:status: 304
:status: 400
:status: 404
:status: 500
accept-charset
accept-encoding: gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate`;

/** A field of a table. */
export interface TableEntry {
  readonly name: string;
  readonly value: string;
  /** False if HTTP/2 forbids such a name or value; the field must stay in the table all the same. */
  readonly wellFormed: boolean;
}

export const STATIC_TABLE: readonly TableEntry[] = TEXT.split("\n").map((line) => {
  const [name, value = ""] = line.split(": ") as [string, string?];
  return { name, value, wellFormed: true };
});
