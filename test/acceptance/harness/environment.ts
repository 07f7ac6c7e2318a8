import { type TranslatedEnvironment, translateEnvironment } from "@pointsman/config";
import type { EppOptions } from "@pointsman/epp";
import { parse, stringify } from "yaml";
import { startPickerFrom, type TestPicker } from "./picker.ts";

export type Variables = Readonly<Record<string, string>>;

export function translated(variables: Variables): TranslatedEnvironment {
  return translateEnvironment(variables, "/");
}

/** A picker of the test pool, configured by environment variables alone: by the YAML that `pointsman env` prints. */
export function startFromEnvironment(variables: Variables, options: Partial<EppOptions> = {}): Promise<TestPicker> {
  const { text } = translated(variables).source;
  return startPickerFrom((pool) => stringify(withFixtures(parse(text), pool)), { emitScores: true, ...options });
}

interface Config {
  readonly plugins: readonly object[];
}

function withFixtures(config: Config, pool: string): object {
  const parameters = { pool };
  return {
    ...config,
    plugins: [
      ...config.plugins,
      { type: "acceptance-discovery", package: "./fixtures/test-pool", parameters },
      { type: "acceptance-metrics", package: "./fixtures/test-pool", parameters },
    ],
    dataLayer: { injectDefaults: false, sources: [], discovery: { pluginRef: "acceptance-discovery" } },
  };
}
