import { configuration, usage, warning } from "./entry.ts";

/** Codes about the configuration file. */
export const configCodes = {
  POINTSMAN_CONFIG_NOT_FOUND: configuration(
    "Configuration file not found",
    "The file named by `--config-file` does not exist.",
    "Check the path; a relative path counts from the working directory.",
  ),
  POINTSMAN_CONFIG_AMBIGUOUS: usage(
    "Two configurations given",
    "Both `--config-file` and `--config-text` were given, and neither wins silently.",
    "Give one of the two.",
  ),
  POINTSMAN_CONFIG_UNREADABLE: configuration(
    "Configuration cannot be read",
    "The file exists but could not be read: it is a folder, permission is missing, or it is not UTF-8 text.",
    "Follow the cause that is printed with the error; save the file as UTF-8.",
  ),
  POINTSMAN_CONFIG_TOO_LARGE: configuration(
    "Configuration too large",
    "The text is larger than 1 MiB, nested more than 100 levels deep, or expands too many YAML aliases.",
    "A configuration is a few kilobytes: check that the right file was named, and write aliases out.",
  ),
  POINTSMAN_CONFIG_SYNTAX: configuration(
    "Not YAML and not JSON",
    "The text could not be parsed. Nothing below the place shown was checked.",
    "Correct the syntax at the place shown, then check again.",
  ),
  POINTSMAN_CONFIG_DUPLICATE_KEY: configuration(
    "Key written twice",
    "One mapping contains the same key twice, so one of the two values would be lost.",
    "Remove one of them.",
  ),
  POINTSMAN_CONFIG_INVALID: configuration(
    "Wrong type or value",
    "A field has a value that it cannot have: another type, out of range, or in conflict with another field.",
    "Write a value of the kind the message names.",
  ),
  POINTSMAN_CONFIG_MISSING_FIELD: configuration(
    "Required field missing",
    "A field without which the entry means nothing is absent, null or empty.",
    "Add the field.",
  ),
  POINTSMAN_CONFIG_UNKNOWN_FIELD: configuration(
    "Unknown field",
    "The field does not exist at this place. Unknown fields are refused because they are usually misspelt.",
    "Correct the spelling, or remove the field. Options of a plugin belong below `parameters`.",
  ),
  POINTSMAN_CONFIG_API_VERSION: configuration(
    "Missing or unknown apiVersion",
    "The file does not say, in `apiVersion`, which format it is written in, or names one that is not known.",
    "Write `apiVersion: llm-d.ai/v1alpha1`.",
  ),
  POINTSMAN_CONFIG_KIND: configuration(
    "Missing or unknown kind",
    "The file does not say that it is an `EndpointPickerConfig`.",
    "Write `kind: EndpointPickerConfig`.",
  ),
  POINTSMAN_CONFIG_DEPRECATED_FIELD: warning(
    "Old spelling of a field",
    "The field still works, but has a newer spelling.",
    "Use the spelling in the hint.",
  ),
  POINTSMAN_CONFIG_DEPRECATED_API_VERSION: warning(
    "Old apiVersion",
    "The file uses an API group that has been renamed. It is read as the current one.",
    "Write `apiVersion: llm-d.ai/v1alpha1`.",
  ),
  POINTSMAN_CONFIG_DUPLICATE_NAME: configuration(
    "Name used twice",
    "Two plugin instances, or two scheduling profiles, have one name. An instance without `name` is called like its type.",
    "Give one of them another `name`.",
  ),
  POINTSMAN_CONFIG_DUPLICATE_REFERENCE: configuration(
    "Plugin referenced twice",
    "One list names the same plugin instance twice.",
    "Remove one of the references; for another weight, change the one that stays.",
  ),
  POINTSMAN_CONFIG_UNKNOWN_REFERENCE: configuration(
    "Reference to nothing",
    "A `pluginRef` names an instance that is not in `plugins`.",
    "Correct the name, or add the instance to `plugins`.",
  ),
  POINTSMAN_CONFIG_WRONG_CAPABILITY: configuration(
    "Plugin cannot do this",
    "A `pluginRef` names an instance whose type does not provide what this place needs.",
    "Reference an instance of a type that provides it.",
  ),
  POINTSMAN_CONFIG_IGNORED_REFERENCE: warning(
    "Profile entry without effect",
    "The profile lists a plugin that works by being listed under `plugins`, such as a profile handler. The entry does nothing, as in llm-d.",
    "Remove the entry from the profile.",
  ),
  POINTSMAN_CONFIG_UNUSED_PLUGIN: warning(
    "Plugin not used",
    "The instance is listed under `plugins`, but nothing refers to it, and its type does nothing by being listed.",
    "Refer to it, for a scorer from a scheduling profile, or remove it.",
  ),
  POINTSMAN_CONFIG_RANDOM_CHOICE: warning(
    "Profile chooses at random",
    "The profile has no scorer, so that every candidate has the same score and the choice is uniformly random.",
    "Add scorers, or say so with `random-picker`.",
  ),
  POINTSMAN_CONFIG_FEATURE_UNAVAILABLE: configuration(
    "Feature not available yet",
    "The configuration switches on a part of llm-d that Pointsman does not have yet.",
    "Switch the feature off.",
  ),
  POINTSMAN_CONFIG_UNKNOWN_GATE: configuration(
    "Unknown feature gate",
    "`featureGates` names a gate that does not exist.",
    "Correct the spelling, or remove it.",
  ),
  POINTSMAN_CONFIG_IGNORED_SECTION: warning(
    "Section without effect",
    "The section was checked and is correct, but has no effect in this configuration.",
    "Remove it, or leave it for llm-d.",
  ),
  POINTSMAN_CONFIG_PROFILE_HANDLER: configuration(
    "Not exactly one profile handler",
    "Several profile handlers are listed, or none although there are several scheduling profiles.",
    "List exactly one profile handler under `plugins`.",
  ),
  POINTSMAN_CONFIG_TWO_PICKERS: configuration(
    "Two pickers in one profile",
    "A profile ends with one choice, so it has one picker.",
    "Remove all but one.",
  ),
  POINTSMAN_CONFIG_SINGLE_PROFILE: configuration(
    "single-profile-handler with several profiles",
    "`single-profile-handler` runs exactly one profile, but several are configured.",
    "Use a handler for several profiles, or remove the other profiles.",
  ),
  POINTSMAN_CONFIG_WEIGHT_ON_NON_SCORER: warning(
    "Weight without effect",
    "Only scorers have a weight; this one is ignored.",
    "Remove `weight` from the entry.",
  ),
} as const;
