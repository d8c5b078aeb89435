// The secret comes in the fragment of the printed address, which no browser sends anywhere. It is
// kept for this tab only and leaves the address bar at once: nobody reads it over a shoulder.

const KEY = "stopline-secret";

/** Takes the secret out of the address, or from this tab's memory; null when there is none. */
export function takeSecret(): string | null {
  const shown = /^#secret=([\w-]{43})$/.exec(location.hash)?.[1];
  if (location.hash !== "") history.replaceState(null, "", location.pathname);
  if (shown !== undefined) sessionStorage.setItem(KEY, shown);
  return sessionStorage.getItem(KEY);
}

/** Forgets a secret that the node refused. */
export function forgetSecret(): void {
  sessionStorage.removeItem(KEY);
}
