// Roles of clients of a node's broker: each has bounds of its own.

export const CLIENT_ROLES = ["vehicle", "sensor", "operator", "reader"] as const;
export type ClientRole = (typeof CLIENT_ROLES)[number];
