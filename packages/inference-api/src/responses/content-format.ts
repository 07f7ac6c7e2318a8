/** How a response body is framed, as far as this package can read it. */
export type ContentFormat = "json" | "sse" | "opaque";

/** The format a response's Content-Type and Content-Encoding announce. A compressed body is opaque. */
export function contentFormat(contentType: string | undefined, contentEncoding?: string): ContentFormat {
  const encoding = contentEncoding?.trim().toLowerCase();
  if (encoding !== undefined && encoding !== "" && encoding !== "identity") return "opaque";
  const mediaType = (contentType ?? "").replace(/;.*$/s, "").trim().toLowerCase();
  if (mediaType === "text/event-stream") return "sse";
  return /^application\/(?:[^/]+\+)?json$/.test(mediaType) ? "json" : "opaque";
}
