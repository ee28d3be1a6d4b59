/** When a token was made and when it ends, in seconds; undefined where it does not say. */
export function timesOf(token: string): { start: number; end: number } | undefined {
  try {
    const claims = (token.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/");
    const { iat, exp } = JSON.parse(atob(claims)) as { iat?: number; exp?: number };
    return exp === undefined ? undefined : { start: iat ?? Date.now() / 1000, end: exp };
  } catch {
    return undefined;
  }
}

/** Whether the token has ended, or does so within a second. */
export function hasEnded(token: string): boolean {
  const times = timesOf(token);
  return times !== undefined && times.end <= Date.now() / 1000 + 1;
}
