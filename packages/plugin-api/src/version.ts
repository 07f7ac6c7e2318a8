/** Version of this contract; equals the package's version (a test compares the two). */
export const API_VERSION = "1.0.0";
