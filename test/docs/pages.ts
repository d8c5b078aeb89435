/** Pages that a new user works through command by command. */
export const WALKED_PAGES = ["docs/wiring.md", "docs/operations.md"] as const;
