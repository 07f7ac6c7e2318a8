export type { Kind, Language } from "./kinds.ts";
export { kinds, languages } from "./kinds.ts";
export type { CreateContext } from "./main.ts";
export { main } from "./main.ts";
export type { TemplateOptions } from "./render-template.ts";
export { renderTemplate } from "./render-template.ts";
export type { Terminal } from "./terminal.ts";
