import { configuration, warning } from "./entry.ts";

/** Codes about a configuration in environment variables. */
export const environmentCodes = {
  POINTSMAN_ENV_VALUE: warning(
    "Variable not understood",
    "An environment variable has a value of another form than it needs. As in the first llm-d, the default is used.",
    "Write a value of the form the message names.",
  ),
  POINTSMAN_ENV_RANGE: configuration(
    "Variable out of range",
    "An environment variable has a number that it cannot have: the picker would crash or choose nonsense with it.",
    "Write a number in the range the message names.",
  ),
  POINTSMAN_ENV_UNKNOWN: warning(
    "Variable not known",
    "An environment variable looks like one of the picker's, but there is none of this name, so it has no effect.",
    "Correct the spelling, or remove it.",
  ),
  POINTSMAN_ENV_IGNORED: warning(
    "Variable without effect",
    "An environment variable of the picker is set, but something else decides: a configuration file, or a switch that is off.",
    "Follow the message: remove the variable, or switch on what it belongs to.",
  ),
  POINTSMAN_ENV_MISSING: warning(
    "Variable missing",
    "A plugin was switched on by an environment variable, but lacks another one that it needs. The message says what follows: it is left out, or it has little to go by.",
    "Set the variable that the message names, or switch the plugin off.",
  ),
} as const;
