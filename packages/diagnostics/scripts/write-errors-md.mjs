/** Writes ERRORS.md at the root of the repository from the built catalogue. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { renderErrorsPage } from "../dist/errors-page.js";

writeFileSync(join(import.meta.dirname, "../../../ERRORS.md"), renderErrorsPage());
