import type { EndpointPickerConfig } from "@pointsman/config";
import type { PathOf, TypeCatalogue } from "@pointsman/plugin-host";

/** A complete configuration and where its plugins come from. `loadPickerConfig` of the picker gives one. */
export interface PickerPlan {
  readonly config: EndpointPickerConfig;
  readonly catalogue: TypeCatalogue;
  readonly pathOf: PathOf;
}
