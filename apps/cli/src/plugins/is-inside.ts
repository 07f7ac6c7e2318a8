import { isAbsolute, relative, sep } from "node:path";

/** True for a path below the folder. */
export function isInside(dir: string, path: string): boolean {
  const way = relative(dir, path);
  return way !== "" && way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
