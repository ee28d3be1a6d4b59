// How values are written.

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const NUMBER = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 1 });

export const clock = (time: string | number): string => CLOCK.format(new Date(time));
export const day = (time: string | undefined): string => (time ? DAY.format(new Date(time)) : "–");
export const number = (value: number): string => NUMBER.format(value);

/** The end of an id, which is what tells two of them apart. */
export const short = (id: string | undefined): string => (id ? `…${id.slice(-6)}` : "–");

/** `42 s`, `3 min`, `5 h`, `2 d`. */
export function age(seconds: number): string {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** `12 B`, `3.4 KiB`. */
export function bytes(count: number): string {
  if (count < 1024) return `${count} B`;
  return count < 1024 ** 2 ? `${number(count / 1024)} KiB` : `${number(count / 1024 ** 2)} MiB`;
}

/** `received_offers` is `received offers`. */
export const words = (text: string): string => text.replace(/[_-]/g, " ");
