const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const PREFIX = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/**
 * True for a Kubernetes label key: `name` or `prefix/name`. A name has up to 63 letters, digits, `-`, `_`, `.` and
 * begins and ends with a letter or digit; a prefix is a DNS subdomain of up to 253 characters.
 */
export function isLabelKey(text: string): boolean {
  const slash = text.indexOf("/");
  if (slash === -1) return NAME.test(text);
  const prefix = text.slice(0, slash);
  return prefix.length <= 253 && PREFIX.test(prefix) && NAME.test(text.slice(slash + 1));
}

/** True for a Kubernetes label value: empty, or formed like the name of a key. */
export function isLabelValue(text: string): boolean {
  return text === "" || NAME.test(text);
}
