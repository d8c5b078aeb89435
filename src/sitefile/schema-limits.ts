// The shape of the section `limits`: what clients of the broker may take up.
import * as z from "zod";
import { whole } from "./schema-parts.ts";

const each = {
  messages: whole(1, 10_000, "packets a second of one client").optional(),
  bytes: whole(256, 16_777_216, "bytes a second of one client").optional(),
  subscriptions: whole(1, 500, "topic filters of one client").optional(),
  queueMessages: whole(1, 10_000, "messages kept for a client that is away").optional(),
  queueBytes: whole(1_024, 1_048_576, "bytes kept for a client that is away").optional(),
};

const role = z.strictObject({
  ...each,
  connections: whole(0, 2_000, "clients of this role at a time").optional(),
});

const CLIENT = /^[A-Za-z0-9._:*-]{1,64}$/;

export const limitsEntry = z.strictObject({
  roles: z
    .strictObject({
      vehicle: role.optional(),
      sensor: role.optional(),
      operator: role.optional(),
      reader: role.optional(),
    })
    .describe("by the role in the certificate; on this machine everybody but operators is a reader")
    .optional(),
  clients: z
    .array(
      z.strictObject({
        client: z
          .string()
          .regex(CLIENT)
          .describe("an MQTT client id such as vehicle:bus-*, * for any characters"),
        ...each,
      }),
    )
    .max(64)
    .describe("by client id, instead of what its role has; of several that fit the first counts")
    .optional(),
  reports: z
    .strictObject({
      each: whole(1, 100, "positions a second taken of one vehicle").optional(),
      total: whole(1, 10_000, "positions a second taken of all vehicles").optional(),
    })
    .describe("of more the newest of each vehicle counts")
    .optional(),
  detectorChanges: whole(
    1,
    1_000,
    "changes a second taken of one detector over MQTT; of more the newest counts",
  ).optional(),
});

export type LimitsEntry = z.infer<typeof limitsEntry>;
