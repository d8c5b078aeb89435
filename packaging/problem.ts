/** What keeps a package from being made, in one line for people. */
export class PackagingError extends Error {}
