import { configuration, internal, unavailable, warning } from "./entry.ts";

/** Codes about plugin packages: finding, checking, loading and running them. */
export const pluginCodes = {
  POINTSMAN_PLUGIN_NOT_FOUND: configuration(
    "Plugin package not found",
    "The package named by `package` is in none of the places that were searched.",
    "Install it beside the configuration file, or name its folder with `--plugin-root`.",
  ),
  POINTSMAN_PLUGIN_TYPE_UNKNOWN: configuration(
    "Unknown plugin type",
    "No installed package provides this `type`.",
    "Correct the spelling, or say with `package` which package provides it.",
  ),
  POINTSMAN_PLUGIN_TYPE_NOT_YET_AVAILABLE: configuration(
    "llm-d type not available yet",
    "The type exists in llm-d-router, but no installed package provides it for Pointsman.",
    "Remove it, use the type that is suggested, or provide it with a package of your own.",
  ),
  POINTSMAN_PLUGIN_TYPE_AMBIGUOUS: configuration(
    "Type provided twice",
    "Two installed packages provide this type, and neither wins silently.",
    "Say which one with `package`, or remove the other.",
  ),
  POINTSMAN_PLUGIN_MANIFEST_MISSING: configuration(
    "Package has no manifest",
    "The package has no `pointsman` section in its `package.json`, so it is not a plugin package.",
    "Add the section, or name the plugin's file by its path.",
  ),
  POINTSMAN_PLUGIN_MANIFEST_INVALID: configuration(
    "Manifest is wrong",
    "The `pointsman` section of the package's `package.json` does not have the form of a manifest.",
    "Correct the field that is named.",
  ),
  POINTSMAN_PLUGIN_MANIFEST_UNSUPPORTED: configuration(
    "Manifest is too new",
    "The manifest has a number that this version of Pointsman does not know.",
    "Update Pointsman, or install an older version of the plugin.",
  ),
  POINTSMAN_PLUGIN_API_RANGE_MISSING: warning(
    "No peer range on the plugin API",
    "The package does not say, in `peerDependencies`, which versions of `@pointsman/plugin-api` it works with.",
    'Add `"peerDependencies": { "@pointsman/plugin-api": "^1.0.0" }` to its `package.json`.',
  ),
  POINTSMAN_PLUGIN_API_MISMATCH: configuration(
    "Plugin API version does not match",
    "None of the plugin API versions that this host implements satisfies the package's peer range.",
    "Update whichever of the two is older.",
  ),
  POINTSMAN_PLUGIN_IMPORT_FAILED: configuration(
    "Import failed",
    "The package's entry module threw while it was imported, or its syntax is not valid.",
    "Follow the cause; the plugin's author has to correct it.",
  ),
  POINTSMAN_PLUGIN_DEPENDENCY_MISSING: configuration(
    "A dependency of the plugin is missing",
    "The plugin imports a package that is not installed beside it.",
    "Install the plugin with its dependencies.",
  ),
  POINTSMAN_PLUGIN_CJS_NEEDS_API: configuration(
    "CommonJS plugin without its own plugin API",
    "A CommonJS module cannot be given the host's copy of `@pointsman/plugin-api`.",
    "Install `@pointsman/plugin-api` beside the plugin, or publish it as an ES module.",
  ),
  POINTSMAN_PLUGIN_TYPESCRIPT_UNSUPPORTED: configuration(
    "This Node cannot run TypeScript",
    "The plugin's file is TypeScript, which Node runs from 22.18 on.",
    "Compile the file to JavaScript and name the result, or update Node.",
  ),
  POINTSMAN_PLUGIN_EXPORTS_NO_DEFAULT: configuration(
    "Package exports nothing that can be imported",
    'The `exports` of the package have no entry for `"."` that applies to `import`.',
    'Add `"default"` to `exports["."]` in its `package.json`.',
  ),
  POINTSMAN_PLUGIN_BAD_EXPORT: configuration(
    "Default export is not a plugin",
    "The default export is not made by `definePlugin`, nor an array of such values.",
    "Write `export default definePlugin({ … })`.",
  ),
  POINTSMAN_PLUGIN_STAMP_MISMATCH: configuration(
    "Built with another plugin API",
    "The definition carries the version of a plugin API that this host does not implement, whatever the peer range says.",
    "Reinstall the plugin so that it gets a plugin API inside its peer range.",
  ),
  POINTSMAN_PLUGIN_TYPE_MISSING: configuration(
    "Promised type is missing",
    "The manifest names a type that the package's code does not define.",
    "Correct the manifest, or export the definition.",
  ),
  POINTSMAN_PLUGIN_TYPE_UNDECLARED: configuration(
    "Type is not in the manifest",
    "The code defines a type that the manifest does not name.",
    "Add the type to the manifest.",
  ),
  POINTSMAN_PLUGIN_CAPABILITY_UNKNOWN: configuration(
    "Unknown capability",
    "What `setup` returned, or the manifest, has a member that is no capability.",
    "Correct the spelling.",
  ),
  POINTSMAN_PLUGIN_CAPABILITY_UNDECLARED: configuration(
    "Capability is not in the manifest",
    "`setup` returned a capability that the manifest does not declare.",
    "Add it to `capabilities` in the manifest.",
  ),
  POINTSMAN_PLUGIN_CAPABILITY_MISSING: configuration(
    "Promised capability is missing",
    "The manifest declares a capability that `setup` did not return.",
    "Return it from `setup`, or remove it from the manifest.",
  ),
  POINTSMAN_PLUGIN_CONFIG_INVALID: configuration(
    "Plugin refuses its parameters",
    "The plugin's schema does not accept what the configuration says below `parameters`.",
    "Correct the parameter that is named; the plugin's README lists them.",
  ),
  POINTSMAN_PLUGIN_CONFIG_SCHEMA_INVALID: configuration(
    "Plugin has an invalid schema",
    "The schema that the plugin ships for its parameters cannot be read or is not a JSON Schema.",
    "The plugin's author has to correct it.",
  ),
  POINTSMAN_PLUGIN_CONFIG_ASYNC: configuration(
    "Plugin validates asynchronously",
    "The plugin's validator returned a promise. Parameters are checked synchronously.",
    "The plugin's author has to move the check into `setup`.",
  ),
  POINTSMAN_PLUGIN_SETUP_FAILED: configuration(
    "setup failed",
    "The plugin's `setup` threw, or returned something that is no instance.",
    "Follow the cause.",
  ),
  POINTSMAN_PLUGIN_SETUP_TIMEOUT: unavailable(
    "setup took too long",
    "The plugin's `setup` did not settle in time. Usually it waits for a service that does not answer.",
    "Check the services the plugin needs; network work belongs in `start`.",
  ),
  POINTSMAN_PLUGIN_START_FAILED: unavailable(
    "start failed",
    "The plugin's `start` threw: usually a port is taken or a service refuses.",
    "Follow the cause.",
  ),
  POINTSMAN_PLUGIN_START_TIMEOUT: unavailable(
    "start took too long",
    "The plugin's `start` did not settle in time.",
    "Check the services the plugin needs.",
  ),
  POINTSMAN_PLUGIN_STOP_FAILED: warning(
    "stop failed",
    "The plugin threw while it was being stopped. The other plugins were stopped all the same.",
    "Follow the cause.",
  ),
  POINTSMAN_PLUGIN_STOP_TIMEOUT: warning(
    "stop took too long",
    "The plugin did not stop in time and was left behind.",
    "The plugin's author has to end its timers and connections in `onStop`.",
  ),
  POINTSMAN_PLUGIN_EXPERIMENTAL: configuration(
    "Experimental plugin",
    "The type is alpha, and experimental plugins are not allowed.",
    "Start with `--allow-experimental-plugins`, or use another type.",
  ),
  POINTSMAN_PLUGIN_DEPRECATED: warning(
    "Deprecated plugin",
    "The type still works, but will be removed.",
    "Use the replacement that is named.",
  ),
  POINTSMAN_PLUGIN_VERSION_RANGE: configuration(
    "Installed version is outside `version`",
    "The configuration asks for a version range, and the installed package is not in it.",
    "Install a matching version, or change `version`.",
  ),
  POINTSMAN_PLUGIN_CRASHED_CALL: internal(
    "Plugin call failed",
    "A call into the plugin threw, or returned something unusable. The request went on without it.",
    "Follow the cause; the plugin's author has to correct it.",
  ),
} as const;
