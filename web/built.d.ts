// What build.js puts into the service worker.

/** Everything that the page needs to open without a connection, by its address. */
declare const SHELL: string[];
/** Changes with any of it. */
declare const VERSION: string;
