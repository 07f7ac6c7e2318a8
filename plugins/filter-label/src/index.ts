import { byLabel } from "./by-label.ts";
import { labelSelectorFilter } from "./label-selector-filter.ts";

export default [labelSelectorFilter, byLabel];
