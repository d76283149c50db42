// How values look: money is text from the kernel, and stays text; only its digits are grouped.

export function money(text, digits = 2) {
  if (text === null || text === undefined) return "–";
  const [whole, part = ""] = String(text).replace("-", "").split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
  const trimmed = part.replace(/0+$/, "");
  const rest = trimmed.length > digits ? `${trimmed.slice(0, digits)}…` : part.slice(0, digits).padEnd(digits, "0");
  const sign = String(text).startsWith("-") && Number(text) !== 0 ? "−" : "";
  return digits === 0 || rest === "" ? sign + grouped : `${sign}${grouped}.${rest}`;
}

export function plain(text) {
  if (text === null || text === undefined || text === "") return "–";
  const value = String(text);
  return value.includes(".") ? value.replace(/\.?0+$/, "") : value;
}

export const tone = (text) => (text === null || text === undefined || Number(text) === 0 ? "" : String(text).startsWith("-") ? "down" : "up");

export const clock = (at) => (at ? new Date(typeof at === "string" ? at : at / 1e6).toLocaleTimeString() : "–");

export function time(ns) {
  if (!ns) return "–";
  return new Date(ns / 1e6).toISOString().replace("T", " ").slice(0, 19);
}
