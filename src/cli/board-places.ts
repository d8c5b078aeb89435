// Where things lie on a board that the package was installed on; what the commands for its upkeep
// take when nobody names another place.

export const BOARD = {
  data: "/var/lib/stopline",
  site: "/etc/stopline/site.yaml",
  keys: "/etc/stopline/keys",
  backups: "/var/backups/stopline",
  /** Public key of the operator to whom keys in a backup are encrypted. */
  backupKey: "/etc/stopline/backup.pub",
} as const;
