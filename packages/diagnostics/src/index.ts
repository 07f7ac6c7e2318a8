export type { CatalogueEntry } from "./catalogue/entry.ts";
export { catalogue, type DiagnosticCode } from "./catalogue.ts";
export { type CauseSummary, summariseCause } from "./cause.ts";
export {
  type ConfigPath,
  type Diagnostic,
  type DiagnosticDetails,
  diagnostic,
  exitCodeOf,
  hasErrors,
  type Note,
} from "./diagnostic.ts";
export { DiagnosticError, isDiagnosticError } from "./diagnostic-error.ts";
export { formatPath, type RenderOptions, renderDiagnostics } from "./render.ts";
export { isSecretName, mask, maskText, type Span, secretSpans } from "./secrets.ts";
export { createSource, type Frame, type Place, type Source } from "./source.ts";
export { suggest } from "./suggest.ts";
