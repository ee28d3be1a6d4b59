// What all views share: who is signed in, the theme, the place.
import { computed, effect, signal } from "@preact/signals";
import { Session, SoukError, createApi } from "souk-client";
import type { Account } from "souk-client";

/** The operator's sign-in; it ends with the browser's tab. Cookies stay those of other pages. */
export const session = new Session({ url: "", store: sessionStorage, key: "souk.console", credentials: "omit" });
export const api = createApi({ url: "", tokens: session, credentials: "omit" });

export const operator = signal<Account | undefined>(session.user?.role === "admin" ? session.user : undefined);
session.onToken((token) => {
  operator.value = token !== undefined && session.user?.role === "admin" ? session.user : undefined;
});

/** Signs an administrator in. */
export async function signIn(email: string, password: string): Promise<void> {
  const account = await session.login({ email, password });
  if (account.role === "admin") return;
  await session.logout().catch(() => undefined);
  throw new SoukError(403, "forbidden", "This account is no administrator's.");
}

// The place: `#/deals/<id>`.
const hash = signal(location.hash);
addEventListener("hashchange", () => (hash.value = location.hash));
export const place = computed(() => {
  const [path = "", query = ""] = hash.value.replace(/^#\/?/, "").split("?");
  const [view = "", id = ""] = path.split("/");
  return { view, id: decodeURIComponent(id), query: new URLSearchParams(query) };
});

// Light and dark.
type Theme = "light" | "dark";
const dark = matchMedia("(prefers-color-scheme: dark)");
const chosen = localStorage.getItem("souk.theme") as Theme | null;
export const theme = signal<Theme>(chosen ?? (dark.matches ? "dark" : "light"));
dark.addEventListener("change", () => {
  if (!localStorage.getItem("souk.theme")) theme.value = dark.matches ? "dark" : "light";
});
effect(() => {
  document.documentElement.dataset.theme = theme.value;
});
export function toggleTheme(): void {
  theme.value = theme.value === "dark" ? "light" : "dark";
  localStorage.setItem("souk.theme", theme.value);
}

/** What went wrong, in words. */
export function wordsOf(error: unknown): string {
  if (!(error instanceof SoukError)) return String(error);
  const details = Object.entries(error.details).map(([field, text]) => `${field} ${text}`);
  return details.length > 0 ? details.join("; ") : error.message;
}
